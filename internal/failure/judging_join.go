package failure

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"lyncpin/probe"
)

// What follows is about one meeting, by its whole URL.

// noMeeting is the verdict for records of those who named no meeting.
var noMeeting = probe.NotApplicable("no meeting was looked at: its whole URL was not given, or not reached")

var (
	variablePattern = regexp.MustCompile(`^var\s+(\w+)\s*=\s*["']([^"'\n]*)["']`)
	escapePattern   = regexp.MustCompile(`\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}`)
)

// pageVariable is a variable of a join page's script; ok is false when the page has none of that name, as pages of other
// versions may, or not in what was kept of it.
func pageVariable(x *probe.Exchange, name string) (value string, ok bool) {
	if !strings.Contains(x.Body, name) {
		return "", false
	}
	for at := 0; ; at++ {
		next := strings.Index(x.Body[at:], "var") // a page is long: the pattern looks at declarations of that name only
		if next < 0 {
			return "", false
		}
		at += next
		if !strings.HasPrefix(strings.TrimLeft(x.Body[at+len("var"):], "\t\n\f\r "), name) {
			continue
		}
		if m := variablePattern.FindStringSubmatch(x.Body[at:]); m != nil && m[1] == name {
			return escapePattern.ReplaceAllStringFunc(m[2], func(e string) string {
				n, err := strconv.ParseUint(e[2:], 16, 32)
				if err != nil {
					return e
				}
				return string(rune(n))
			}), true
		}
	}
}

// isJoinPage tells whether the answer is the Front End's page for a meeting, known or not.
func isJoinPage(x *probe.Exchange) bool {
	if x.Status != 200 {
		return false
	}
	_, ok := pageVariable(x, "reachURL")
	return ok || fromFrontEnd(x)
}

// asksForWebApp tells whether the request was for the web app whatever clients there are. MSXFAQ, "Meeting Join".
func asksForWebApp(x *probe.Exchange) bool { return strings.HasSuffix(x.URL, "sl=1") }

// plainJoinPage is the page at the same address without the web app asked for; nil when there is none.
func plainJoinPage(p *probe.Place, like *probe.Exchange) *probe.Exchange {
	for _, x := range p.Exchanges(probe.GetMeeting) {
		if x.Addr == like.Addr && !asksForWebApp(x) && isJoinPage(x) {
			return x
		}
	}
	return nil
}

// meetingKnown tells whether a Front End knows the meeting by the path that it got; sure is false when the answer does
// not say. The meeting's data are for those that are known ([MS-CONFBAS] 4.1); that 404 in their place, beside a page, is
// for the others is inferred.
func meetingKnown(p *probe.Place, x *probe.Exchange) (known, sure bool) {
	if x.Purpose == probe.GetMeetingXML {
		switch {
		case x.Status == 200 && strings.Contains(x.Body, "<conf-uri>"):
			return true, true
		case x.Status == 404 && fromFrontEnd(x) && plainJoinPage(p, x) != nil:
			return false, true
		}
		return false, false
	}
	if valid, ok := pageVariable(x, "validMeeting"); ok && isJoinPage(x) {
		return strings.EqualFold(valid, "true"), true
	}
	return false, false
}

// pathReceived is the path by which the Front End was asked for the meeting, as its page shows it; empty when it does not.
func pathReceived(x *probe.Exchange) string {
	info, _ := pageVariable(x, "diagInfo")
	_, incoming, ok := strings.Cut(info, "Incoming URL:")
	u, err := url.Parse(strings.TrimSpace(incoming))
	if !ok || err != nil {
		return ""
	}
	return u.EscapedPath()
}
