package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"time"
)

// Config is everything the proxy is told. Start and Reload keep slices, maps and pointers of it: do not change them afterwards.
type Config struct {
	// HTTPS and HTTP are the addresses to listen on: "203.0.113.10:443", ":443" for every address, or a bare port,
	// "8443", for 127.0.0.1. At least one is needed in all.
	HTTPS, HTTP []string
	// Certificates are chosen by the name a client asks for (SNI). The first also answers clients that ask for an
	// unknown name or none, unless TLS.StrictSNI is set. At least one is needed when there is an HTTPS listener. Of several
	// for one name, a client gets the first it understands, those with an RSA key last, for they cost the most.
	Certificates []Certificate
	// TLS governs the HTTPS listeners.
	TLS TLSOptions
	// WebServers are what the rules may name.
	WebServers []WebServer
	// Rules are tried first to last; the first that fits decides.
	Rules []Rule
	// Unknown says what becomes of a request that fits no rule.
	Unknown Unknown
	// Forwarded says what to do with X-Forwarded-For: "append" (also "") adds the client to the list that came in, "replace"
	// starts a new list, "none" sends none of the X-Forwarded fields.
	Forwarded string
	// HideHops keeps rule, web server and address out of the proxy's own pages. They stay in the log.
	HideHops bool
	// ProxyProtocol expects of every connection the header of the PROXY protocol, of either version, which a balancer in front sends to name the
	// client. Connections that begin otherwise are reset.
	ProxyProtocol bool
	// MaxHeader is the most bytes the header fields of a request may have in all; more is refused with 431. Zero means 128 KiB.
	MaxHeader int
	// MaxFields is the most header fields a request may have; more are refused with 431. Zero means 256.
	MaxFields int
	// MaxConnectionsPerSource is the most connections that one client address, or one IPv6 network of 64 bits, may have open at a time.
	// What comes beyond is closed at once, and logged once a minute for each address. Zero means no limit, for all clients of a company,
	// or all that come through a balancer, can have one address. A client has up to about six connections: 4096 are enough for an
	// office of 500. With ProxyProtocol it is the address in the header that counts.
	MaxConnectionsPerSource int
	// Timeouts are how long the proxy waits, for what.
	Timeouts Timeouts
	// Grace is how long Close lets requests finish. Zero means 5 seconds; negative means not at all.
	Grace time.Duration

	// Log gets one record "request" per request, one "TLS handshake failed" per connection that came to none, and what happens to
	// health checks and reloads. Queries, cookies and Authorization are never logged. Nil discards.
	Log *slog.Logger
	// Access is told of every request that has ended, in place of the record "request" in Log. It is called by several goroutines at
	// once, each of which serves a client that waits meanwhile. Nil leaves requests to Log.
	Access func(Request)
	// Listen binds a listener. Nil means net.ListenConfig.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
	// Dial opens a connection to a web server; addr is its address and port as configured. Nil means net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is the time certificates of web servers are judged at, and of the history. Nil means time.Now.
	Now func() time.Time
}

// Certificate is one certificate of the HTTPS listeners.
type Certificate struct {
	// Certificate is the leaf, what it was issued with, and the key; it is sent as it stands, also when the chain is wrong.
	tls.Certificate
	// Names are the names it answers for; "*.contoso.example" stands for one label. None means those in the leaf.
	Names []string
}

// TLSOptions governs the HTTPS listeners. The zero value is TLS 1.2 and 1.3 with session tickets.
type TLSOptions struct {
	// Min and Max are protocol versions, e.g. tls.VersionTLS12. Zero means TLS 1.2, and the newest.
	Min, Max uint16
	// StrictSNI refuses unknown and missing names with the alert unrecognized_name.
	StrictSNI bool
	// NoTickets switches session tickets off. Their keys are the proxy's own, the same for all listeners, and replaced every day.
	NoTickets bool
	// CipherSuites limits TLS 1.0 to 1.2 to these. None means Go's choice.
	CipherSuites []uint16
	// HTTP2 offers HTTP/2 to clients. Connection-bound authentication cannot live on it: requests with NTLM or Negotiate that come
	// over HTTP/2 are reset with HTTP_1_1_REQUIRED, and browsers and curl come again over HTTP/1.1. Challenges pass as they are.
	HTTP2 bool
	// ClientAuth asks clients for a certificate. The zero value does not. A certificate is checked against ClientCAs
	// when ClientAuth says so.
	ClientAuth tls.ClientAuthType
	// ClientCAs are who may issue client certificates. Nil means the system's.
	ClientCAs *x509.CertPool
}

