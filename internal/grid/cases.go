package grid

import "strings"

// Groups of cases.
const (
	groupURL        = "url"
	groupHeader     = "header"
	groupName       = "name"
	groupMethod     = "method"
	groupBody       = "body"
	groupAnswer     = "answer"
	groupTime       = "time"
	groupConnection = "connection"
	groupLogOn      = "log-on"
	groupSmuggling  = "smuggling"
	groupBorder     = "border"
)

// Cases are all, in the order in which they are shown.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{urlCases(), headerCases(), sizeCases(), nameCases(), methodCases(), bodyCases(), answerCases(), timeCases(),
		connectionCases(), logOnCases(), smugglingCases(), borderCases()} {
		all = append(all, group...)
	}
	return all
}

// Verdicts that are expected where there is a right and a wrong.
var (
	asDirect    = []string{Same}
	passed      = []string{Same, Differs}
	refusedOnly = []string{Refused}
	harmless    = []string{Same, Differs, Refused} // whatever it is, as long as two servers cannot read it in two ways
)

func urlCases() []Case {
	plain := func(id, title, why, target string) Case {
		return Case{ID: id, Group: groupURL, Title: title, Why: why, Steps: once(get(target))}
	}
	must := func(c Case) Case {
		c.Expect, c.Fine = "the target arrives byte for byte", asDirect
		return c
	}
	long := func(id, title string, size int, why string) Case {
		return plain(id, title, why, "/WebTicket/x?"+strings.Repeat("a", size-len("/WebTicket/x?")))
	}
	return []Case{
		{ID: habitCase, Group: groupURL, Title: "a plain GET", Why: "what a proxy does to every request is told once and left out elsewhere", Expect: "it passes", Fine: asDirect,
			Steps: once(get("/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example", "X-MS-Namespace: internal"))},
		must(plain("url-escaped-slash", "%2F in the path", "meeting and UCWA identifiers hold escaped characters", "/ucwa/v1/a%2Fb%2fc")),
		must(plain("url-escaped-percent", "%25 in the path", "decoding twice changes what is asked for", "/ucwa/v1/50%25/a%252Fb")),
		plain("url-escaped-backslash", "%5C in the path", "IIS takes a backslash for a slash", "/ucwa/v1%5C..%5Cx"),
		plain("url-escaped-nul", "%00 in the path", "nobody needs it; IIS answers 400", "/ucwa/v1/a%00b"),
		must(plain("url-escaped-letter", "%61 for a letter", "signatures over URLs break when a proxy writes them anew", "/ucw%61/v1/%7Euser?x=%7e")),
		must(plain("url-double-slash", "// in the path", "old clients join paths with two slashes", "/Autodiscover//AutodiscoverService.svc/root")),
		plain("url-leading-slashes", "// at the beginning", "some proxies take what follows for a host", "//ucwa/v1/applications"),
		plain("url-dot", "/./ in the path", "resolved or not, it must lead to the same place", "/ucwa/./v1/applications"),
		plain("url-dot-dot", "/../ in the path", "a rule for /meet must not let /meet/../ through to something else", "/meet/../ucwa/v1/applications"),
		plain("url-escaped-dot-dot", "/%2e%2e/ in the path", "as /../ in other words: a rule and the web server must agree on it", "/meet/%2e%2e/ucwa/v1/applications"),
		plain("url-above-root", "/../ above the root", "nobody needs it", "/../../ucwa/v1"),
		must(plain("url-case", "mixed case in the path", "clients write /Autodiscover, /autodiscover and /AutoDiscover", "/AUTODISCOVER/autodiscoverservice.SVC/Root")),
		must(plain("url-parameters", "; in the path", "parameters of a path segment", "/ucwa/v1/a;b=c;d/e")),
		must(plain("url-empty-query", "a bare ? at the end", "hashes over URLs see the difference", "/ucwa/v1/applications?")),
		must(plain("url-odd-query", "unusual characters in the query", "links of UCWA carry escaped URLs and colons in the query", "/meet/?sl=1&a=b%26c&d=http://x/?y&e='(f)'&&g=+%20")),
		must(plain("url-plus", "+ in the path", "a plus is a plus in a path, and no space", "/ucwa/v1/a+b%2Bc")),
		plain("url-raw-utf8", "bytes of UTF-8 in the path", "names of users in links that somebody typed", "/meet/m\xc3\xbcller/ABC"),
		must(plain("url-escaped-utf8", "escaped UTF-8 in the path", "names of users in links", "/meet/m%C3%BCller/ABC")),
		plain("url-percent-u", "%u00fc in the path", "old scripts of Microsoft escape so; no standard knows it", "/meet/m%u00fcller/ABC"),
		plain("url-bad-escape", "%zz in the path", "a bad escape that IIS refuses itself", "/meet/100%zz/ABC"),
		plain("url-unwise", "{}|^ in the path and the query", "characters that RFC 3986 forbids and clients send", "/ucwa/{v1}|x^y`?q={a}|b"),
		plain("url-space", "a space in the target", "the request line has three words; with a space it has four", "/meet/a b"),
		plain("url-fragment", "# in the target", "a fragment does not belong here", "/meet/a#b"),
		must(long("url-2k", "a target of 2 KB", 2<<10, "links of web tickets and ADFS are long")),
		must(long("url-4k", "a target of 4 KB", 4<<10, "links of ADFS are long")),
		long("url-8k", "a target of 8 KB", 8<<10, "a line for many defaults"),
		long("url-16k", "a target of 16 KB", 16<<10, "IIS takes 16 KB of a URL"),
		{ID: "url-absolute", Group: groupURL, Title: "absolute-form", Why: "a client that believes to speak to a forward proxy; the server must use its host",
			Steps: once(get("https://" + Host + "/ucwa/v1/applications"))},
		{ID: "url-absolute-other", Group: groupURL, Title: "absolute-form, and another name in Host", Why: "the URL's host goes before Host (RFC 9112 §3.2.2): both must not decide",
			Steps: once("GET https://" + unpublished + "/ucwa/v1 HTTP/1.1\r\nHost: " + Host + "\r\nX-Grid: {tag}\r\n\r\n")},
		{ID: "url-absolute-plain", Group: groupURL, Title: "absolute-form without TLS", Why: "as a forward proxy sends it; an open proxy would follow it anywhere", Plain: true,
			Expect: "it does not lead out", Fine: harmless,
			Steps: once("GET http://elsewhere.fabrikam.example/ HTTP/1.1\r\nHost: elsewhere.fabrikam.example\r\nX-Grid: {tag}\r\n\r\n")},
	}
}

