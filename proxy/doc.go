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
// What passes is left alone: the Host header, the path and the query byte for byte, header fields, bodies, Location.
// X-Forwarded-For, -Host and -Proto are added and hop-by-hop fields are dropped. Bodies stream both ways, and
// "Expect: 100-continue", early refusals, trailers, protocol upgrades and long polls pass as they are.
//
// # Connection-bound authentication
//
// NTLM and Negotiate authenticate a connection, not a request. As soon as a client connection sends such an
// Authorization field, it gets an upstream connection of its own to one web server. Nobody else ever uses that
// connection, and it ends with the client's.
//
// # Limits
//
// Both sides speak HTTP/1.1, because connection-bound authentication is not defined over HTTP/2 ([TLSOptions.HTTP2] offers
// it to clients all the same, [Rule.HTTP10] speaks an older one to web servers). Reason phrases are the
// standard ones, and names of header fields are sent in their canonical spelling. A path with an invalid percent escape is
// refused with 400. A target that begins with two slashes has bytes outside RFC 3986 escaped. A body that is refused
// before it was sent ("Expect: 100-continue") costs the client its connection, and a pinned one with it. There is no cache,
// no compression and no authentication by the proxy itself.
package proxy
