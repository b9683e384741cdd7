package load_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/load"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// meddler is a reverse proxy that does something wrong on purpose.
type meddler struct {
	pass   *httputil.ReverseProxy
	narrow *httputil.ReverseProxy // the same over one connection to the Front End

	mu   sync.Mutex
	held []*http.Request // messages that are passed on later
	last []byte          // the events of somebody else
}

// behind puts a meddler between the clients and the first Front End.
func behind(t *testing.T, clients int, wrong func(*meddler, http.ResponseWriter, *http.Request), change func(*meddler, *http.Response) error) load.Target {
	t.Helper()
	authority, err := pki.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, target := deploymentOf(t, clients, lab.Options{Speed: 100, Only: []string{lab.FrontEnd}, Authority: authority}, nil)
	cert, err := authority.Issue(pki.Spec{Names: target.Hosts, Issuer: pki.Public})
	if err != nil {
		t.Fatal(err)
	}
	m := &meddler{}
	at := &url.URL{Scheme: "https", Host: l.Endpoints().FrontEnds[0].ExternalHTTPS}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.EnterpriseRoots(), ServerName: "fe1.contoso.example"}, MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	m.pass = &httputil.ReverseProxy{Transport: transport, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(at)
		r.Out.Host = r.In.Host
	}}
	one := transport.Clone()
	one.MaxConnsPerHost = 1
	t.Cleanup(one.CloseIdleConnections)
	narrow := *m.pass
	narrow.Transport = one
	m.narrow = &narrow
	if change != nil {
		m.pass.ModifyResponse = func(a *http.Response) error { return change(m, a) }
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wrong == nil {
			m.pass.ServeHTTP(w, r)
			return
		}
		wrong(m, w, r)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	target.Routes = map[string]string{"": srv.Listener.Addr().String()}
	target.Roots = authority.PublicRoots()
	return target
}

