// Package proxy is a reverse proxy for the web services of Lync Server and Skype for Business Server, and for what is
// published beside them: Office Web Apps, Exchange, plain web sites.
//
//	cfg, err := proxy.LoadConfig("proxy.yaml", data)
//	…
//	s, err := proxy.Start(ctx, cfg)
//	…
//	defer s.Close()
//
// # Model
//
// Listeners (HTTPS and HTTP) take requests. Publishing rules are tried first to last; the first whose listener, host,
// path, method, header fields and source fit decides: it names web servers, or gives a fixed answer, or resets the
// connection. A request that fits no rule is refused with a page of the proxy's own, so the proxy is never an open one.
// A web server is an alias for an address, a port and the way to speak to it. Without a port the flip of Lync applies:
// 443 arrives at 4443, and 80 at 8080.
//
// What passes is left alone: the Host header, the path and the query byte for byte, header fields in their spelling, bodies,
// reason phrases, Location. X-Forwarded-For, -Host and -Proto are added and hop-by-hop fields are dropped. Bodies stream both ways,
// and "Expect: 100-continue", early refusals, trailers, protocol upgrades and long polls pass as they are.
//
// # The border
//
// A request is read as RFC 9112 has it and no other way. What could mean two things to two readers (two lengths, odd chunks, a
// line feed alone, a folded field, a second Host) is refused with 400, what is too much with 431, what is too slow with 408, and
// the connection ends. Chunks are taken apart and put together again, without extensions.
//
// # Life of a request
//
// A client connection is a session: one goroutine, one request after the other. It waits for a head (session.go), understands it
// (head.go, border.go), finds the rule (serve.go), takes a connection out of the web server's pool or opens one (carry.go, pool.go),
// writes the head anew, line by line (compose.go), with as much of the body as has come; the rest of a body goes on beside it
// (upload.go). Then it waits for the answer: half a second with everything in hand, so that a request without a body can be sent
// again over a new connection when the old one had ended; after that, as for polls, without any buffer and with an eye on
// the client (departures.go): one set of sockets for all clients that wait, or a goroutine each where the system has none. The
// answer is passed on as it comes (answer.go), in as few writes as bytes come in (outlet.go), and the connection goes back to the
// pool before the client has the last byte. Whatever a session waits for, a brake can end. Clients of HTTP/2 are served by net/http,
// whose requests are said over again to sessions within the process (http2.go).
//
// # Connection-bound authentication
//
// NTLM and Negotiate authenticate a connection, not a request. As soon as a client connection sends such an
// Authorization field, it gets an upstream connection of its own to one web server. Nobody else ever uses that
// connection, and it ends with the client's. Over HTTP/2 ([TLSOptions.HTTP2]) a request with such a field is reset with
// HTTP_1_1_REQUIRED, after which browsers and curl come again over HTTP/1.1 (http2_required.go).
//
// # Counters
//
// What the proxy does is counted, without a lock on the way of a request, and read with [Server.Counters].
//
// # Limits
//
// Both sides speak HTTP/1.1, because connection-bound authentication is not defined over HTTP/2 ([TLSOptions.HTTP2] offers
// it to clients all the same, [Rule.HTTP10] speaks an older one to web servers). A path with an invalid percent escape is
// refused with 400. Over HTTP/2, names of header fields come in their canonical spelling, and a target that begins with two slashes
// has bytes outside RFC 3986 escaped. A body that is refused before it was sent ("Expect: 100-continue") costs the client its
// connection, and a pinned one with it. A switch to HTTP/2 by Upgrade is not passed on, for it would lead past the rules. There is
// no cache, no compression and no authentication by the proxy itself. No Via is added, though RFC 9110, 7.6.3 wants one: IIS stops
// compressing when it sees it.
package proxy