func nameCases() []Case {
	named := func(id, title, why, host string) Case {
		return Case{ID: id, Group: groupName, Title: title, Why: why,
			Steps: once("GET /ucwa/v1 HTTP/1.1\r\nHost: " + host + "\r\nX-Grid: {tag}\r\n\r\n")}
	}
	port := named("host-port", "a port in Host", "Host as the web server sees it: with :443 when the client wrote it", Host+":443")
	port.Expect, port.Fine = "Host arrives as it was sent", passed
	upper := named("host-upper", "Host in capitals", "names have no case", strings.ToUpper(Host))
	upper.Expect, upper.Fine = "published all the same", passed
	unknown := named("host-unknown", "a host that nobody published", "whoever scans addresses sends it: it must not reach the Front End", "unknown.fabrikam.example")
	unknown.Expect, unknown.Fine = "refused", refusedOnly
	address := named("host-address", "an address as the host", "whoever scans addresses sends it", "203.0.113.10")
	address.Expect, address.Fine = "refused", refusedOnly
	empty := named("host-empty", "an empty Host", "allowed by the letter only", "")
	none := Case{ID: "host-none", Group: groupName, Title: "no Host in HTTP/1.1", Why: "a web server must answer 400 (RFC 9112 §3.2)", Expect: "refused", Fine: refusedOnly,
		Steps: once("GET /ucwa/v1 HTTP/1.1\r\nX-Grid: {tag}\r\n\r\n")}
	two := Case{ID: "host-two", Group: groupName, Title: "two Host fields", Why: "the proxy would check the one, the Front End serve the other", Expect: "refused", Fine: refusedOnly,
		Steps: once("GET /ucwa/v1 HTTP/1.1\r\nHost: " + Host + "\r\nHost: " + unpublished + "\r\nX-Grid: {tag}\r\n\r\n")}
	return []Case{port, upper, named("host-dot", "a dot behind the host", "fully qualified as in DNS; few proxies take it for the same name", Host+"."),
		unknown, address, empty, none, two,
		{ID: "sni-none", Group: groupName, Title: "no name in the TLS handshake", Why: "old clients and monitors send none", Expect: "the first certificate answers", Fine: passed, SNI: noSNI, Steps: once(get("/ucwa/v1"))},
		{ID: "sni-other-host", Group: groupName, Title: "another name in TLS than in Host, both published", Why: "clients reuse a connection for all names of its certificate", SNI: "meet.contoso.example", Steps: once(get("/ucwa/v1"))},
		{ID: "sni-unpublished", Group: groupName, Title: "a name in TLS that the certificate has and no rule", Why: "it tells whether TLS or Host decides", SNI: unpublished, Steps: once(get("/ucwa/v1"))},
		{ID: "sni-unknown", Group: groupName, Title: "a name in TLS that nobody has", Why: "whoever scans addresses; the client refuses the certificate, or the proxy the handshake", SNI: "unknown.fabrikam.example", Steps: once(get("/ucwa/v1"))},
	}
}