func isPoll(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/events") }
func isMessage(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/messages")
}

// kept is the request with its body in memory, which can be sent later and more than once.
func kept(r *http.Request) func() *http.Request {
	body, _ := io.ReadAll(r.Body)
	return func() *http.Request {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		return again
	}
}

// TestWhatIsNotCorrectIsFound puts a proxy in the way that does one thing wrong: the fault must be named, with who it hit.
func TestWhatIsNotCorrectIsFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, kind, came string
		wrong            func(*meddler, http.ResponseWriter, *http.Request)
		change           func(*meddler, *http.Response) error
		edit             func(*load.Plan)
	}{
		{name: "shared-connections", kind: load.WrongUser, came: "a token without a log-on", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if isPoll(r) {
				m.pass.ServeHTTP(w, r)
				return
			}
			m.narrow.ServeHTTP(w, r)
		}, edit: func(p *load.Plan) { p.NTLM, p.Messages, p.SignIns = 1, 0, 5 }},
		{name: "poll-cut", kind: load.PollCut, came: "connection closed after ", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if isPoll(r) && r.URL.Query().Get("ack") != "1" {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				timer := time.AfterFunc(1200*time.Millisecond, func() { conn.Close() })
				context := r.Context()
				go func() {
					<-context.Done()
					if timer.Stop() {
						conn.Close()
					}
				}()
				return
			}
			m.pass.ServeHTTP(w, r)
		}},
		{name: "gateway-timeout", kind: load.PollCut, came: "status 504 after ", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if !isPoll(r) || r.URL.Query().Get("ack") == "1" {
				m.pass.ServeHTTP(w, r)
				return
			}
			select {
			case <-time.After(1100 * time.Millisecond):
				w.WriteHeader(http.StatusGatewayTimeout)
			case <-r.Context().Done():
			}
		}},
		{name: "poll-lost", kind: load.PollLost, came: "nothing after ", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if isPoll(r) && r.URL.Query().Get("ack") != "1" {
				<-r.Context().Done()
				return
			}
			m.pass.ServeHTTP(w, r)
		}, edit: func(p *load.Plan) { p.PollTime, p.Grace = 500*time.Millisecond, 500*time.Millisecond }},
		{name: "swapped-answers", kind: load.WrongUser, came: "the events of /ucwa/", change: func(m *meddler, a *http.Response) error {
			if !isPoll(a.Request) || a.StatusCode != http.StatusOK {
				return nil
			}
			body, err := io.ReadAll(a.Body)
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.last == nil {
				m.last = body
			}
			a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(m.last)), int64(len(m.last))
			a.Header.Set("Content-Length", fmt.Sprint(len(m.last)))
			return err
		}},
		{name: "message-dropped", kind: load.EventLost, came: "did not come in ", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if isMessage(r) {
				w.WriteHeader(http.StatusCreated)
				return
			}
			m.pass.ServeHTTP(w, r)
		}, edit: func(p *load.Plan) { p.Grace = time.Second }},
		{name: "last-change-of-presence", kind: load.EventLost, came: "no event of the last change of presence", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/presence") {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			m.pass.ServeHTTP(w, r)
		}, edit: func(p *load.Plan) { p.Presence, p.Messages, p.Grace = 240, 0, 2*time.Second }},
		{name: "last-invitation", kind: load.EventLost, came: "nothing became of the last invitation", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/messagingInvitations") {
				w.WriteHeader(http.StatusCreated)
				return
			}
			m.pass.ServeHTTP(w, r)
		}, edit: func(p *load.Plan) { p.Grace = time.Second }},
		{name: "message-sent-twice", kind: load.EventTwice, came: " once more", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if isMessage(r) {
				again := kept(r)
				m.pass.ServeHTTP(httptest.NewRecorder(), again())
				r = again()
			}
			m.pass.ServeHTTP(w, r)
		}},
		{name: "messages-overtake", kind: load.EventOrder, came: " after message ", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if !isMessage(r) {
				m.pass.ServeHTTP(w, r)
				return
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			r = kept(r)()
			if i := slices.IndexFunc(m.held, func(h *http.Request) bool { return h.URL.Path == r.URL.Path }); i >= 0 {
				m.pass.ServeHTTP(w, r)
				m.pass.ServeHTTP(httptest.NewRecorder(), m.held[i])
				m.held = slices.Delete(m.held, i, i+1)
				return
			}
			m.held = append(m.held, r.WithContext(t.Context()))
			w.WriteHeader(http.StatusCreated)
		}},
		{name: "error-page", kind: load.BadStatus, came: "status 403, want 204", wrong: func(m *meddler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				http.Error(w, "this method is not allowed here", http.StatusForbidden)
				return
			}
			m.pass.ServeHTTP(w, r)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const clients = 4
			plan := brief(clients)
			plan.Duration, plan.Presence, plan.Messages, plan.NTLM = 1500*time.Millisecond, 0, 240, 0
			if tc.edit != nil {
				tc.edit(&plan)
			}
			got, err := load.Run(t.Context(), behind(t, clients, tc.wrong, tc.change), plan)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(got.Faults, func(f load.Fault) bool { return f.Kind == tc.kind })
			if i < 0 || got.Correct() {
				t.Fatalf("faults = %+v, want one of %s; %+v", got.Faults, tc.kind, got.Totals)
			}
			if e := got.Faults[i].Examples[0]; !strings.Contains(e.Came, tc.came) || !strings.HasPrefix(e.User, "load") || e.Client == 0 {
				t.Errorf("the first example is %+v, want %q", e, tc.came)
			}
			var all strings.Builder
			if err := load.JSON(&all, got); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(all.String(), "lab-only") || strings.Contains(all.String(), "cwt=") {
				t.Error("a password or a token is in the result")
			}
		})
	}
}

// TestInternalSite has a proxy that forgot to lead 443 to 4443.
func TestInternalSite(t *testing.T) {
	t.Parallel()
	_, target := deploymentOf(t, 2, lab.Options{Speed: 100}, func(top *topology.Topology) {
		for _, s := range top.Proxy.FrontEndServers("https") {
			s.Port, s.Verify = 443, topology.PublicCA
		}
	})
	plan := brief(2)
	plan.Duration = 100 * time.Millisecond
	got, err := load.Run(t.Context(), target, plan)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Faults) == 0 || got.Faults[0].Kind != load.WrongSite || !strings.Contains(got.Faults[0].Examples[0].Came, "internal web site: lyncweb-int.contoso.example") {
		t.Errorf("faults = %+v, want %s", got.Faults, load.WrongSite)
	}
}
