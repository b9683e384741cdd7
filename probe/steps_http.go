package probe

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// curlKept bounds a command line; cmd.exe takes 8191 characters.
const curlKept = 4 << 10

var purposeWords = map[string]string{
	GetRoot: "discovery", GetRootLegacy: "discovery as desktop clients ask", GetRootHTTP: "discovery over HTTP",
	GetService: "discovery service", GetServiceCase: "discovery service in other letter case",
	GetServiceQuery: "discovery service with a query", GetUser: "user resource",
	GetUserLegacy: "user resource as desktop clients ask", GetWebTicket: "web ticket service",
	PostToken: "token service", GetUCWA: "UCWA", GetContent: "content service",
	GetInternalOnly: "path of the internal site", GetDeviceInternal: "device update of the internal site",
	GetDeviceExternal: "device update of the external site", GetMeet: "meeting page", GetDialin: "dial-in page",
	GetOfficeWebApps: "Office Web Apps discovery", GetRepeat: "discovery once more",
	GetUnknownHost: "a host nobody publishes", GetHop: "next hop",
	SignInDiscovery: "discovery, signing in", SignInChallenge: "user resource without a ticket", SignInMetadata: "description of the ticket service",
	SignInTicket: "ticket", SignInStranger: "ticket without credentials", SignInUser: "user resource with a ticket", SignInApplication: "new application", SignInUCWA: "application",
	SignInEvents: "long poll", SignInMcx: "Mcx service", SignInRepeat: "application once more", SignInWithout: "application with a ticket nobody issued",
	SignInPut: "PUT to the application", UploadLarge: "2 MB", UploadChunked: "chunked body", UploadExpect: "body that waits for 100 (Continue)",
	UploadHeader: "header of 12 KB", GetGzip: "discovery, compressed", GetMeeting: "meeting", GetMeetingPhone: "meeting as a phone asks",
	GetMeetingXML: "meeting as programs ask", GetJoinAsset: "part of the meeting's page", PostAnonymous: "token for an anonymous participant", PostPassive: "page of passive sign-in",
	GetExchange: "Exchange discovery",
}

// withSecrets are the purposes of requests that carried what a record leaves out: no command line repeats them.
var withSecrets = []string{
	SignInTicket, SignInStranger, SignInUser, SignInApplication, SignInUCWA, SignInEvents, SignInMcx, SignInRepeat, SignInWithout, SignInPut,
	UploadLarge, UploadChunked, UploadExpect, UploadHeader, PostAnonymous,
}

// exchange shows one request. broken is why the connection under it failed, empty when it did not.
func (t *tree) exchange(x *Exchange, broken string) Step {
	s := Step{ID: t.id(fmt.Sprintf("exchange/%d", x.ID))}
	if !slices.Contains(withSecrets, x.Purpose) {
		s.Curl = curl(x, t.handshakes[x.Handshake])
	}
	s.Name = fmt.Sprintf("%s: %s %s", cmp.Or(purposeWords[x.Purpose], x.Purpose, "request"), x.Method, clip(x.URL))
	switch {
	case broken != "" && x.Status == 0 && !x.Outcome.OK():
		s.State, s.Detail = NotTried, clip("not tried because what it needs failed: "+broken)
	case x.Purpose == SignInEvents && x.Outcome.Code == Timeout:
		s.State, s.Detail = Noted, "no answer for as long as it was held; the long polls tell whether one was due"
	case !x.Outcome.OK():
		s.State, s.Detail = t.or(x, Failed), clip(silence(x))
	default:
		s.State = t.statusState(x)
		s.Detail = clip(answerWords(x))
	}
	return timed(s, x.Elapsed)
}

// or is the state given, but for requests whose refusal is what a healthy deployment does: these are noted.
func (t *tree) or(x *Exchange, state string) string {
	outside := t.sec.Vantage == External || t.sec.Vantage == WiFi
	switch x.Purpose {
	case GetUnknownHost:
		return Noted
	case GetInternalOnly, GetDeviceInternal:
		if outside {
			return Noted
		}
	case GetDeviceExternal:
		if !outside {
			return Noted
		}
	}
	return state
}

func (t *tree) statusState(x *Exchange) string {
	asks := []string{GetUser, GetUserLegacy, GetWebTicket, GetUCWA, GetContent, GetInternalOnly, SignInChallenge, SignInTicket, SignInWithout}
	wantsDocument := []string{GetRoot, GetRootLegacy, GetRootHTTP, GetService, GetServiceCase, GetServiceQuery, GetRepeat}
	switch {
	case x.Status >= 500:
		return t.or(x, Failed)
	case x.Status >= 200 && x.Status < 300:
		if slices.Contains(wantsDocument, x.Purpose) && x.Document == nil {
			return Noted
		}
		return t.or(x, Passed)
	case x.Status == http.StatusUnauthorized && slices.Contains(asks, x.Purpose),
		x.Status == http.StatusBadRequest && (x.Purpose == PostToken || x.Purpose == PostPassive):
		return t.or(x, Passed)
	}
	return Noted
}

// silence says how a request failed; an answer that broke off has a status.
func silence(x *Exchange) string {
	if x.Status != 0 {
		return fmt.Sprintf("the answer broke off: %s; %s", words(x.Outcome), answerWords(x))
	}
	return "no HTTP answer: " + words(x.Outcome)
}