func methodCases() []Case {
	method := func(id, title, why, text string) Case {
		return Case{ID: id, Group: groupMethod, Title: title, Why: why, Steps: once(text)}
	}
	must := func(c Case) Case {
		c.Expect, c.Fine = "it passes", passed
		return c
	}
	return []Case{
		must(method("put", "PUT with a body", "UCWA uses PUT", request("PUT", "/ucwa/v1", "If-Match: \"1\"", "Content-Length: 4")+"\r\nbody")),
		must(method("patch", "PATCH with a body", "later versions of UCWA", request("PATCH", "/ucwa/v1", "Content-Length: 4")+"\r\nbody")),
		must(method("delete", "DELETE", "UCWA ends applications so", request("DELETE", "/ucwa/v1/applications/1")+"\r\n")),
		method("delete-body", "DELETE with a body", "unusual and allowed", request("DELETE", "/ucwa/v1", "Content-Length: 4")+"\r\nbody"),
		method("get-body", "GET with a body", "unusual; a proxy that forgets the body reads it as the next request", request("GET", "/ucwa/v1", "Content-Length: 4")+"\r\nbody"),
		must(method("options", "OPTIONS with an origin", "the web client asks so across hosts (CORS)", request("OPTIONS", "/ucwa/v1", "Origin: https://meet.contoso.example", "Access-Control-Request-Method: POST")+"\r\n")),
		method("options-asterisk", "OPTIONS *", "a question to the server, not to a page", request("OPTIONS", "*")+"\r\n"),
		must(method("post-empty", "POST with Content-Length: 0", "UCWA has many", request("POST", "/ucwa/v1/events", "Content-Length: 0")+"\r\n")),
		method("post-lengthless", "POST without a length", "IIS answers 411", request("POST", "/ucwa/v1/events")+"\r\n"),
		method("unknown", "MERGE", "an extension of Microsoft's", request("MERGE", "/ucwa/v1", "Content-Length: 4")+"\r\nbody"),
		method("propfind", "PROPFIND", "WebDAV, as Office asks", request("PROPFIND", "/ucwa/v1", "Depth: 0", "Content-Length: 0")+"\r\n"),
		method("lower-case", "get in small letters", "methods have case; IIS does not know it", request("get", "/ucwa/v1")+"\r\n"),
		method("made-up", "a method of 40 letters", "nobody needs it", request(strings.Repeat("LYNC", 10), "/ucwa/v1")+"\r\n"),
		{ID: "connect", Group: groupMethod, Title: "CONNECT", Why: "whoever looks for an open proxy sends it", Expect: "refused", Fine: refusedOnly,
			Steps: answered("CONNECT elsewhere.fabrikam.example:443 HTTP/1.1\r\nHost: elsewhere.fabrikam.example:443\r\nX-Grid: {tag}\r\n\r\n", Answer{Close: true})},
		{ID: "trace", Group: groupMethod, Title: "TRACE", Why: "it would show a client's own secrets to a script", Steps: once(request("TRACE", "/ucwa/v1") + "\r\n")},
		{ID: "head", Group: groupMethod, Title: "HEAD, and a length in the answer", Why: "a proxy that waits for the body waits for ever", Expect: "it passes, and the connection lives on", Fine: passed, Alone: true, judge: judgeKept,
			Steps: []Step{{Send: send(request("HEAD", "/ucwa/v1") + "\r\n"), Answer: Answer{Pieces: answer("200 OK", "twelve bytes")}}, {Send: send(get("/ucwa/v1/next"))}}},
		{ID: "http10", Group: groupMethod, Title: "HTTP/1.0", Why: "old monitors", Steps: once("GET /ucwa/v1 HTTP/1.0\r\nHost: " + Host + "\r\nX-Grid: {tag}\r\n\r\n")},
		{ID: "http10-keep-alive", Group: groupMethod, Title: "HTTP/1.0 that keeps the connection", Why: "as ab and old balancers do", Alone: true, Steps: []Step{
			{Send: send("GET /ucwa/v1 HTTP/1.0\r\nHost: " + Host + "\r\nConnection: keep-alive\r\nX-Grid: {tag}\r\n\r\n")},
			{Send: send("GET /ucwa/v2 HTTP/1.0\r\nHost: " + Host + "\r\nConnection: keep-alive\r\nX-Grid: {tag}\r\n\r\n")}}},
		{ID: "http09", Group: groupMethod, Title: "HTTP/0.9", Why: "a line without a version; nobody needs it, and it has no host", Expect: "refused", Fine: refusedOnly,
			Steps: []Step{{Send: send("GET /{tag}\r\n"), Answer: Answer{Pieces: send("ok"), Close: true}}}},
		{ID: "http2-words", Group: groupMethod, Title: "HTTP/2.0 in the request line", Why: "a version that has no such line", Expect: "refused", Fine: refusedOnly,
			Steps: once("GET /ucwa/v1 HTTP/2.0\r\nHost: " + Host + "\r\nX-Grid: {tag}\r\n\r\n")},
	}
}
