package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"
)

// answerWith changes the right answer.
func answerWith(edit func(q, m *miekg.Msg)) func(*miekg.Msg) []*miekg.Msg {
	right := onlyDiscovery()
	return func(q *miekg.Msg) []*miekg.Msg {
		m := right(q)[0]
		edit(q, m)
		return []*miekg.Msg{m}
	}
}

func pack(m *miekg.Msg) []byte {
	p, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return p
}

func lookUp(t *testing.T, w *world, name, kind string) Lookup {
	t.Helper()
	rec := w.observe(t)
	for _, l := range rec.Sections[0].Lookups {
		if l.Name == name && l.Type == kind {
			return l
		}
	}
	t.Fatalf("no lookup of %s %s", name, kind)
	return Lookup{}
}

func TestLookupOutcomes(t *testing.T) {
	t.Parallel()
	many := []string{}
	for i := range 100 {
		many = append(many, fmt.Sprintf("%s. 300 IN A 192.0.2.%d", discovery, i+1))
	}
	right := onlyDiscovery()
	cases := []struct {
		name    string
		world   *world
		kind    string
		want    string
		answers int
		took    time.Duration
	}{
		{name: "address", world: &world{answer: right}, want: OK, answers: 1},
		{name: "nodata", world: &world{answer: right}, kind: "AAAA", want: NoData},
		{name: "nxdomain", world: &world{answer: zone()}, want: NXDomain},
		{name: "servfail", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Rcode = miekg.RcodeServerFailure })}, want: ServFail, answers: 1},
		{name: "refused", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Rcode = miekg.RcodeRefused })}, want: DNSRefused, answers: 1},
		{name: "refused-without-question", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Rcode, m.Question, m.Answer = miekg.RcodeRefused, nil, nil })}, want: DNSRefused},
		{name: "other-rcode", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Rcode = miekg.RcodeNotAuth })}, want: DNSOther, answers: 1},
		{name: "knows-no-edns", world: &world{answer: answerWith(func(q, m *miekg.Msg) {
			if q.IsEdns0() != nil {
				m.Rcode, m.Answer = miekg.RcodeFormatError, nil
			}
		})}, want: OK, answers: 1},
		{name: "silent", world: &world{answer: func(*miekg.Msg) []*miekg.Msg { return nil }}, want: Timeout, took: time.Second},
		{name: "wrong-id", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Id++ })}, want: Timeout, took: time.Second},
		{name: "other-question", world: &world{answer: answerWith(func(_, m *miekg.Msg) { m.Question[0].Name = "fabrikam.example." })}, want: DNSOther, took: time.Second},
		{name: "echo", world: &world{answer: func(q *miekg.Msg) []*miekg.Msg { return []*miekg.Msg{q} }}, want: DNSOther, took: time.Second},
		{name: "junk", world: &world{packets: func(q *miekg.Msg) [][]byte {
			return [][]byte{append(pack(right(q)[0])[:14], 0xff, 0xff, 0xff)}
		}}, want: DNSOther, took: time.Second},
		{name: "one-byte", world: &world{packets: func(*miekg.Msg) [][]byte { return [][]byte{{1}} }}, want: Timeout, took: time.Second},
		{name: "forged-before-right", world: &world{packets: func(q *miekg.Msg) [][]byte {
			forged := right(q)[0]
			forged.Id, forged.Answer = forged.Id+7, nil
			return [][]byte{pack(forged), pack(right(q)[0]), pack(forged)}
		}}, want: OK, answers: 1},
		{name: "same-answer-twice", world: &world{packets: func(q *miekg.Msg) [][]byte {
			p := pack(right(q)[0])
			return [][]byte{p, p, p}
		}}, want: OK, answers: 1},
		{name: "hundred-addresses", world: &world{answer: zone(many...)}, want: OK, answers: maxRecords},
		{name: "alias", world: &world{answer: zone(discovery+". 300 IN CNAME lync.contoso.example.", "lync.contoso.example. 300 IN A "+proxyIP)}, want: OK, answers: 2},
		{name: "alias-to-nothing", world: &world{answer: zone(discovery + ". 300 IN CNAME lync.contoso.example.")}, want: NoData, answers: 1},
		{name: "alias-loop", world: &world{answer: zone(discovery+". 300 IN CNAME a.contoso.example.", "a.contoso.example. 300 IN CNAME "+discovery+".")}, want: NoData, answers: 8},
		{name: "text-junk", world: &world{answer: zone(discovery+`. 300 IN TXT "\000\255"`, discovery+". 300 IN A "+proxyIP)}, want: OK, answers: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if c.kind == "" {
					c.kind = "A"
				}
				l := lookUp(t, c.world, discovery, c.kind)
				if l.Outcome.Code != c.want || len(l.Answers) != c.answers || l.Elapsed != c.took {
					t.Errorf("got %+v with %d answers after %v, want %s with %d after %v", l.Outcome, len(l.Answers), l.Elapsed, c.want, c.answers, c.took)
				}
			})
		})
	}
}

