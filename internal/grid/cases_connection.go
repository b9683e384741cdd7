package grid

import (
	"strings"
	"time"
)

func connectionCases() []Case {
	upgrade := func(id, title, to string, a Answer) Case {
		return Case{ID: id, Group: groupConnection, Title: title, Why: "Office Web Apps and monitors of meetings use web sockets", Alone: true,
			Steps: answered(get("/ucwa/v1", "Connection: Upgrade", "Upgrade: "+to, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version: 13"), a)}
	}
	switched := Answer{Pieces: send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n", "\x81\x05hello"), Close: true}
	return []Case{
		{ID: "keep-alive", Group: groupConnection, Title: "two requests on a connection", Why: "log-ons live on connections", Expect: "the connection lives on", Fine: passed, Alone: true, judge: judgeKept,
			Steps: []Step{{Send: send(get("/ucwa/v1"))}, {Send: send(get("/ucwa/v2"))}}},
		{ID: "keep-alive-401", Group: groupConnection, Title: "a request after a 401 on a connection", Why: "a log-on begins with a 401", Expect: "the connection lives on", Fine: passed, Alone: true, judge: judgeKept,
			Steps: []Step{{Send: send(get("/ucwa/v1")), Answer: Answer{Pieces: answer("401 Unauthorized", "no", "WWW-Authenticate: Basic realm=\"x\"")}}, {Send: send(get("/ucwa/v2"))}}},
		{ID: "keep-alive-404", Group: groupConnection, Title: "a request after a 404 on a connection", Why: "nobody should be cut off for it", Expect: "the connection lives on", Fine: passed, Alone: true, judge: judgeKept,
			Steps: []Step{{Send: send(get("/ucwa/v1")), Answer: Answer{Pieces: answer("404 Not Found", "no")}}, {Send: send(get("/ucwa/v2"))}}},
		{ID: "close", Group: groupConnection, Title: "Connection: close of the client", Why: "it is for the proxy; the upstream connection may live on", Alone: true, Steps: once(get("/ucwa/v1", "Connection: close"))},
		{ID: "close-answer", Group: groupConnection, Title: "Connection: close in the answer", Why: "a client that relies on its connection must learn of its end", Alone: true,
			Steps: []Step{{Send: send(get("/ucwa/v1")), Answer: Answer{Pieces: answer("200 OK", "ok", "Connection: close"), Close: true}}}},
		{ID: "pipelined", Group: groupConnection, Title: "two requests at once", Why: "old clients pipeline", Expect: "two answers, in order", Fine: passed, Alone: true,
			Steps: []Step{{Send: send(get("/ucwa/first") + get("/ucwa/second")), Answers: 2}}},
		{ID: "pipelined-post", Group: groupConnection, Title: "a POST and a GET at once", Why: "old clients pipeline", Expect: "two answers, in order", Fine: passed, Alone: true,
			Steps: []Step{{Send: send(post("abcd", "Content-Length: 4") + get("/ucwa/second")), Answers: 2}}},
		{ID: "empty-lines", Group: groupConnection, Title: "empty lines before a request", Why: "servers should pass over one (RFC 9112 §2.2)", Alone: true, Steps: once("\r\n\r\n" + get("/ucwa/v1"))},
		upgrade("web-socket", "a web socket that the server takes", "websocket", switched),
		upgrade("web-socket-refused", "a web socket that the server does not take", "websocket", Answer{}),
		upgrade("upgrade-unknown", "an upgrade to something unknown", "lync/9", Answer{}),
		upgrade("upgrade-h2c", "an upgrade to h2c", "h2c", Answer{}),
		{ID: "interleaved", Group: groupConnection, Title: "two clients in turns", Why: "whether each has a connection of its own", Alone: true,
			Steps: []Step{{Send: send(get("/ucwa/v1"))}, {Client: 1, Send: send(get("/ucwa/v1"))}, {Send: send(get("/ucwa/v1"))}, {Client: 1, Send: send(get("/ucwa/v1"))}}},
	}
}

func logOnCases() []Case {
	auth := Answer{Authenticates: true}
	one := func(token string) string { return get("/WebTicket/WebTicketService.svc", "Authorization: NTLM "+token) }
	anonymous := get("/WebTicket/WebTicketService.svc")
	step := func(client int, text string) Step { return Step{Client: client, Send: send(text), Answer: auth} }
	alice, bob := legThree+"alice", legThree+"bob"
	return []Case{
		{ID: "ntlm", Group: groupLogOn, Title: "an NTLM log-on in three legs", Why: "desktop clients and devices sign in so; all legs need one connection to one server", Expect: "the client is logged on", Fine: passed, Alone: true, judge: judgeLogOn,
			Steps: []Step{step(0, anonymous), step(0, one(legOne)), step(0, one(alice)), step(0, anonymous)}},
		{ID: "ntlm-leak", Group: groupLogOn, Title: "another client after a log-on", Why: "whoever comes next must not be taken for the one before", Expect: "401", Fine: passed, Alone: true, judge: judgeLeak,
			Steps: []Step{step(0, one(legOne)), step(0, one(alice)), step(1, anonymous)}},
		{ID: "ntlm-two", Group: groupLogOn, Title: "two log-ons in turns", Why: "in the morning all sign in at once", Expect: "both are logged on as who they are", Fine: passed, Alone: true, judge: judgeLogOns,
			Steps: []Step{step(0, one(legOne)), step(1, one(legOne)), step(0, one(alice)), step(1, one(bob)), step(0, anonymous), step(1, anonymous)}},
		{ID: "ntlm-post", Group: groupLogOn, Title: "a log-on with bodies", Why: "web tickets are asked for with POST", Expect: "the client is logged on", Fine: passed, Alone: true, judge: judgeLogOn,
			Steps: []Step{step(0, post("", "Content-Length: 0", "Authorization: NTLM "+legOne)), step(0, post(strings.Repeat("b", 3000), "Content-Length: 3000", "Authorization: NTLM "+alice))}},
	}
}

// smuggleWait is enough for an answer, and for a proxy that waits for more of a request it has read in its own way.
const smuggleWait = 1200 * time.Millisecond

func smugglingCases() []Case {
	of := func(id, title, text string) Case {
		inner := hidden(id)
		text = strings.NewReplacer("{inner}", inner, "{length}", itoa(len(inner)), "{more}", itoa(len("0\r\n\r\n"+inner))).Replace(text)
		return Case{ID: id, Group: groupSmuggling, Title: title, Why: "two servers that read it in two ways let one client speak for another",
			Expect: "refused, or passed on in one plain way", Fine: harmless, Alone: true,
			Malformed: true,
			Steps:     []Step{{Send: send(text), Wait: smuggleWait}}}
	}
	both := func(fields ...string) string { return request("POST", "/ucwa/v1", fields...) }
	return []Case{
		of("length-and-chunked", "Content-Length and chunked", both("Content-Length: 6", "Transfer-Encoding: chunked")+"\r\n0\r\n\r\n{inner}"),
		of("chunked-and-length", "chunked, and a Content-Length that covers more", both("Transfer-Encoding: chunked", "Content-Length: {more}")+"\r\n0\r\n\r\n{inner}"),
		of("two-lengths", "two different lengths", both("Content-Length: 0", "Content-Length: 4")+"\r\nGET "),
		of("two-equal-lengths", "the same length twice", both("Content-Length: 4", "Content-Length: 4")+"\r\nbody"),
		of("length-list", "a list of lengths", both("Content-Length: 4, 4")+"\r\nbody"),
		of("length-plus", "Content-Length: +4", both("Content-Length: +4")+"\r\nbody"),
		of("length-hex", "Content-Length: 0x4", both("Content-Length: 0x4")+"\r\nbody"),
		of("length-zeros", "Content-Length: 0004", both("Content-Length: 0004")+"\r\nbody"),
		of("length-negative", "Content-Length: -1", both("Content-Length: -1")+"\r\n"),
		of("length-huge", "a length above 64 bits", both("Content-Length: 18446744073709551620")+"\r\nbody"),
		of("length-space", "a space before the colon of Content-Length", both("Content-Length : 4")+"\r\nbody"),
		of("length-underscore", "Content_Length", both("Content_Length: 4", "Content-Length: 0")+"\r\n"),
		of("coding-space", "a space before the colon of Transfer-Encoding", both("Transfer-Encoding : chunked", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-fold", "Transfer-Encoding on a folded line", both("Transfer-Encoding:\r\n chunked", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-tab", "a vertical tab before chunked", both("Transfer-Encoding: \vchunked", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-unknown", "Transfer-Encoding: xchunked", both("Transfer-Encoding: xchunked", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-identity", "Transfer-Encoding: chunked, identity", both("Transfer-Encoding: chunked, identity", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-two", "two Transfer-Encodings", both("Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("coding-gzip", "Transfer-Encoding: gzip, chunked", both("Transfer-Encoding: gzip, chunked")+"\r\n0\r\n\r\n"),
		of("coding-http10", "chunked in HTTP/1.0", strings.Replace(both("Transfer-Encoding: chunked"), "HTTP/1.1", "HTTP/1.0", 1)+"\r\n4\r\nbody\r\n0\r\n\r\n"),
		of("chunk-size-hex", "a chunk of the size 0x4", both("Transfer-Encoding: chunked")+"\r\n0x4\r\nbody\r\n0\r\n\r\n"),
		of("chunk-size-space", "a space before a chunk's size", both("Transfer-Encoding: chunked")+"\r\n 4\r\nbody\r\n0\r\n\r\n"),
		of("chunk-size-huge", "a chunk's size above 64 bits", both("Transfer-Encoding: chunked")+"\r\n10000000000000004\r\nbody\r\n0\r\n\r\n"),
		of("chunk-bare-lf", "chunk lines that end with LF alone", both("Transfer-Encoding: chunked")+"\r\n4\nbody\n0\n\n"),
		of("chunk-extension-lf", "LF alone in a chunk extension", both("Transfer-Encoding: chunked")+"\r\n4;a\nb\r\nbody\r\n0\r\n\r\n"),
		of("chunk-too-long", "a chunk longer than its size", both("Transfer-Encoding: chunked")+"\r\n2\r\nbody\r\n0\r\n\r\n"),
		of("bare-lf", "lines that end with LF alone", strings.ReplaceAll(get("/ucwa/v1", "X-A: b"), "\r\n", "\n")),
		of("bare-lf-hidden", "a field behind LF alone", get("/ucwa/v1", "X-A: b\nX-Hidden: 1")),
		of("bare-cr", "CR alone inside a value", get("/ucwa/v1", "X-A: b\rX-Hidden: 1")),
		of("nul", "NUL inside a value", get("/ucwa/v1", "X-A: b\x00c")),
		of("fold", "a folded field", get("/ucwa/v1", "X-A: b\r\n c")),
		of("fold-first", "a folded line behind the request line", "GET /ucwa/v1 HTTP/1.1\r\n X-A: b\r\nHost: "+Host+"\r\nX-Grid: {tag}\r\n\r\n"),
		of("space-colon", "a space before a colon", get("/ucwa/v1", "X-A : b")),
		of("no-colon", "a line without a colon", get("/ucwa/v1", "X-A")),
		of("empty-name", "a field without a name", get("/ucwa/v1", ": b")),
		of("space-name", "a space in a name", get("/ucwa/v1", "X A: b")),
		of("two-spaces", "two spaces in the request line", strings.Replace(get("/ucwa/v1"), "GET ", "GET  ", 1)),
		of("tab-line", "tabs in the request line", strings.Replace(get("/ucwa/v1"), "GET ", "GET\t", 1)),
		of("version-odd", "HTTP/1.10", strings.Replace(get("/ucwa/v1"), "HTTP/1.1", "HTTP/1.10", 1)),
		of("target-lf", "an escaped CR LF in the target", get("/ucwa/v1%0d%0aX-Hidden:%201")),
		of("upgrade-body", "h2c with a body", get("/ucwa/v1", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Content-Length: 0")),
		of("get-hidden", "GET with a length, and a request as its body", get("/ucwa/v1", "Content-Length: {length}")+"{inner}"),
	}
}
