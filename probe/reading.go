package probe

import (
	"fmt"
	"slices"
	"strings"
)

// Trust is the verification that counts at this place: against the public roots, and against the organisation's
// too where devices are managed.
func (p *Place) Trust(h *Handshake) Outcome {
	if p.Section.ManagedDevices && h.Enterprise.OK() {
		return h.Enterprise
	}
	return h.Public
}

// Maker says who made an answer, as far as its marks tell.
type Maker struct {
	// FrontEnd says that a Lync or Skype for Business server made it.
	FrontEnd bool
	// Product is the best guess at the software: "IIS", "http.sys", "nginx", "HAProxy", "Squid", …; empty when
	// nothing tells.
	Product string
	// Marks are the headers that say so.
	Marks string
}

// Name is Product, or words for its absence.
func (m Maker) Name() string {
	switch {
	case m.FrontEnd:
		return "the Front End"
	case m.Product != "":
		return m.Product
	}
	return "something that is no Front End"
}

// MakerOf reads the marks of an answer. X-MS-Server-Fqdn is on every Front End answer that was captured; where a
// proxy strips it, the challenge of the ticket services is as good.
func MakerOf(x *Exchange) Maker {
	get := func(canonical string) string { // Header.Get without the search for the canonical name
		if values := x.Header[canonical]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	if f := get("X-Ms-Server-Fqdn"); f != "" {
		return Maker{FrontEnd: true, Product: "IIS", Marks: "X-MS-Server-Fqdn: " + f}
	}
	for _, c := range x.Header["Www-Authenticate"] {
		if strings.Contains(c, "MsRtcOAuth") {
			return Maker{FrontEnd: true, Product: "IIS", Marks: "WWW-Authenticate: MsRtcOAuth"}
		}
	}
	if get("X-Ms-Diagnostics") != "" {
		return Maker{FrontEnd: true, Product: "IIS", Marks: "X-Ms-diagnostics"}
	}
	server := get("Server")
	for _, m := range marks {
		for _, value := range x.Header[m.header] {
			if strings.Contains(strings.ToLower(value), m.part) {
				return Maker{Product: m.product, Marks: m.header + ": " + value}
			}
		}
	}
	if server == "" && strings.EqualFold(get("Cache-Control"), "no-cache") && strings.HasPrefix(strings.TrimSpace(x.Body), "<html><body><h1>") {
		return Maker{Product: "HAProxy", Marks: "its terse page"}
	}
	return Maker{Product: server}
}

// marks are parts of headers, in lower case, by which products are known, the surest first.
var marks = []struct{ header, part, product string }{
	{"X-Squid-Error", "", "Squid"},
	{"X-Feserver", "", "Exchange"}, {"X-Owa-Version", "", "Exchange"},
	{"X-Powered-By", "arr/", "IIS ARR"},
	{"Server", "squid", "Squid"}, {"Server", "nginx", "nginx"}, {"Server", "apache", "Apache"}, {"Server", "caddy", "Caddy"},
	{"Server", "lyncpin", "the lyncpin proxy"}, {"Server", "microsoft-httpapi", "http.sys"}, {"Server", "bigip", "F5"},
	{"Server", "bunkerweb", "nginx"}, {"Via", "squid", "Squid"}, {"Via", "ns-cache", "NetScaler"},
	{"Set-Cookie", "bigipserver", "F5"}, {"Set-Cookie", "nsc_", "NetScaler"}, {"Set-Cookie", "mrhsession", "F5 APM"},
	{"Server", "microsoft-iis", "IIS"},
}

// LooksLikeHTML tells an answer for people from one for programs.
func LooksLikeHTML(x *Exchange) bool {
	if strings.Contains(strings.ToLower(x.Header.Get("Content-Type")), "html") {
		return true
	}
	start := strings.ToLower(strings.TrimSpace(x.Body))
	return strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html")
}

// Sites of a Front End.
const (
	InternalSite = "internal"
	ExternalSite = "external"
)

// Sign is an independent sign of which web site answered.
type Sign struct {
	// Site is InternalSite or ExternalSite.
	Site string
	Evidence
}

// SignsOf reads which web site answered a host at this place: the AccessLocation of the legacy documents, the
// hosts in the links, the virtual directories that only one of the sites has. purposes limits the exchanges read;
// none means all.
func (p *Place) SignsOf(host string, purposes ...string) []Sign {
	var signs []Sign
	for _, x := range p.ExchangesFor(host, purposes...) {
		if site, text := p.siteOf(x); site != "" {
			signs = append(signs, Sign{Site: site, Evidence: p.SawExchange(x, "%s", text)})
		}
	}
	return signs
}

// SiteOf is the site that one exchange shows; empty when it shows none.
func (p *Place) SiteOf(x *Exchange) string {
	if site := declaredSite(x); site != "" { // most documents say so: the words for it would cost more
		return site
	}
	site, _ := p.siteOf(x)
	return site
}

// declaredSite is the site of which an answer's document says that it is; empty when it does not.
func declaredSite(x *Exchange) string {
	if d := x.Document; d != nil && x.Outcome.OK() && x.Status == 200 {
		switch site := strings.ToLower(d.AccessLocation); site {
		case InternalSite, ExternalSite:
			return site
		}
	}
	return ""
}

func (p *Place) siteOf(x *Exchange) (site, text string) {
	if !x.Outcome.OK() {
		return "", ""
	}
	if d := x.Document; d != nil && x.Status == 200 {
		if site := declaredSite(x); site != "" {
			return site, fmt.Sprintf("%s answers AccessLocation=%s, with links to %s", x.URL, d.AccessLocation, strings.Join(d.Hosts(), ", "))
		}
		expected := p.view.Expected()
		for _, h := range d.Hosts() {
			switch internal, external := containsFold(expected.InternalWeb, h), containsFold(expected.ExternalWeb, h); {
			case internal && !external:
				return InternalSite, fmt.Sprintf("the links in the answer of %s name %s, the internal web FQDN", x.URL, h)
			case external && !internal:
				return ExternalSite, fmt.Sprintf("the links in the answer of %s name %s, the external web FQDN", x.URL, h)
			}
		}
		return "", ""
	}
	made := MakerOf(x)
	switch x.Purpose {
	case GetInternalOnly:
		switch {
		case x.Status == 404 && made.FrontEnd:
			return ExternalSite, fmt.Sprintf("%s answers 404: the directory exists only on the internal web site", x.URL)
		case made.FrontEnd && (x.Status == 401 || x.Status == 200 || x.Status == 302):
			return InternalSite, fmt.Sprintf("%s answers %d: that directory exists only on the internal web site", x.URL, x.Status)
		}
	case GetDeviceInternal:
		if made.FrontEnd && x.Status == 200 {
			return InternalSite, fmt.Sprintf("%s answers 200: that directory exists only on the internal web site", x.URL)
		}
	case GetDeviceExternal:
		if made.FrontEnd && x.Status == 200 {
			return ExternalSite, fmt.Sprintf("%s answers 200: that directory exists only on the external web site", x.URL)
		}
	}
	return "", ""
}

// WebHosts are the hosts that discovery answers of Front Ends named at this place, sorted.
func (p *Place) WebHosts() []string {
	var hosts []string
	for _, x := range p.Exchanges(GetRoot, GetRootLegacy, GetRootHTTP, GetHop, GetService) {
		if x.Document != nil {
			hosts = append(hosts, x.Document.Hosts()...)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(l string) bool { return strings.EqualFold(l, s) })
}