// answerWords are the status, what it means here, and who answered.
func answerWords(x *Exchange) string {
	parts := []string{strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)))}
	switch {
	case x.Document.Redirect() != "":
		parts = append(parts, x.Document.Form+" document that leads to "+x.Document.Redirect())
	case x.Document != nil:
		parts = append(parts, x.Document.Form+" document with links to "+cmp.Or(strings.Join(x.Document.Hosts(), ", "), "nothing"))
		if l := x.Document.AccessLocation; l != "" {
			parts = append(parts, "access location "+l)
		}
	case x.Status == http.StatusUnauthorized:
		var schemes []string
		for _, v := range x.Header.Values("Www-Authenticate") {
			scheme, _, _ := strings.Cut(v, " ")
			schemes = append(schemes, scheme)
		}
		parts = append(parts, "asks for credentials by "+cmp.Or(strings.Join(schemes, ", "), "no scheme it names"))
	case x.Header.Get("Location") != "":
		parts = append(parts, "sends on to "+x.Header.Get("Location"))
	case x.Status == http.StatusBadRequest && x.Purpose == PostToken:
		parts = append(parts, "refuses the empty form, as it should")
	case x.Status >= 200 && x.Status < 300 && x.Header.Get("Content-Type") != "":
		parts = append(parts, x.Header.Get("Content-Type"))
	}
	if who := answeredBy(x); who != "" {
		parts = append(parts, "answered by "+who)
	}
	return strings.Join(parts, "; ")
}

// answeredBy names the machine or product that an answer shows to be of; empty when nothing tells.
func answeredBy(x *Exchange) string {
	m := MakerOf(x)
	switch fqdn := x.Header.Get("X-Ms-Server-Fqdn"); {
	case fqdn != "":
		return "Front End " + fqdn
	case m.FrontEnd:
		return m.Name()
	}
	return m.Product
}

// curl is a command line for a POSIX shell or PowerShell that sends the same request to the same address. It is
// empty when the URL is none that curl would take for a URL. h is the handshake under the request, or nil.
func curl(x *Exchange, h *Handshake) string {
	u, err := url.Parse(x.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	_, rest, _ := strings.Cut(x.URL, "://")
	rest, ok := strings.CutPrefix(rest, u.Host)
	if !ok { // a password in the URL is none of a command line
		return ""
	}
	args := []string{"curl", "-sk", "-i", "--http1.1", "--path-as-is", "-A", "lyncpin"}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	host, authority := u.Hostname(), u.Host
	ip, at, err := net.SplitHostPort(x.Addr)
	if h != nil && h.SNI != "" && !strings.EqualFold(h.SNI, host) { // curl takes the SNI from the URL
		args = append(args, "-H", shellQuote("Host: "+u.Host))
		host, port = h.SNI, cmp.Or(at, port)
		authority = net.JoinHostPort(host, port)
	}
	if err == nil && (ip != host || at != port) {
		if at == port {
			args = append(args, "--resolve", shellQuote(bracket(host)+":"+port+":"+bracket(ip)))
		} else { // --resolve keeps the URL's port
			args = append(args, "--connect-to", shellQuote(bracket(host)+":"+port+":"+bracket(ip)+":"+at))
		}
	}
	if x.Method == http.MethodPost {
		args = append(args, "-X", "POST", "-H", shellQuote("Content-Type: application/x-www-form-urlencoded;charset=UTF-8"), "-d", "''")
	} else if x.Method != http.MethodGet {
		args = append(args, "-X", shellQuote(x.Method))
	}
	args = append(args, "-H", shellQuote(strings.TrimSpace("Accept: "+x.Accept))) // without a value, curl leaves it out
	if strings.ContainsAny(x.URL, "[]{}") || strings.Contains(authority, "[") {
		args = append(args, "-g") // the URL is no pattern
	}
	line := strings.Join(append(args, "'"+quoteInside(u.Scheme+"://"+authority+rest)+"'"), " ")
	if len(line) > curlKept {
		return ""
	}
	return line
}

// bracket writes an IPv6 address as URLs do.
func bracket(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// shellQuote quotes what a shell would not take as it is.
func shellQuote(s string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._:/", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + quoteInside(s) + "'"
}

func quoteInside(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }

// walks show discovery as each client does it.
func (t *tree) walks() []Step {
	group := Step{ID: t.id("walks"), Name: "discovery as each client does it"}
	for i := range t.sec.Walks {
		w := &t.sec.Walks[i]
		path := "walk/" + w.Client + "/" + w.Domain
		s := Step{ID: t.id(path), Name: w.Client + " for " + w.Domain}
		switch {
		case w.Accepted != "":
			s.State, s.Detail = Passed, "uses "+w.Accepted
		case !t.asked(w):
			s.State, s.Detail = Noted, "no name that this client asks for is published here"
		case w.Fallback != "":
			s.State, s.Detail = Noted, "found no document; goes on with "+strings.ToUpper(w.Fallback)+" records"
		default:
			s.State, s.Detail = Failed, "found no document, and this client knows no other way"
		}
		s.Detail = clip(s.Detail)
		for j := range w.Attempts {
			s.Steps = append(s.Steps, t.attempt(&w.Attempts[j], fmt.Sprintf("%s/%d", path, j+1)))
		}
		group.Steps = append(group.Steps, bounded(s))
	}
	if len(group.Steps) == 0 {
		return nil
	}
	return []Step{grouped(group)}
}

// asked tells whether any name of the walk exists here or should.
func (t *tree) asked(w *Walk) bool {
	return slices.ContainsFunc(w.Attempts, func(a Attempt) bool {
		return a.Result != resultNoName || t.needed[hostOf(a.URL)]
	})
}

func (t *tree) attempt(a *Attempt, path string) Step {
	s := Step{ID: t.id(path), Name: clip(a.URL), State: Noted, Detail: clip(a.Result)}
	if a.OK {
		s.State = Passed
	}
	if x := t.exchanges[a.Exchange]; x != nil {
		s = timed(s, x.Elapsed)
		s.Curl = curl(x, t.handshakes[x.Handshake])
	}
	return s
}