// WebServer is one web server as the proxy reaches it: an alias with an address, a port and a scheme.
type WebServer struct {
	// Alias is its name in rules, pages and logs.
	Alias string
	// Address is a host name or an IP address, without a port.
	Address string
	// Port is the TCP port. Zero means 4443 for https and 8080 for http, the external web site of a Front End.
	Port int
	// Scheme is "https" (also "") or "http".
	Scheme string
	// NoVerify takes any certificate.
	NoVerify bool
	// RootCAs are who may have issued its certificate. Nil means the system's.
	RootCAs *x509.CertPool
	// Name is what its certificate must be for. Empty means Address; "{host}" means the host the client asked for.
	Name string
	// SNI is the name asked for. Empty means Name when that is a host name; "{host}" means the host the client asked for; "-" means
	// none.
	SNI string
	// MinTLS and MaxTLS are protocol versions. Zero means TLS 1.2, and the newest.
	MinTLS, MaxTLS uint16
	// Disabled keeps the web server in the configuration and sends it nothing.
	Disabled bool
}

// Rule publishes hosts and paths. It needs hosts, and exactly one of WebServers, Respond and Reset.
type Rule struct {
	// Name is what pages and logs call it. Empty means "rule N", counted from 1.
	Name string

	// Hosts are what the client asks for: "meet.contoso.example", "*.contoso.example" (any number of labels before the suffix) or
	// "*" (any host). Case and port do not matter.
	Hosts []string
	// Paths are prefixes that end at a slash or at the end of the path: "/meet" fits "/meet" and "/meet/x", not "/meeting". A
	// trailing "*" makes a plain prefix of it, a leading "=" wants the whole path. The path is decoded and its dot
	// segments are resolved before it is compared; what is sent on is as it came. None means every path.
	Paths []string
	// CaseSensitive compares paths with their case.
	CaseSensitive bool
	// Methods limits the rule to these methods. None means all.
	Methods []string
	// MatchHeaders limits the rule to requests with these fields. A value is compared without case, and "*" in it stands
	// for anything.
	MatchHeaders map[string]string
	// Sources limits the rule to clients in these networks, "192.0.2.0/24", or with these addresses. None means all.
	Sources []string
	// Listener limits the rule to "https" or "http". Empty means both.
	Listener string

	// WebServers are aliases. A request goes to those with the scheme of its listener. When all have the other scheme,
	// it goes to them: that is TLS offload, or encryption towards the web server alone.
	WebServers []string
	// AnyScheme sends requests to all web servers of the rule, whatever their scheme.
	AnyScheme bool
	// Balance shares requests among several web servers: "round-robin" (also ""), "source" (by the client's address) or "cookie".
	Balance string
	// Cookie is the affinity cookie for Balance "cookie".
	Cookie Cookie
	// HealthCheck asks every web server of the rule regularly. Nil means no checks. Without checks, too, a web server that
	// cannot be connected to is passed over for 2 seconds while another one can.
	HealthCheck *HealthCheck
	// Connections says how client and upstream connections go together: "pin" (also "") shares upstream connections until a client
	// authenticates its connection, "shared" shares them always, "close" opens one per request. Only "pin" is fit
	// for NTLM and Negotiate; "shared" hands one user's session to the next client.
	Connections string
	// HTTP10 speaks HTTP/1.0 to the web servers, one request per connection, as old proxies do. It goes before Connections. A
	// request body of unknown length is held until it is complete, for HTTP/1.0 has no chunks; more than 4 MiB of one are refused
	// with 411.
	HTTP10 bool
	// RetrySilent sends a request again, to the next web server if there are several, when no answer has begun for so long. The
	// first answer counts. Zero never does, which alone is safe: a request may be meant to wait, and what it asks for is done
	// twice. Requests with bodies over 4 MiB are not sent again. Negative means never, too.
	RetrySilent time.Duration

	// HostHeader is the Host sent on: "preserve" (also "") is what the client sent, "web-server" is the web server's address, anything
	// else is sent as it stands, with {host}, {address} and {port} filled in.
	HostHeader string
	// StripPrefix is taken off the path, if it is there, and then AddPrefix is put before it.
	StripPrefix, AddPrefix string
	// URI is the request target sent on. Empty means as it came, "{path}{query}". Placeholders: {path}, {query} (with its question
	// mark), {lower}, the path in lower case, and {normalized}, the path decoded, without dot segments and double slashes, and
	// encoded again.
	URI string
	// SetRequestHeaders are set on what is sent to the web server, after RemoveRequestHeaders were taken off. Values may hold the
	// placeholders of Response.Headers.
	SetRequestHeaders map[string]string
	// RemoveRequestHeaders are names; "X-Ms-*" is every name that begins so, and "WWW-Authenticate: NTLM" only the fields whose
	// value begins so.
	RemoveRequestHeaders []string
	// SetResponseHeaders are set on what the web server answered, after RemoveResponseHeaders were taken off.
	SetResponseHeaders map[string]string
	// RemoveResponseHeaders are as RemoveRequestHeaders.
	RemoveResponseHeaders []string
	// ReplaceLocation replaces text in Location, as ProxyPassReverse and "reverse rewrite host" do.
	ReplaceLocation []Replacement
	// ReplaceBody replaces text in bodies of HTML, XML, JSON, script and plain text without a content encoding. The body is held
	// until it is complete. Bodies over 4 MiB pass as they are.
	ReplaceBody []Replacement
	// BufferResponse holds back the answer until this many bytes have come or it has ended, and so on for the next ones. Zero
	// passes on every byte at once.
	BufferResponse int

	// MaxBody is the most bytes a request body may have; more is refused with 413. Zero means any size.
	MaxBody int64
	// MaxURL is the most bytes the request target may have; more is refused with 414. Zero means no limit but MaxHeader.
	MaxURL int
	// VerifyNormalization refuses, with 400, paths and queries that still hold percent escapes after being decoded once.
	VerifyNormalization bool
	// MaxRequests and MaxRequestsPerSource are the most requests in flight, in all and per client address; more are
	// refused with 503. Zero means no limit.
	MaxRequests, MaxRequestsPerSource int
	// Rate is the most requests per client address and minute; more are refused with 429. Zero means no limit.
	Rate int

	// Respond is a fixed answer.
	Respond *Response
	// Reset ends the connection with a TCP reset and no answer.
	Reset bool
}

