package grid

import (
	"fmt"
	"strings"
	"time"
)

// forged is an answer that nobody asked for.
const forged = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nforged"

// borderCases are one of each kind of what makes two readers disagree, in either direction, beyond the shapes of smugglingCases: whether
// a request or an answer can become somebody else's.
func borderCases() []Case {
	of := func(id, title, text string) Case {
		return Case{ID: id, Group: groupBorder, Title: title, Why: "what the Front End reads otherwise than the proxy becomes another client's request",
			Expect: "refused, or passed on in one plain way", Fine: harmless, Alone: true, Malformed: true,
			Steps: []Step{{Send: send(strings.ReplaceAll(text, "{inner}", hidden(id))), Wait: smuggleWait}}}
	}
	// left is an answer with something more; the next client comes when that has arrived.
	left := func(id, title, method string, pieces ...Piece) Case {
		return Case{ID: id, Group: groupBorder, Title: title, Why: "what is left over on a shared connection answers the next client",
			Expect: "the next client gets its own answer", Fine: harmless, Alone: true, Malformed: true, judge: judgeForged,
			Steps: []Step{
				{Send: send(request(method, "/ucwa/v1") + "\r\n"), Answer: Answer{Pieces: pieces}, Wait: smuggleWait},
				{Client: 1, Send: []Piece{{Pause: 300 * time.Millisecond, Text: get("/ucwa/v2")}}},
			}}
	}
	both := func(fields ...string) string { return request("POST", "/ucwa/v1", fields...) }
	chunks := both("Transfer-Encoding: chunked") + "\r\n"
	plain := answer("200 OK", "ok")[0]
	return []Case{
		of("border-pipelined", "a bad request, and a good one behind it", strings.Replace(get("/ucwa/v1"), "X-Grid:", "X Bad: x\r\nX-Grid:", 1)+"{inner}"),
		of("border-options-body", "OPTIONS with a body that is a request", request("OPTIONS", "/ucwa/v1", "Content-Length: "+itoa(len(hidden("border-options-body"))))+"\r\n{inner}"),
		of("border-connection-length", "Connection names Content-Length", both("Connection: Content-Length", "Content-Length: 4")+"\r\nbody"),
		of("border-connection-host", "Connection names Host", get("/ucwa/v1", "Connection: Host")),
		of("border-expect-odd", "Expect with more than 100-continue", both("Expect: y 100-continue", "Content-Length: 4")+"\r\nbody"),
		of("border-expect-get", "Expect without a body", get("/ucwa/v1", "Expect: 100-continue")+"{inner}"),
		of("border-kelvin", "chunked with a letter that folds to k", both("Transfer-Encoding: chun\xe2\x84\xaaed", "Content-Length: 5")+"\r\n0\r\n\r\n"),
		of("border-chunk-wrap", "a chunk's size of 32 bits and more", chunks+"100000004\r\nbody\r\n0\r\n\r\n"),
		of("border-chunk-sign", "a chunk's size with a sign", chunks+"+4\r\nbody\r\n0\r\n\r\n"),
		of("border-chunk-end", "a chunk without its line end", chunks+"4\r\nbody0\r\n\r\n"),
		of("border-last-chunk-lf", "LF alone behind the last chunk", chunks+"4\r\nbody\r\n0\r\n\n{inner}"),
		of("border-trailer-length", "Content-Length in a trailer", chunks+"4\r\nbody\r\n0\r\nContent-Length: 60\r\n\r\n{inner}"),
		of("border-trailer-announced", "Trailer names Content-Length", both("Trailer: Content-Length", "Transfer-Encoding: chunked")+"\r\n4\r\nbody\r\n0\r\n\r\n"),
		of("border-host-ports", "Host with two ports", strings.Replace(get("/ucwa/v1"), "Host: "+Host, "Host: "+Host+":443:80", 1)),
		of("border-host-user", "Host with a user", strings.Replace(get("/ucwa/v1"), "Host: ", "Host: x@", 1)),
		of("border-version-2", "HTTP/2.0 in words of HTTP/1.1", strings.Replace(get("/ucwa/v1"), "HTTP/1.1", "HTTP/2.0", 1)),

		left("border-extra", "an answer, and another at once", "GET", Piece{Text: plain.Text + forged}),
		left("border-extra-later", "an answer, and another a moment later", "GET", plain, Piece{Pause: 50 * time.Millisecond, Text: forged}),
		left("border-204-body", "204 with a body", "GET", Piece{Text: head("204 No Content", "Content-Length: "+itoa(len(forged))) + forged}),
		left("border-304-body", "304 with a body", "GET", Piece{Text: head("304 Not Modified", "Content-Length: "+itoa(len(forged))) + forged}),
		left("border-101-unasked", "101 that nobody asked for", "GET", Piece{Text: head("100 Continue") + head("101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket") + forged}),
		left("border-answer-both", "an answer with a length and chunks", "GET", Piece{Text: head("200 OK", "Content-Length: 2", "Transfer-Encoding: chunked") + "2\r\nok\r\n0\r\n\r\n" + forged}),
		left("border-answer-split", "CR alone in a field of an answer", "GET", Piece{Text: head("200 OK", "X-A: b\rSet-Cookie: c=d", "Content-Length: 2") + "ok"}),
		left("border-answer-chunk", "an odd chunk in an answer", "GET", Piece{Text: head("200 OK", "Transfer-Encoding: chunked") + "2\r\nok\r\n0x0\r\n\r\n" + forged}),
	}
}

// hidden is a request within another one.
func hidden(id string) string {
	return fmt.Sprintf("GET /smuggled HTTP/1.1\r\nHost: %s\r\nX-Grid: grid-%s.%d\r\n\r\n", Host, id, hiddenStep)
}

// judgeForged looks at what the second client got.
func judgeForged(_, via *Observation) (verdict, says string) {
	if r := via.reply(1, 0); strings.Contains(string(r.body.data), "forged") {
		return Unsafe, "another client gets what was left over"
	}
	return "", ""
}