// Of a hundred addresses eight are tried.
func TestHundredAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var records []string
		for i := range 100 {
			records = append(records, fmt.Sprintf("%s. 300 IN A 192.0.2.%d", discovery, 200-i))
		}
		w := &world{answer: zone(records...)}
		rec := w.observe(t)
		// Nothing listens on 443, so that 4443 is tried as well as 80.
		if n := len(rec.Sections[0].Dials); n != 3*maxAddresses {
			t.Errorf("%d dials, want %d on each of three ports", n, maxAddresses)
		}
	})
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	truncated := answerWith(func(_, m *miekg.Msg) { m.Truncated, m.Answer = true, nil })
	enormous := func(q *miekg.Msg) *miekg.Msg {
		m := new(miekg.Msg).SetReply(q)
		for i := range 1000 {
			rr, _ := miekg.NewRR(fmt.Sprintf("%s 300 IN A 192.0.2.%d", q.Question[0].Name, i%250+1))
			m.Answer = append(m.Answer, rr)
		}
		return m
	}
	cases := []struct {
		name    string
		overTCP func(*miekg.Msg) *miekg.Msg
		want    string
		answers int
	}{
		{name: "whole-over-tcp", overTCP: func(q *miekg.Msg) *miekg.Msg { return onlyDiscovery()(q)[0] }, want: OK, answers: 1},
		{name: "enormous-over-tcp", overTCP: enormous, want: OK, answers: maxRecords},
		{name: "wrong-id-over-tcp", overTCP: func(q *miekg.Msg) *miekg.Msg { m := enormous(q); m.Id++; return m }, want: DNSOther},
		{name: "no-tcp", want: Refused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := lookUp(t, &world{answer: truncated, overTCP: c.overTCP}, discovery, "A")
				if !l.Truncated || l.Outcome.Code != c.want || len(l.Answers) != c.answers {
					t.Errorf("got truncated %t, %+v, %d answers; want true, %s, %d", l.Truncated, l.Outcome, len(l.Answers), c.want, c.answers)
				}
			})
		})
	}
}

// A lost packet is asked for once more, and is no finding.
func TestLostPacket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		right := onlyDiscovery()
		w := &world{answer: func(q *miekg.Msg) []*miekg.Msg {
			key := q.Question[0].String()
			if !seen[key] {
				seen[key] = true
				return nil
			}
			return right(q)
		}}
		l := lookUp(t, w, discovery, "A")
		if !l.Outcome.OK() || l.Elapsed != smallLimits.Query/3 {
			t.Errorf("got %+v after %v, want ok after %v", l.Outcome, l.Elapsed, smallLimits.Query/3)
		}
	})
}

