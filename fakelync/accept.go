package fakelync

import (
	"strconv"
	"strings"
)

// Document is one of the four forms of the discovery root.
type Document string

// The forms of the root: the older pair with tokens and AccessLocation, the newer pair with links.
const (
	LegacyXML  Document = "legacy-xml"
	LegacyJSON Document = "legacy-json"
	UCWAXML    Document = "ucwa-xml"
	UCWAJSON   Document = "ucwa-json"
)

// offer is something the root can be asked for: a media type and what is sent for it. The empty media type stands for
// requests that leave the choice to the server.
type offer struct {
	media       string
	document    Document
	contentType string
}

// Media types of the discovery documents ([MS-OCDISCWS] 3.1.5.2, UCWA SDK "Root URL").
const (
	mediaJSON       = "application/json"
	mediaXML        = "application/xml"
	mediaTextXML    = "text/xml"
	mediaLegacyXML  = "application/vnd.microsoft.rtc.autodiscover+xml"
	mediaLegacyJSON = "application/vnd.microsoft.rtc.autodiscover+json"
	mediaUCWAXML    = "application/vnd.microsoft.com.ucwa+xml"
	mediaUCWAJSON   = "application/vnd.microsoft.com.ucwa+json"
)

// offersOf returns what a product can send, its preferred document first. Without UCWA documents the plain JSON and XML
// types fall to the legacy forms.
func offersOf(ucwa bool, standard Document) []offer {
	plainType := mediaJSON
	if standard == LegacyXML || standard == UCWAXML {
		plainType = mediaXML
	}
	offers := []offer{{"", standard, plainType}}
	if ucwa {
		offers = append(offers,
			offer{mediaJSON, UCWAJSON, mediaJSON},
			offer{mediaXML, UCWAXML, mediaXML},
			offer{mediaUCWAJSON, UCWAJSON, mediaUCWAJSON + "; charset=utf-8"},
			offer{mediaUCWAXML, UCWAXML, mediaUCWAXML + "; charset=utf-8"})
	} else {
		offers = append(offers, offer{mediaJSON, LegacyJSON, mediaJSON}, offer{mediaXML, LegacyXML, mediaXML})
	}
	return append(offers,
		offer{mediaLegacyXML, LegacyXML, mediaLegacyXML + "; v=1"},
		offer{mediaLegacyJSON, LegacyJSON, mediaLegacyJSON + "; v=1"},
		offer{mediaTextXML, LegacyXML, mediaTextXML})
}

// mediaRange is one element of an Accept header (RFC 9110, 12.5.1).
type mediaRange struct {
	media   string // lower case
	quality float64
}

// parseAccept reads all Accept lines. An element with a quality that is none, or with a v other than 1, is left out:
// version 1 is the only one the documents have.
func parseAccept(lines []string) []mediaRange {
	var ranges []mediaRange
	for _, element := range strings.Split(strings.Join(lines, ","), ",") {
		media, params, _ := strings.Cut(element, ";")
		m := mediaRange{media: strings.ToLower(strings.TrimSpace(media)), quality: 1}
		usable := m.media != ""
		for param := range strings.SplitSeq(params, ";") {
			name, value, _ := strings.Cut(param, "=")
			value = strings.Trim(strings.TrimSpace(value), `"`)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "q":
				q, err := strconv.ParseFloat(value, 64)
				usable = usable && err == nil && q >= 0 && q <= 1
				m.quality = q
			case "v":
				usable = usable && value == "1"
			}
		}
		if usable {
			ranges = append(ranges, m)
		}
	}
	return ranges
}

// specificity says how exactly a range names a media type: 3 by name, 2 by its kind, 1 as */*, 0 not at all.
func (m mediaRange) specificity(media string) int {
	kind, _, _ := strings.Cut(media, "/")
	switch m.media {
	case media:
		return 3
	case kind + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

// negotiate picks the offer a client likes best: by quality, then by how exactly it was named, then by the client's
// order, then by the server's. A client that names nothing the server has gets the server's choice: no public source
// shows a 406 from the root.
func negotiate(accept []string, offers []offer) offer {
	type score struct {
		quality  float64
		specific int
		place    int // in the client's order
	}
	ranges := parseAccept(accept)
	best, bestScore := offers[0], score{}
	for _, o := range offers {
		media := o.media
		if media == "" {
			media = o.contentType
		}
		got := score{}
		for i, m := range ranges {
			sp := m.specificity(media)
			if o.media == "" && sp == 3 {
				got = score{} // what is asked for by name is not left to the server
				break
			}
			if sp > got.specific || sp == got.specific && sp > 0 && m.quality > got.quality {
				got = score{m.quality, sp, i}
			}
		}
		switch {
		case got.quality == 0:
		case got.quality > bestScore.quality,
			got.quality == bestScore.quality && got.specific > bestScore.specific,
			got.quality == bestScore.quality && got.specific == bestScore.specific && got.place < bestScore.place:
			best, bestScore = o, got
		}
	}
	return best
}
