package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lyncpin/proxy"
)

// A connectionAuth is a web server that authenticates connections in three legs, as NTLM does: 401 with the offer, 401 with a
// challenge, 200; from then on whoever uses the connection is that user.
type connectionAuth struct {
	mu    sync.Mutex
	users map[string]string // by connection

}

func (c *connectionAuth) handler() http.Handler {
	c.users = map[string]string{}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		c.mu.Lock()
		user := c.users[r.RemoteAddr]
		c.mu.Unlock()
		rw.Header().Set("X-Connection", r.RemoteAddr)
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		switch {
		case token == "leg1":
			c.mu.Lock()
			c.users[r.RemoteAddr] = "between legs"
			c.mu.Unlock()
			rw.Header().Set("WWW-Authenticate", scheme+" challenge")
			rw.WriteHeader(401)
			return
		case strings.HasPrefix(token, "leg3:") && user == "between legs":
			user = strings.TrimPrefix(token, "leg3:")
			c.mu.Lock()
			c.users[r.RemoteAddr] = user
			c.mu.Unlock()
		case user == "" || user == "between legs":
			rw.Header().Set("WWW-Authenticate", "Negotiate")
			rw.Header().Add("WWW-Authenticate", "NTLM")
			rw.WriteHeader(401)
			return
		}
		fmt.Fprint(rw, user)
	})
}

// A session is one client connection to the proxy.
type session struct {
	w    *world
	conn net.Conn
	br   *bufio.Reader
}

func (w *world) session() *session {
	conn := w.raw("https")
	return &session{w: w, conn: conn, br: bufio.NewReader(conn)}
}

// ask sends one request over the session's connection. The answer holds status, body, and the connection at the web server.
func (s *session) ask(authorization string) (status int, body, upstream string) {
	s.w.t.Helper()
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	fmt.Fprintf(s.conn, "POST /webticket HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n%s\r\nhi", published, authorization)
	res, err := http.ReadResponse(s.br, nil)
	if err != nil {
		s.w.t.Errorf("read the answer: %v", err)
		return 0, "", ""
	}
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), res.Header.Get("X-Connection")
}

// logIn goes through the legs. between is called before leg 3; it may be nil.
func (s *session) logIn(scheme, user string, between func()) (upstream string) {
	s.w.t.Helper()
	s.ask("")
	status, _, first := s.ask(scheme + " leg1")
	if status != 401 {
		s.w.t.Errorf("leg 1 of %s: status %d, want 401 with a challenge", user, status)
	}
	if between != nil {
		between()
	}
	status, body, upstream := s.ask(scheme + " leg3:" + user)
	if status != 200 || body != user {
		s.w.t.Errorf("leg 3 of %s: %d %q, want 200 as that user", user, status, body)
	}
	if upstream != first {
		s.w.t.Errorf("legs of %s on connections %s and %s, want one", user, first, upstream)
	}
	return upstream
}

func authWorld(t *testing.T, connections string) *world {
	w := newWorld(t)
	w.server("fe1", "https", new(connectionAuth).handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}, Connections: connections})
	return w.start()
}

func TestConnectionAuthIsPinned(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"NTLM", "Negotiate", "ntlm"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			w := authWorld(t, "")
			alice := w.session()
			conn := alice.logIn(scheme, "alice", nil)
			for range 3 {
				if status, body, upstream := alice.ask(""); status != 200 || body != "alice" || upstream != conn {
					t.Errorf("alice again: %d %q on %s, want 200 alice on %s", status, body, upstream, conn)
				}
			}
			bob := w.session()
			if status, _, upstream := bob.ask(""); status != 401 || upstream == conn {
				t.Errorf("bob without credentials while alice is there: %d on alice's connection: %v", status, upstream == conn)
			}
		})
	}
}

func TestPinnedConnectionEndsWithItsClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	auth := new(connectionAuth)
	closed := make(chan string, 16)
	w.server("fe1", "http", auth.handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1"}})
	w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &noticedConn{Conn: conn, closed: closed}, nil
	}
	w.start()
	alice := w.session()
	conn := alice.logIn("NTLM", "alice", nil)
	alice.conn.Close()
	for wait(t, "the close of alice's upstream connection", closed) != conn {
	}
	for range 8 {
		if status, body, upstream := w.session().ask(""); status != 401 || upstream == conn {
			t.Errorf("after alice left: %d %q, on her connection: %v", status, body, upstream == conn)
		}
	}
}

type noticedConn struct {
	net.Conn
	once   sync.Once
	closed chan<- string
}

func (c *noticedConn) Close() error {
	c.once.Do(func() { c.closed <- c.LocalAddr().String() })
	return c.Conn.Close()
}

func TestManyClientsAuthenticateAtOnce(t *testing.T) {
	t.Parallel()
	w := authWorld(t, "")
	const clients = 16
	var ready, done sync.WaitGroup
	ready.Add(clients)
	for i := range clients {
		done.Go(func() {
			user := fmt.Sprintf("user%d", i)
			s := w.session()
			s.logIn("NTLM", user, func() { // nobody goes on before all are between their legs
				ready.Done()
				ready.Wait()
			})
			if status, body, _ := s.ask(""); status != 200 || body != user {
				t.Errorf("%s afterwards: %d %q", user, status, body)
			}
		})
	}
	done.Wait()
}

func TestBearerDoesNotPin(t *testing.T) {
	t.Parallel()
	w := authWorld(t, "")
	_, _, first := w.session().ask("Bearer leg1x")
	_, _, second := w.session().ask("Basic leg1x")
	if first != second {
		t.Errorf("two clients without connection authentication used %s and %s, want one shared connection", first, second)
	}
	for _, r := range w.proxy.History() {
		if r.Pinned {
			t.Errorf("pinned: %+v", r)
		}
	}
}

// The settings that break authentication do so in their own ways, which is what other proxies do by default.
func TestOtherConnectionSettings(t *testing.T) {
	t.Parallel()
	t.Run("shared-leaks", func(t *testing.T) {
		t.Parallel()
		w := authWorld(t, "shared")
		conn := w.session().logIn("NTLM", "alice", nil)
		if status, body, upstream := w.session().ask(""); status != 200 || body != "alice" || upstream != conn {
			t.Errorf("bob: %d %q, want alice's session", status, body)
		}
	})
	t.Run("close-never-succeeds", func(t *testing.T) {
		t.Parallel()
		w := authWorld(t, "close")
		s := w.session()
		_, _, first := s.ask("NTLM leg1")
		if status, _, second := s.ask("NTLM leg3:alice"); status != 401 || first == second {
			t.Errorf("leg 3: %d on the same connection: %v; want 401 on another", status, first == second)
		}
	})
}

func TestPinStaysWithItsNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", new(connectionAuth).handler())
	w.server("fe2", "https", new(connectionAuth).handler())
	w.rule(proxy.Rule{WebServers: []string{"fe1", "fe2"}})
	w.start()
	s := w.session()
	conn := s.logIn("NTLM", "alice", nil)
	for range 4 {
		if status, body, upstream := s.ask(""); status != 200 || body != "alice" || upstream != conn {
			t.Errorf("alice: %d %q on %s, want 200 on %s", status, body, upstream, conn)
		}
	}
}

func TestPinSurvivesAReloadOfOtherThings(t *testing.T) {
	t.Parallel()
	w := authWorld(t, "")
	s := w.session()
	conn := s.logIn("NTLM", "alice", nil)
	w.rule(proxy.Rule{Hosts: []string{"dialin.contoso.example"}, WebServers: []string{"fe1"}})
	if err := w.proxy.Reload(w.cfg); err != nil {
		t.Fatal(err)
	}
	if status, _, upstream := s.ask(""); status != 200 || upstream != conn {
		t.Errorf("alice after the reload: %d on %s, want 200 on %s", status, upstream, conn)
	}
}