// All questions to a name server go over one socket.
func TestOneSocketPerServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: onlyDiscovery()}
		w.observe(t)
		sockets := 0
		for _, d := range w.dialled {
			if strings.HasPrefix(d, "udp ") {
				sockets++
			}
		}
		if sockets != 1 || len(w.asked) < 8 {
			t.Errorf("%d sockets for %d questions, want 1 for at least 8", sockets, len(w.asked))
		}
	})
}

// refusing is a socket whose port is closed: the refusal of the first packet reaches the reader, and every write ends
// only when the reader has closed the socket.
type refusing struct {
	net.Conn
	sent, closed chan struct{}
	first, last  *sync.Once
}

func (c refusing) Write([]byte) (int, error) {
	c.first.Do(func() { close(c.sent) })
	<-c.closed
	return 0, net.ErrClosed
}

func (c refusing) Read([]byte) (int, error) {
	<-c.sent
	return 0, os.NewSyscallError("read", syscall.ECONNREFUSED)
}

func (c refusing) SetWriteDeadline(time.Time) error { return nil }

func (c refusing) Close() error {
	c.last.Do(func() { close(c.closed) })
	return nil
}

// Whoever meets the refusal of a closed port, the reader or a question that is just being sent, all are refused.
func TestClosedPortRefusesAllQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{edit: func(v *Vantage) {
			v.Dial = func(context.Context, string, string) (net.Conn, error) {
				return refusing{sent: make(chan struct{}), closed: make(chan struct{}), first: &sync.Once{}, last: &sync.Once{}}, nil
			}
		}}
		lookups := w.observe(t).Sections[0].Lookups
		for _, l := range lookups {
			if l.Outcome.Code != Refused {
				t.Errorf("%s %s: %+v, want %s", l.Name, l.Type, l.Outcome, Refused)
			}
		}
		if len(lookups) < 8 {
			t.Errorf("there are %d lookups, want 8 at least", len(lookups))
		}
	})
}

