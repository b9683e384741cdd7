package fakelync

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// meeting is what a join URL names.
type meeting struct {
	organizer, id string
	domain        string // of the organizer's address
	incoming      string // the URL that was asked
	unknown       bool   // there is no such meeting
	elsewhere     string // the join URL at the organizer's home pool, when that is another one
}

// uri is the address of the conference's focus ([MS-CONFBAS] 4.1).
func (m meeting) uri() string { return focus(m.organizer+"@"+m.domain, m.id) }

// meetPage is the join launcher ([MS-CONFBAS] 4.1): the help page for /meet itself, the join page for
// <organizer>/<id>, and the meeting's data for clients that ask for those. In an organisation every user has one
// meeting; on a machine without one every pair names a meeting. The page shows both parts as they arrived, so an
// altered path shows. That there are no data of a meeting that is unknown (404), and that its page says so in a
// script, is inferred.
func (s *site) meetPage(q *query, rest string) response {
	const mediaMeeting = "application/vnd.microsoft.lync.meeting+xml"
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	switch {
	case parts[0] == "":
		return s.simplePage("Online meetings", "To join a meeting, open the whole address of the invitation.", "/meet")
	case strings.EqualFold(rest, joinScript[len("/meet"):]):
		return s.asset("var joinTexts = {};\r\n", "text/javascript; charset=utf-8")
	case len(parts) < 2 || len(parts) > 3 || parts[len(parts)-1] == "" || parts[len(parts)-2] == "":
		return s.page(http.StatusNotFound, 0)
	}
	m := s.meeting(q, parts)
	for _, r := range parseAccept(q.header["Accept"]) {
		if r.media == mediaMeeting && r.quality > 0 {
			if m.unknown {
				return s.page(http.StatusNotFound, 0)
			}
			answer := s.aspNet(http.StatusOK, mediaMeeting+"; charset=utf-8", "private")
			answer.body = []byte(s.confInfo(m))
			return answer
		}
	}
	return s.html(s.joinPage(q, m))
}

// meeting finds what a join URL names. Upper and lower case are alike in the organizer, not in the id.
func (s *site) meeting(q *query, parts []string) meeting {
	m := meeting{organizer: parts[len(parts)-2], id: parts[len(parts)-1], incoming: "https://" + q.asked + q.rawPath}
	m.domain = s.meetingDomain(q.host, parts[:len(parts)-2])
	if s.machine.Organisation == nil {
		return m
	}
	u := s.organisation.bySIP(m.organizer + "@" + m.domain)
	if u == nil || m.id != MeetingID {
		m.unknown = true
		return m
	}
	if home := s.organisation.home(u); home != nil && !strings.EqualFold(home.Name, s.pool()) {
		web := home.ExternalWeb
		if s.name == InternalSite {
			web = home.InternalWeb
		}
		m.elsewhere = s.conf.url(web, "/meet/"+url.PathEscape(m.domain)+"/"+url.PathEscape(m.organizer)+"/"+m.id)
	}
	return m
}

// meetingDomain is the SIP domain a meet URL belongs to: the one its path or host names, else the machine's first.
func (s *site) meetingDomain(host string, path []string) string {
	best := ""
	for _, d := range s.machine.SIPDomains {
		inPath := len(path) == 1 && strings.EqualFold(path[0], d)
		inHost := host == strings.ToLower(d) || strings.HasSuffix(host, "."+strings.ToLower(d))
		if inPath {
			return d
		}
		if inHost && len(d) > len(best) {
			best = d
		}
	}
	if best == "" {
		return s.machine.SIPDomains[0]
	}
	return best
}

// confInfo is the conference document. In pages of Skype for Business 2015 it holds the UCWA address of both sites,
// whichever answers; only ucwa-url tells them apart. Lync 2010 knows no UCWA.
func (s *site) confInfo(m meeting) string {
	var b strings.Builder
	element := func(name, text string) { b.WriteString("<" + name + ">" + xmlText(text) + "</" + name + ">") }
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><conf-info xmlns:xsd="http://www.w3.org/2001/XMLSchema"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://schemas.microsoft.com/rtc/2009/05/simplejoinconfdoc">`)
	element("conf-uri", m.uri())
	element("original-incoming-url", m.incoming)
	element("conf-key", m.id)
	element("fallback-url", m.incoming+"?sl=")
	if s.traits.ucwa {
		const applications = "/ucwa/v1/applications"
		in, ex := s.conf, s.other
		if s.name == ExternalSite {
			in, ex = ex, in
		}
		element("ucwa-url", s.url(applications))
		if ex.WebFQDN != "" {
			element("ucwa-ext-url", ex.url(ex.WebFQDN, applications))
		}
		if in.WebFQDN != "" {
			element("ucwa-int-url", in.url(in.WebFQDN, applications))
		}
	}
	b.WriteString("</conf-info>")
	return b.String()
}

// What the join page loads, from the host that it came from itself. Both names are inferred.
const (
	joinScript = "/meet/JavaScriptResourceHandler.ashx"
	joinStyle  = "/lwa/WebPages/css/join.css"
)

