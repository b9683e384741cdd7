package fakelync

import (
	"crypto/tls"
	"errors"
	"net"
)

var (
	errNoCertificate = errors.New("fakelync: no certificate is assigned to the site")
	errNoServerName  = errors.New("fakelync: the binding needs a server name and the client sent none")
	errNotTLS        = errors.New("fakelync: the client does not speak TLS")
)

// tlsPort is a listener whose connections must begin with TLS. Windows resets anything else without a word, where
// crypto/tls and net/http would send an alert or a 400.
type tlsPort struct{ net.Listener }

func (p tlsPort) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsOnly{Conn: c}, nil
}

// tlsOnly resets the connection if its first byte is not that of a TLS handshake record (RFC 8446, 5.1).
type tlsOnly struct {
	net.Conn
	checked bool
}

const recordHandshake = 22

func (c *tlsOnly) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.checked {
		c.checked = true
		if p[0] != recordHandshake {
			reset(c.Conn)
			return 0, errNotTLS
		}
	}
	return n, err
}

// reset closes c such that a TCP peer sees a reset, where the connection can do that.
func reset(c net.Conn) {
	if wrapped, ok := c.(*tlsOnly); ok {
		c = wrapped.Conn
	}
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		l.SetLinger(0) // fails only on a connection that is gone already
	}
	c.Close() // its error would say the same
}

// tlsConfig is the site's HTTPS binding.
func (s *Site) tlsConfig() *tls.Config {
	low, high := s.tlsRange()
	cfg := &tls.Config{MinVersion: low, MaxVersion: high}
	if len(s.Certificate.Certificate) > 0 {
		cfg.Certificates = []tls.Certificate{s.Certificate}
	}
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch {
		case len(cfg.Certificates) == 0:
			reset(hello.Conn)
			return nil, errNoCertificate
		case s.RequireSNI && hello.ServerName == "":
			reset(hello.Conn)
			return nil, errNoServerName
		}
		return nil, nil
	}
	return cfg
}

// conn is a client's connection. Its requests are answered one after the other, so nothing guards what it remembers.
type conn struct {
	net.Conn // after the TLS handshake a *tls.Conn
	entrance *entrance
	number   int    // from 1, over all listeners of the machine
	sni      string // of the handshake, as version
	version  uint16
	ahead    []byte // received already, and not read
	// pending is a Windows authentication that waits for the client's next message, user whom one was granted to.
	pending *handshake
	user    *User
}

// Read gives what was received before first.
func (c *conn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.ahead)
	if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
		c.ahead = nil
	}
	return n, nil
}

// CloseWrite lets net/http tell the client that nothing more comes, while it takes in what the client still sends.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// proceed has net/http take the connection's next request.
func (c *conn) proceed() {
	if !c.entrance.offer(arrival{conn: c}) {
		c.end()
	}
}

// end closes the connection that net/http does not have.
func (c *conn) end() {
	c.Close() // its error would say the same
	c.entrance.server.conns.Done()
}
