package grid

import (
	"strings"
	"time"
)

func bodyCases() []Case {
	must := func(c Case) Case {
		c.Group = groupBody
		c.Expect, c.Fine = "it arrives whole", passed
		return c
	}
	chunks := "4\r\nwiki\r\n5\r\npedia\r\n0\r\n\r\n"
	mega := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	expecting := func(id, title string, a Answer) Case {
		return Case{ID: id, Group: groupBody, Title: title, Why: "desktop clients and .NET send it before uploads", Expect: "what the web server says arrives", Fine: passed,
			Steps: []Step{{Send: []Piece{{Text: request("POST", "/ucwa/v1", "Expect: 100-continue", "Content-Length: 1048576") + "\r\n"}, {Await: " 100 ", Text: mega}}, Answer: a}}}
	}
	return []Case{
		must(Case{ID: "body", Title: "a body of 16 bytes", Why: "the usual case", Steps: once(post("0123456789abcdef", "Content-Length: 16"))}),
		must(Case{ID: "body-1m", Title: "a body of 1 MiB", Why: "the first limit that many proxies have", Steps: once(post(mega, "Content-Length: 1048576"))}),
		must(Case{ID: "body-3m", Title: "a body of 3 MiB", Why: "presentations are uploaded", Steps: once(post(mega+mega+mega, "Content-Length: 3145728"))}),
		must(Case{ID: "body-chunked", Title: "a chunked body", Why: "clients that stream do not know the length", Steps: once(post(chunks, "Transfer-Encoding: chunked"))}),
		must(Case{ID: "body-chunked-1m", Title: "a chunked body of 1 MiB", Why: "content of meetings", Steps: once(post("100000\r\n"+mega+"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))}),
		must(Case{ID: "chunk-upper", Title: "chunk sizes in capitals and with zeros", Why: "A is a", Steps: once(post("00A\r\n0123456789\r\n0\r\n\r\n", "Transfer-Encoding: Chunked"))}),
		{ID: "chunk-extension", Group: groupBody, Title: "chunk extensions", Why: "allowed, and ignored by all", Steps: once(post("4;a=b;c=\"d\"\r\nwiki\r\n0;z\r\n\r\n", "Transfer-Encoding: chunked"))},
		{ID: "chunk-trailer", Group: groupBody, Title: "trailer fields behind a chunked body", Why: "few need them", Steps: once(post("4\r\nwiki\r\n0\r\nX-Sum: 1\r\n\r\n", "Transfer-Encoding: chunked", "Trailer: X-Sum"))},
		expecting("expect-100", "Expect: 100-continue, and the server says 100", Answer{}),
		expecting("expect-417", "Expect: 100-continue, and the server says 417", Answer{Pieces: answer("417 Expectation Failed", "no", "Connection: close"), Early: true}),
		expecting("expect-401", "Expect: 100-continue, and the server says 401 at once", Answer{Pieces: answer("401 Unauthorized", "no", "WWW-Authenticate: NTLM", "Connection: close"), Early: true}),
		{ID: "early-413", Group: groupBody, Title: "413 before the body is read", Why: "the client must learn why its upload ended", Expect: "the client gets the 413", Fine: passed,
			Steps: []Step{{Send: []Piece{{Text: request("POST", "/ucwa/v1", "Content-Length: 1048576") + "\r\n" + mega[:1<<16]}, {Await: " 413 ", Text: mega[1<<16:]}}, Answer: Answer{Pieces: answer("413 Request Entity Too Large", "too large", "Connection: close"), Early: true}}}},
		{ID: "body-slow", Group: groupBody, Title: "a body in four parts, 300 ms apart", Why: "a phone on a poor line", Expect: "it arrives whole", Fine: passed,
			Steps: []Step{{Send: []Piece{{Text: request("POST", "/ucwa/v1", "Content-Length: 8") + "\r\nab"}, {Pause: gap, Text: "cd"}, {Pause: gap, Text: "ef"}, {Pause: gap, Text: "gh"}}}}},
		{ID: "head-slow", Group: groupBody, Title: "a head in four parts, 300 ms apart", Why: "a phone on a poor line", Expect: "it arrives whole", Fine: passed,
			Steps: []Step{{Send: []Piece{{Text: "GET /ucwa/v1 HTTP/1.1\r\nHo"}, {Pause: gap, Text: "st: " + Host + "\r\n"}, {Pause: gap, Text: "X-Grid: {tag}\r"}, {Pause: gap, Text: "\n\r\n"}}}}},
		{ID: "body-stops", Group: groupBody, Title: "the client leaves in the middle of a body", Why: "half an upload must not look like a whole one", Expect: "nothing, or a request that is cut", Fine: passed, judge: judgeCutUpload,
			Steps: []Step{{Send: send(request("POST", "/ucwa/v1", "Content-Length: 1000") + "\r\nonly this"), Leave: gap}}},
	}
}

// gap is a pause that a machine under load does not make by itself.
const gap = 300 * time.Millisecond

func timeCases() []Case {
	chunked := head("200 OK", "Content-Type: application/json", "Transfer-Encoding: chunked")
	drip := Answer{Pieces: []Piece{{Text: chunked + "3\r\none\r\n"}, {Pause: 200 * time.Millisecond, Text: "3\r\ntwo\r\n"}, {Pause: 200 * time.Millisecond, Text: "5\r\nthree\r\n"},
		{Pause: 200 * time.Millisecond, Text: "4\r\nfour\r\n"}, {Pause: 200 * time.Millisecond, Text: "4\r\nfive\r\n0\r\n\r\n"}}}
	measured := Answer{Pieces: []Piece{{Text: head("200 OK", "Content-Type: text/plain", "Content-Length: 9") + "one"}, {Pause: 400 * time.Millisecond, Text: "two"}, {Pause: 400 * time.Millisecond, Text: "end"}}}
	late := Answer{Pieces: []Piece{{Text: head("200 OK", "Content-Type: text/plain", "Transfer-Encoding: chunked")}, {Pause: 600 * time.Millisecond, Text: "3\r\nend\r\n0\r\n\r\n"}}}
	silent := Answer{Hold: 3 * time.Second}
	return []Case{
		{ID: "chunks-in-time", Group: groupTime, Title: "five chunks 200 ms apart", Why: "events come so; a proxy that collects them makes chats late", Expect: "each arrives when it was sent", Fine: passed, judge: judgeDrip, Steps: answered(get("/ucwa/v1/events"), drip)},
		{ID: "length-in-time", Group: groupTime, Title: "three parts of a known length 400 ms apart", Why: "large answers show progress", judge: judgeSpread, Steps: answered(get("/ucwa/v1/events"), measured)},
		{ID: "head-in-time", Group: groupTime, Title: "a head, and its body 600 ms later", Why: "what waits for the head must not wait for the body", Steps: answered(get("/ucwa/v1/events"), late)},
		{ID: "poll-3s", Group: groupTime, Title: "a poll that is silent for 3 s", Why: "mobile clients poll with minutes of silence", Expect: "the answer arrives", Fine: passed, Steps: answered(get("/ucwa/v1/events"), silent)},
		{ID: "poll-left", Group: groupTime, Title: "the client leaves during a poll", Why: "a poll that nobody waits for keeps a thread and a connection of the Front End", Expect: "the Front End notices within 2 s", Fine: passed, judge: judgeLeft,
			Steps: []Step{{Send: send(get("/ucwa/v1/events")), Leave: gap, Answer: silent}}},
	}
}

func answerCases() []Case {
	of := func(id, title, why string, a Answer) Case {
		return Case{ID: id, Group: groupAnswer, Title: title, Why: why, Steps: answered(get("/ucwa/v1"), a)}
	}
	must := func(c Case, expect string) Case {
		c.Expect, c.Fine = expect, asDirect
		return c
	}
	with := func(fields ...string) Answer { return Answer{Pieces: answer("200 OK", "ok", fields...)} }
	gzipped := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xcb\xcf\x06\x00\x47\xdd\xdc\x79\x02\x00\x00\x00"
	large := strings.Repeat("0123456789abcdef", 5<<16) // 5 MiB
	cached := answer("200 OK", "cached?", "Cache-Control: public, max-age=3600", `ETag: "1"`, "Last-Modified: Sun, 01 Nov 2026 12:00:00 GMT")
	malformed := func(c Case) Case { c.Malformed = true; return c }
	cut := func(a Answer) Answer { a.Close = true; return a }
	return []Case{
		must(of("authenticate", "401 with three offers", "the order of WWW-Authenticate decides what clients try first", Answer{Pieces: answer("401 Unauthorized", "no",
			`WWW-Authenticate: Bearer trusted_issuers="x", client_id="00000004-0000-0ff1-ce00-000000000000"`, "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM", `WWW-Authenticate: MsRtcOAuth href="https://`+Host+`/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows"`)}), "all offers, in order"),
		must(of("set-cookie", "three Set-Cookie fields", "joined by commas, cookies are lost", with("Set-Cookie: MS-WSMAN=1; path=/", "Set-Cookie: a=b; expires=Sun, 22 Nov 2026 12:00:00 GMT", "Set-Cookie: c=d; HttpOnly")), "three fields"),
		must(of("microsoft-fields", "X-Ms-diagnostics and others", "clients decide what to do next by them", with(`X-Ms-diagnostics: 28032;source="fe1.contoso.example";reason="The web ticket is invalid."`, "X-MS-Correlation-Id: 1", "X-MS-WebTicketURL: https://"+Host+"/WebTicket/WebTicketService.svc", "X-Powered-By: ASP.NET")), "they arrive"),
		of("redirect-public", "Location with the published name", "it is right as it stands", Answer{Pieces: answer("302 Found", "", "Location: https://"+Host+"/meet/x?y=%2F")}),
		of("redirect-inside", "Location with the web server's own name and port", "the client cannot go there; some proxies mend it", Answer{Pieces: answer("302 Found", "", "Location: https://fe1.contoso.example:4443/meet/")}),
		of("redirect-port", "Location with the published name and port 4443", "the external site's port is not published", Answer{Pieces: answer("302 Found", "", "Location: https://"+Host+":4443/meet/")}),
		must(of("redirect-relative", "Location with a path alone", "allowed (RFC 9110 §10.2.2)", Answer{Pieces: answer("302 Found", "", "Location: /meet/x")}), "it stays a path"),
		of("reason", "a reason phrase of its own", "403.4 is told by words", Answer{Pieces: answer("403 SSL Required By Policy", "no")}),
		must(of("status-404", "a 404 of the web server with a page", "the web server's page tells more than a proxy's", Answer{Pieces: answer("404 Not Found", "<html>by IIS</html>")}), "the web server's page"),
		must(of("status-503", "503 with Retry-After", "overload of the Front End; a proxy that takes it out of its list makes it worse", Answer{Pieces: answer("503 Service Unavailable", "busy", "Retry-After: 5")}), "the web server's page"),
		must(of("status-500", "500 with a diagnosis", "clients read X-Ms-diagnostics", Answer{Pieces: answer("500 Internal Server Error", "oops", `X-Ms-diagnostics: 25001;reason="x"`)}), "the web server's page"),
		of("status-unknown", "a status 299 of its own", "extensions", Answer{Pieces: answer("299 Odd", "odd")}),
		must(of("no-content", "204", "UCWA answers many requests so", Answer{Pieces: send(head("204 No Content"))}), "204 and no body"),
		of("no-content-length", "204 with Content-Length: 0", "IIS does this", Answer{Pieces: send(head("204 No Content", "Content-Length: 0"))}),
		of("not-modified", "304 with the length of what is not sent", "a proxy that waits for the body waits for ever", Answer{Pieces: send(head("304 Not Modified", `ETag: "1"`, "Content-Length: 1000"))}),
		of("early-hints", "103 before the answer", "new servers; old clients must not take it for the answer", Answer{Pieces: send("HTTP/1.1 103 Early Hints\r\nLink: </x.css>; rel=preload\r\n\r\n", answer("200 OK", "ok")[0].Text)}),
		of("continue-unasked", "100 that nobody asked for", "some servers send it", Answer{Pieces: send("HTTP/1.1 100 Continue\r\n\r\n", answer("200 OK", "ok")[0].Text)}),
		must(of("large", "5 MiB", "pages of the web client; more than proxies hold in memory", Answer{Pieces: answer("200 OK", large)}), "every byte"),
		must(of("gzipped", "a body in gzip", "what is packed stays packed", with("X-Note: none")), "byte for byte").withAnswer(answer("200 OK", gzipped, "Content-Encoding: gzip", "Vary: Accept-Encoding")),
		of("until-close", "a body that ends with the connection", "HTTP/1.0 servers", cut(Answer{Pieces: send(head("200 OK", "Content-Type: text/plain", "Connection: close") + "all of it")})),
		of("answer-trailer", "trailer fields behind a chunked answer", "few need them", Answer{Pieces: send(head("200 OK", "Transfer-Encoding: chunked", "Trailer: X-Sum") + "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n")}),
		{ID: "cut-length", Group: groupAnswer, Title: "the server dies in the middle of a known length", Why: "half a document must not look like a whole one", Expect: "the client can tell", Fine: passed, judge: judgeCutAnswer,
			Steps: answered(get("/ucwa/v1"), cut(Answer{Pieces: send(head("200 OK", "Content-Length: 1000") + strings.Repeat("x", 500))}))},
		{ID: "cut-chunked", Group: groupAnswer, Title: "the server dies in the middle of chunks", Why: "half a document must not look like a whole one", Expect: "the client can tell", Fine: passed, judge: judgeCutAnswer,
			Steps: answered(get("/ucwa/v1"), cut(Answer{Pieces: send(head("200 OK", "Transfer-Encoding: chunked") + "5\r\nhello\r\n5\r\nwo")}))},
		{ID: "no-answer", Group: groupAnswer, Title: "the server closes an old connection without an answer to POST", Why: "a recycled application pool", Alone: true, Expect: "502 or the end of the connection, and the request is not sent twice", Fine: []string{Same, Refused}, judge: judgeNoAnswer,
			Steps: []Step{{Send: send(get("/ucwa/v1"))}, {Send: send(post("{}", "Content-Length: 2")), Answer: cut(Answer{Pieces: send("")})}}},
		{ID: "no-answer-get", Group: groupAnswer, Title: "the server closes an old connection without an answer to GET", Why: "a recycled application pool; GET may be tried again", Alone: true, judge: judgeNoAnswer,
			Steps: []Step{{Send: send(get("/ucwa/v1"))}, {Send: send(get("/ucwa/v2")), Answer: cut(Answer{Pieces: send("")})}}},
		malformed(of("garbage", "an answer that is no HTTP", "something else listens on the port", cut(Answer{Pieces: send("SSH-2.0-OpenSSH_9.2\r\n")}))),
		malformed(of("answer-two-lengths", "an answer with two lengths", "what one proxy takes for an answer, another takes for two", cut(Answer{Pieces: send(head("200 OK", "Content-Length: 2", "Content-Length: 4") + "ok")}))),
		of("answer-header-32k", "a field of 32 KB in the answer", "long cookies and diagnoses", with("X-Long: "+strings.Repeat("l", 32<<10))),
		of("duplicate-fields", "Cache-Control twice, Vary twice", "lists may come in parts", with("Cache-Control: no-cache", "Cache-Control: no-store", "Vary: Origin", "Vary: Accept")),
		{ID: "cache", Group: groupAnswer, Title: "a second GET of what may be cached", Why: "discovery documents differ by client although they may be cached", Expect: "both reach the Front End", Fine: passed, judge: judgeCached, Alone: true,
			Steps: []Step{{Send: send(get("/grid-cacheable")), Answer: Answer{Pieces: cached}}, {Client: 1, Send: send(get("/grid-cacheable")), Answer: Answer{Pieces: cached}}}},
	}
}

// withAnswer gives the case's first step another answer.
func (c Case) withAnswer(pieces []Piece) Case {
	c.Steps[0].Answer.Pieces = pieces
	return c
}