// Cookie is the affinity cookie of a rule. The zero value is what Microsoft asks of a load balancer: MS-WSMAN,
// without expiry, not HttpOnly, set on every answer to a request that lacks it.
type Cookie struct {
	// Name is its name. Empty means MS-WSMAN.
	Name string
	// HTTPOnly hides it from scripts.
	HTTPOnly bool
	// Secure keeps it to https.
	Secure bool
	// MaxAge makes it expire, in whole seconds. Zero makes it a session cookie.
	MaxAge time.Duration
}

// HealthCheck is a regular question to each web server of a rule. The first failure takes the web server out, the first success
// brings it back. Until its first check has ended, requests wait for it.
type HealthCheck struct {
	// Path is asked for with GET. Empty means that a TCP connection is enough.
	Path string
	// Host is sent as Host. Empty means the web server's address.
	Host string
	// Headers are sent along. None means no Accept, as Microsoft's monitor wants it.
	Headers map[string]string
	// Port is the port asked. Zero means the web server's.
	Port int
	// Status is the status expected. Zero means 200.
	Status int
	// Interval is the time between checks. Zero means 10 seconds.
	Interval time.Duration
	// Timeout is how long an answer may take. Zero means 5 seconds.
	Timeout time.Duration
}

// Replacement replaces every From by To.
type Replacement struct{ From, To string }

// Response is a fixed answer.
type Response struct {
	// Status is the status code. Zero means 200.
	Status int
	// Headers are its fields. Placeholders in values: {host} without a port, {uri} (path and query as they came), {path},
	// {scheme} of the listener, {client} (address).
	Headers map[string]string
	// Body is sent as it stands. Without a Content-Type in Headers it is text/html in UTF-8.
	Body string
}

// Unknown is what becomes of a request no rule fits. The zero value refuses it with a page of the proxy: 421 for an
// unknown host, 404 for a host whose rules do not fit.
type Unknown struct {
	// Respond is a fixed answer.
	Respond *Response
	// Reset ends the connection with a TCP reset and no answer.
	Reset bool
	// Rule is the name of the rule that takes the request, whatever its hosts and paths.
	Rule string
}

// Timeouts are how long the proxy waits. Zero means the default; negative means for ever.
type Timeouts struct {
	// Connect is for a TCP connection and TLS handshake with a web server: 10 seconds.
	Connect time.Duration
	// Response is from the end of a request to the head of its answer: 960 seconds, longer than any poll of a mobile client.
	Response time.Duration
	// Idle is silence inside the body of an answer, of a client that does not read, and of a client between two requests: 960 seconds.
	Idle time.Duration
	// Body is silence of a client inside the body of its request: 60 seconds, or Idle if that is shorter.
	Body time.Duration
	// UpstreamIdle is how long an unused connection to a web server is kept: 90 seconds, less than the 120 of IIS.
	UpstreamIdle time.Duration
	// Header is for the header fields of a request: 30 seconds.
	Header time.Duration
	// Lifetime is for a client connection in all, busy or not: for ever.
	Lifetime time.Duration
}