// joinPage is the launcher's page. The names of its script variables are those of real pages; reachURL is where the web
// app of the answering site is. A meeting of another pool is not opened here: the page's script sends the browser on.
// How an address opens the app of a phone is inferred.
func (s *site) joinPage(q *query, m meeting) string {
	data, reach, launch := "", "", ""
	agent := strings.ToLower(q.header.Get("User-Agent"))
	isPhone := strings.Contains(agent, "iphone") && !s.machine.OldJoinLauncher
	isPad := strings.Contains(agent, "ipad") && !s.machine.OldJoinLauncher
	isAndroid := strings.Contains(agent, "android")
	isMobile := isPhone || isPad || isAndroid
	if !m.unknown {
		data = s.confInfo(m)
		reach = s.url(s.traits.webApp) + "?xml=" + urlBase64(data)
		launch = "conf:" + m.uri() + "%3Frequired-media=audio"
		if isMobile {
			launch = "lync15:confjoin?url=" + url.QueryEscape(m.incoming)
		}
	}
	var b strings.Builder
	b.WriteString("<html xmlns=\"http://www.w3.org/1999/xhtml\" class=\"reachJoinHtml\">\r\n<head>\r\n" +
		"<meta http-equiv=\"X-UA-Compatible\" content=\"IE=10; IE=9; IE=8;\" />\r\n" +
		"<title>" + s.traits.title + "</title>\r\n")
	if s.traits.ucwa {
		b.WriteString("<link rel=\"stylesheet\" href=\"" + joinStyle + "\" />\r\n")
	}
	b.WriteString("<script type=\"text/javascript\" src=\"" + joinScript + "?language=en-US\"></script>\r\n<script type=\"text/javascript\">\r\n")
	variable := func(name, value string) { fmt.Fprintf(&b, "var %s = \"%s\";\r\n", name, value) }
	flag := func(name string, on bool) { variable(name, map[bool]string{true: "True", false: "False"}[on]) }
	variable("reachURL", reach)
	variable("escapedXML", scriptText(data))
	flag("validMeeting", !m.unknown)
	flag("reachClientRequested", q.param("sl") == "1")
	flag("isAndroid", isAndroid)
	flag("isIPhone", isPhone)
	flag("isIPad", isPad)
	flag("isMobile", isMobile)
	variable("domainOwnerJoinLauncherUrl", m.elsewhere)
	variable("lyncLaunchLink", scriptText(launch))
	machine, _, _ := strings.Cut(s.machine.FQDN, ".")
	variable("diagInfo", scriptText("Machine:"+strings.ToUpper(machine)+" Incoming URL:"+m.incoming))
	if m.elsewhere != "" {
		b.WriteString("window.location.replace(domainOwnerJoinLauncherUrl);\r\n")
	}
	b.WriteString("</script>\r\n</head>\r\n<body class=\"reachJoinBody\">\r\n")
	if m.unknown {
		b.WriteString("<p>Sorry, we cannot find this meeting. Check its address and try again.</p>\r\n")
	} else {
		fmt.Fprintf(&b, "<p>Joining <a href=\"%s\">%s</a></p>\r\n",
			html.EscapeString(s.url("/meet/"+url.PathEscape(m.organizer)+"/"+url.PathEscape(m.id))), html.EscapeString(m.id))
	}
	b.WriteString("</body>\r\n</html>\r\n")
	return b.String()
}

// asset is a file that a page loads.
func (s *site) asset(text, contentType string) response {
	r := s.aspNet(http.StatusOK, contentType, "private")
	r.body = []byte(text)
	return r
}

// urlBase64 is base64 with the three letters replaced that a query cannot hold, as the join page writes it.
func urlBase64(s string) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", "!").Replace(base64.StdEncoding.EncodeToString([]byte(s)))
}

// scriptText writes s inside a quoted script string: letters, digits, space and ,.-_ stay, the rest is escaped.
func scriptText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" ,.-_", r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// dialinPage is the dial-in conferencing page, with a link to sign in on the answering site.
func (s *site) dialinPage(_ *query, rest string) response {
	if strings.Trim(rest, "/") != "" {
		return s.page(http.StatusNotFound, 0)
	}
	return s.simplePage("Dial-in Conferencing Settings", "Sign in to see or change your PIN.", ticketPath+"/Auth")
}

// schedulerPage is the web scheduler's sign-in page.
func (s *site) schedulerPage(*query, string) response {
	return s.simplePage("Web Scheduler", "Sign in to schedule a meeting.", ticketPath+"/Auth")
}

// webAppPage is the web app, which anonymous guests open too, and its files.
func (s *site) webAppPage(_ *query, rest string) response {
	switch strings.ToLower(path.Ext(rest)) {
	case ".css":
		return s.asset("body { margin: 2em; }\r\n", "text/css")
	case ".js":
		return s.asset("var webApp = {};\r\n", "application/x-javascript")
	}
	return s.simplePage(s.traits.title, "Loading.", s.traits.webApp)
}

// simplePage is a page with a link into the site that answers.
func (s *site) simplePage(title, text, path string) response {
	return s.html("<!DOCTYPE html>\r\n<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<h1>" + title + "</h1>\r\n<p>" + text +
		"</p>\r\n<p><a href=\"" + s.url(path) + "\">" + title + "</a></p>\r\n</body>\r\n</html>\r\n")
}