func TestSeveralResolvers(t *testing.T) {
	t.Parallel()
	const dead = "192.0.2.53:53"
	cases := []struct {
		name      string
		first     func(net.Conn)
		resolvers []string
		server    string
		want      string
	}{
		{name: "first-dead", resolvers: []string{dead, resolverAt}, server: resolverAt, want: OK},
		{name: "first-closes", first: func(net.Conn) {}, resolvers: []string{dead, resolverAt}, server: resolverAt, want: OK},
		{name: "all-dead", resolvers: []string{dead, dead}, server: dead, want: Timeout},
		{name: "first-alive", resolvers: []string{resolverAt, dead}, server: resolverAt, want: OK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{answer: onlyDiscovery(), byAddr: map[string]func(net.Conn){dead: c.first},
					edit: func(v *Vantage) { v.Resolvers = c.resolvers }}
				started := time.Now()
				l := lookUp(t, w, discovery, "A")
				if l.Server != c.server || l.Outcome.Code != c.want {
					t.Errorf("got %s from %s, want %s from %s", l.Outcome.Code, l.Server, c.want, c.server)
				}
				if took := time.Since(started); took > 6*time.Second { // each wait of the run once, not once for each name
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestConnectOverrides(t *testing.T) {
	t.Parallel()
	const other = "192.0.2.77"
	cases := []struct {
		name    string
		connect map[string]string
		want    []string // TCP dials
		none    []string
	}{
		{name: "host", connect: map[string]string{discovery: other}, want: []string{other + ":443", other + ":80"}, none: []string{proxyIP + ":443"}},
		{name: "host-with-port", connect: map[string]string{discovery: other + ":8443"}, want: []string{other + ":8443"}, none: []string{other + ":443"}},
		{name: "host-and-port", connect: map[string]string{discovery + ":443": other}, want: []string{other + ":443", proxyIP + ":80"}, none: []string{proxyIP + ":443"}},
		{name: "address", connect: map[string]string{proxyIP + ":443": other + ":9443"}, want: []string{other + ":9443", proxyIP + ":80"}, none: []string{proxyIP + ":443"}},
		{name: "no-address", connect: map[string]string{discovery: "proxy.contoso.example"}, none: []string{proxyIP + ":443"}},
		{name: "other-host", connect: map[string]string{webFQDN: other}, want: []string{proxyIP + ":443"}, none: []string{other + ":443"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				page := overTLS(answering(func(r *http.Request) string { return replyText("200 OK", "text/html", "hello "+r.Host) }))
				w := &world{answer: onlyDiscovery(), edit: func(v *Vantage) { v.Connect = c.connect }, tcp: map[string]func(net.Conn){
					other + ":443": page, other + ":8443": page, other + ":9443": page, proxyIP + ":443": page}}
				w.observe(t)
				for _, addr := range c.want {
					if !slices.Contains(w.dialled, "tcp "+addr) {
						t.Errorf("%s was not dialled: %v", addr, w.dialled)
					}
				}
				for _, addr := range c.none {
					if slices.Contains(w.dialled, "tcp "+addr) {
						t.Errorf("%s was dialled", addr)
					}
				}
			})
		})
	}
}

// Two hosts that overrides send to different ports of one address do not share a connection.
func TestOverridesKeepHostsApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		page := func(who string) func(net.Conn) {
			return overTLS(answering(func(*http.Request) string { return replyText("200 OK", "text/plain", who) }))
		}
		w := &world{answer: zone(), tcp: map[string]func(net.Conn){"192.0.2.7:1443": page("discovery"), "192.0.2.7:2443": page("web")},
			edit: func(v *Vantage) {
				v.Connect = map[string]string{discovery: "192.0.2.7:1443", webFQDN: "192.0.2.7:2443"}
			}}
		rec := w.look(t, t.Context(), Target{SIPDomains: []string{testDomain}, Expected: Expected{ExternalWeb: []string{webFQDN}}}, smallLimits, w.vantage(External))
		for purpose, want := range map[string]string{GetRoot: "discovery", GetUnknownHost: "discovery", GetUCWA: "web"} {
			xs := exchangesFor(rec, purpose)
			if len(xs) != 1 || xs[0].Body != want {
				t.Errorf("%s = %+v, want one answer from %s", purpose, xs, want)
			}
		}
	})
}

// A host that an override sends to a dead port does not take the others of its address with it.
func TestOverrideToDeadPort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{answer: zone(), refused: map[string]bool{"192.0.2.7:1443": true, "192.0.2.7:80": true},
			tcp: map[string]func(net.Conn){"192.0.2.7:2443": overTLS(answering(func(*http.Request) string { return replyText("200 OK", "text/plain", "web") }))},
			edit: func(v *Vantage) {
				v.Connect = map[string]string{discovery + ":443": "192.0.2.7:1443", discovery: "192.0.2.7", webFQDN: "192.0.2.7:2443"}
			}}
		rec := w.look(t, t.Context(), Target{SIPDomains: []string{testDomain}, Expected: Expected{ExternalWeb: []string{webFQDN}}}, smallLimits, w.vantage(External))
		if xs := exchangesFor(rec, GetUCWA); len(xs) != 1 || xs[0].Body != "web" {
			t.Errorf("ucwa = %+v, want one answer", xs)
		}
	})
}

// A cancelled run does not wait for a name server.
func TestLookupCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{byAddr: map[string]func(net.Conn){resolverAt: func(c net.Conn) { io.Copy(io.Discard, c) }}}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		started := time.Now()
		rec := w.look(t, ctx, Target{SIPDomains: []string{testDomain}}, smallLimits, w.vantage(External))
		if took := time.Since(started); took != 100*time.Millisecond || len(rec.Sections[0].Lookups) != 0 {
			t.Errorf("took %v with lookups %+v, want 100ms and none", took, rec.Sections[0].Lookups)
		}
	})
}
