package fakelync_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"lyncpin/fakelync"
)

// pipes is a listener whose connections are net.Pipes, so that a bubble's clock governs them.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// lingering is a connection that notices its own end an hour late.
type lingering struct{ net.Conn }

func (c lingering) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		<-time.After(time.Hour)
	}
	return n, err
}

func TestCloseWaitsForHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn), make(chan struct{})}
		srv, err := fakelync.Start(t.Context(), fakelync.Config{
			FQDN:       "fe1.corp.contoso.example",
			SIPDomains: []string{"contoso.example"},
			External:   fakelync.Site{HTTP: "pipe", WebFQDN: "lyncweb-ext.contoso.example"},
			Listen:     func(context.Context, string, string) (net.Listener, error) { return p, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		client, server := net.Pipe()
		p.conns <- lingering{server}
		io.WriteString(client, "POST /abs HTTP/1.1\r\nHost: x.example\r\nContent-Length: 100\r\n\r\nabc")
		synctest.Wait() // the handler is waiting for the rest of the body
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if h := last(t, srv); h.Status != 0 || h.BodyBytes != 3 {
			t.Errorf("status %d with %d bytes, want 0 with 3", h.Status, h.BodyBytes)
		}
		client.Close()
	})
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ configured, want time.Duration }{
		"default": {0, 2 * time.Minute}, "configured": {5 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := pipes{make(chan net.Conn), make(chan struct{})}
				srv, err := fakelync.Start(t.Context(), fakelync.Config{
					FQDN:        "fe1.corp.contoso.example",
					SIPDomains:  []string{"contoso.example"},
					External:    fakelync.Site{HTTP: "pipe", WebFQDN: "lyncweb-ext.contoso.example"},
					IdleTimeout: tc.configured,
					Listen:      func(context.Context, string, string) (net.Listener, error) { return p, nil },
				})
				if err != nil {
					t.Fatal(err)
				}
				defer srv.Close()
				client, server := net.Pipe()
				defer client.Close()
				p.conns <- server
				exchange(t, client, request{target: "/", host: "lyncdiscover.contoso.example"})
				answered := time.Now()
				if n, err := client.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("Read = %d, %v, want the end of the connection", n, err)
				}
				if idle := time.Since(answered); idle != tc.want {
					t.Errorf("closed after %v, want %v", idle, tc.want)
				}
			})
		})
	}
}
