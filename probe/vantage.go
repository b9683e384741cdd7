package probe

import (
	"context"
	"crypto/x509"
	"net"
	"time"
)

// Names of vantages.
const (
	External = "external" // the Internet: public resolver, public roots
	Internal = "internal" // a managed machine on the LAN: internal resolver, enterprise roots too
	WiFi     = "wifi"     // a phone on the office network: internal resolver, public roots, external web FQDN
	Proxy    = "proxy"    // beside the reverse proxy, talking straight to the Front Ends
)

// Places lists the names of all vantages in the order of reports.
func Places() []string { return []string{External, Internal, WiFi, Proxy} }

// Vantage is where a probe stands. It is read-only during a probe and may serve several at once.
type Vantage struct {
	// Name is one of Places.
	Name string
	// Resolvers are the name servers to ask, ip:port, in order. Empty means those of the system.
	Resolvers []string
	// Dial opens connections; network is "tcp" or "udp", addr an ip:port. Nil means net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// PublicRoots are the roots any device trusts. Nil means the system's.
	PublicRoots *x509.CertPool
	// EnterpriseRoots are the organisation's own. Nil means that they are not known.
	EnterpriseRoots *x509.CertPool
	// Managed says that the devices of this place trust EnterpriseRoots as well as PublicRoots.
	Managed bool
	// Now is the time certificates are judged at. Nil means time.Now.
	Now func() time.Time
	// Connect sends connections elsewhere: from "host", "host:port" (of the URL) or "ip:port" to "ip" or
	// "ip:port". SNI and Host stay. Keys are in lower case. Nil means none.
	Connect map[string]string
	// SignIn says who signs in from here. Nil means nobody: everything up to the challenge is looked at all the same.
	SignIn *SigningIn
	// Speed is how many seconds of the deployment pass in one second, in a lab that has its own time. Zero means 1.
	Speed float64
	// Seen is a record that has a section from here, which is taken over as it is: nothing is asked from here, and
	// the other vantages do as if it had been. Nil means that this place is to be looked from.
	Seen *Record
}

func (v *Vantage) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Vantage) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if v.Dial != nil {
		return v.Dial(ctx, network, addr)
	}
	// Without TCP's keep-alive probes, which phones do not send: they would keep alive what a firewall forgets.
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, network, addr)
}

// Limits bound a probe. Zero fields mean the default beside them.
type Limits struct {
	// Total is the deadline of one vantage, without the time that long polls are held. Default 60 s.
	Total time.Duration
	// Connect, Handshake and Request bound one TCP connection (5 s), one TLS handshake (10 s) and one HTTP
	// request with its answer (15 s). Query bounds one DNS question to one server (3 s).
	Connect, Handshake, Request, Query time.Duration
	// Repeats is how often discovery is asked on fresh connections, to see what comes and goes; what those who sign in
	// repeat follows it. Default 20.
	Repeats int
	// AtOnce is how many requests at once go to one address. Zero means four where connecting takes less than 6 ms, and
	// up to twelve over longer ways, of which a server sees no more at a time.
	AtOnce int
	// Body is the most bytes read of an answer. Default 1 MiB.
	Body int64
}

// withDefaults fills in the zero fields.
func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&l.Total, time.Minute)
	set(&l.Connect, 5*time.Second)
	set(&l.Handshake, 10*time.Second)
	set(&l.Request, 15*time.Second)
	set(&l.Query, 3*time.Second)
	if l.Repeats <= 0 {
		l.Repeats = 20 // two nodes that take turns at random show both but for one run in half a million
	}
	if l.Body <= 0 {
		l.Body = 1 << 20
	}
	return l
}
