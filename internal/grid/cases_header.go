package grid

import (
	"fmt"
	"strings"
)

func headerCases() []Case {
	with := func(id, title, why string, fields ...string) Case {
		return Case{ID: id, Group: groupHeader, Title: title, Why: why, Steps: once(get("/ucwa/v1", fields...))}
	}
	must := func(c Case) Case {
		c.Expect, c.Fine = "all of it arrives", asDirect
		return c
	}
	return []Case{
		must(with("authorization", "Authorization: Bearer", "every signed-in request", "Authorization: Bearer cwt=abc==")),
		must(with("web-ticket", "X-MS-WebTicket and others of Microsoft's", "phones sign in with it", "X-MS-WebTicket: cwt=AAEBHAEFAAA==", "X-Ms-Client-Request-Id: {4d1f}", "X-MS-Namespace: internal")),
		must(with("cookie", "Cookie with several pairs", "the affinity cookie MS-WSMAN and others", "Cookie: MS-WSMAN=1; a=\"b c\"; MS-WSMAN=2")),
		with("cookie-two", "two Cookie fields", "HTTP/1.1 has one; some proxies join them", "Cookie: MS-WSMAN=1", "Cookie: other=2"),
		with("authorization-two", "two Authorization fields", "which one counts is anybody's guess", "Authorization: Bearer one", "Authorization: Bearer two"),
		must(with("empty-value", "a field without a value", "SOAPAction may be empty", "SOAPAction: ", "X-Empty:")),
		must(with("soap-action", "SOAPAction with quotes and a URL", "web tickets are asked for with it", `SOAPAction: "http://docs.oasis-open.org/ws-sx/ws-trust/200512/RST/Issue"`)),
		must(with("accept", "Accept of discovery, twice", "it chooses the form of the discovery document", "Accept: application/vnd.microsoft.rtc.autodiscover+xml;v=1", "Accept: application/json")),
		with("accept-encoding", "Accept-Encoding", "a proxy that takes it away makes pages larger; one that adds it must unpack", "Accept-Encoding: gzip, deflate"),
		must(with("origin", "Origin and Referer", "the web client's frames are checked by them", "Origin: https://meet.contoso.example", "Referer: https://meet.contoso.example/x?y")),
		with("underscore", "an underscore in a name", "some proxies drop the field without a word", "X_Ms_Test: 1"),
		with("unusual-name", "!#$%&'*+-.^`|~ in a name", "all are allowed (RFC 9110 §5.6.2)", "X-!#$%&'*+-.^`|~: 1"),
		with("latin1", "bytes above 127 in a value", "user agents hold names of places", "User-Agent: T\xe9l\xe9phone"),
		with("tabs", "tabs and spaces around a value", "white space around values means nothing", "X-Tab: \t a\tb \t"),
		with("forwarded-for", "X-Forwarded-For from the client", "IIS logs it; who trusts the first entry trusts the client", "X-Forwarded-For: 192.0.2.99"),
		with("forwarded-two", "two X-Forwarded-For fields", "as two proxies in a row leave them", "X-Forwarded-For: 192.0.2.99", "X-Forwarded-For: 192.0.2.98"),
		with("forwarded-proto", "X-Forwarded-Proto and -Host from the client", "a client can claim to have come over TLS", "X-Forwarded-Proto: http", "X-Forwarded-Host: elsewhere.fabrikam.example"),
		with("forwarded", "Forwarded from the client", "the standard's own field (RFC 7239)", "Forwarded: for=192.0.2.99;proto=http"),
		with("via", "Via from the client", "some web servers stop compressing because of it", "Via: 1.1 phone-gateway"),
		with("hop-by-hop", "a field that Connection names", "it is for the next hop only (RFC 9110 §7.6.1)", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5"),
		{ID: "hop-by-hop-vital", Group: groupHeader, Title: "Connection names Authorization and Host", Why: "a client can make some proxies drop what they or the web server rely on",
			Steps: once(get("/ucwa/v1", "Connection: close, Authorization, X-Forwarded-For, Host", "Authorization: Bearer abc"))},
		with("te", "TE: trailers", "for the next hop only", "TE: trailers", "Connection: TE"),
		with("proxy-authorization", "Proxy-Authorization", "for a proxy, not for the Front End", "Proxy-Authorization: Basic bGFi"),
		with("range", "Range", "parts of large files", "Range: bytes=0-9"),
		with("if-none-match", "If-None-Match and If-Modified-Since", "what is asked must reach who knows", "If-None-Match: \"abc\"", "If-Modified-Since: Sun, 22 Nov 2026 12:00:00 GMT"),
		with("cache-control", "Cache-Control: no-cache", "a refresh by the user", "Cache-Control: no-cache", "Pragma: no-cache"),
		{ID: "many", Group: groupHeader, Title: "100 fields", Why: "a browser behind several gateways", Steps: once(get("/ucwa/v1", manyFields(100, 10)...))},
		{ID: "user-agent-none", Group: groupHeader, Title: "no User-Agent, no Accept", Why: "monitors ask so; filters do not like it", Expect: "it passes", Fine: passed, Steps: once(get("/ucwa/v1"))},
	}
}

func manyFields(n, size int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("X-Many-%d: %s", i, strings.Repeat("m", size))
	}
	return out
}

func sizeCases() []Case {
	var out []Case
	for _, kb := range []int{4, 8, 16, 32, 64, 100} {
		one := Case{ID: fmt.Sprintf("authorization-%dk", kb), Group: groupHeader, Title: fmt.Sprintf("Authorization of %d KB", kb),
			Why:   "Kerberos tickets of members of many groups: 12 KB by default, 48 KB and more where it was raised",
			Steps: once(get("/ucwa/v1", "Authorization: Negotiate "+strings.Repeat("A", kb<<10)))}
		many := Case{ID: fmt.Sprintf("cookies-%dk", kb), Group: groupHeader, Title: fmt.Sprintf("%d KB in lines of 1 KB", kb),
			Why: "cookies and tickets together", Steps: once(get("/ucwa/v1", manyFields(kb, 1<<10-14)...))}
		if kb <= 16 {
			one.Expect, one.Fine = "IIS takes 16 KB: it arrives", asDirect
			many.Expect, many.Fine = one.Expect, one.Fine
		}
		out = append(out, one, many)
	}
	return out
}
