package dns_test

import (
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"lyncpin/dns"
)

const client = "203.0.113.77:4000"

// slow is a server whose "slow" takes d, whose "lost" is lost, and whose "lyncdiscover" is well. It must be closed
// in the bubble, which fails if a goroutine outlives it.
func slow(t *testing.T, d time.Duration, behaviours ...dns.Behaviour) (*dns.Server, *memory) {
	t.Helper()
	m := newMemory()
	srv, err := dns.Start(t.Context(), dns.Config{
		Views: []dns.View{{
			Addrs: []string{"198.51.100.53:53"},
			Zones: []dns.Zone{{Name: "contoso.example", Records: []string{
				"lyncdiscover A 192.0.2.1", "slow A 192.0.2.2", "lost A 192.0.2.3",
			}}},
			Behaviours: append(behaviours,
				dns.Behaviour{Name: "slow.contoso.example", Delay: d}, dns.Behaviour{Name: "lost.contoso.example", Drop: true}),
		}},
		Listen: m.listen, ListenPacket: m.listenPacket,
	})
	if err != nil {
		t.Fatal(err)
	}
	return srv, m
}

func question(name string) *miekg.Msg {
	return new(miekg.Msg).SetQuestion(name+".contoso.example.", miekg.TypeA)
}

func TestDelayHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, 3*time.Second)
		defer srv.Close()
		begin := time.Now()
		m.send(client, "slow.contoso.example.", miekg.TypeA)
		m.send(client, discover, miekg.TypeA)
		for _, want := range []struct {
			address string
			after   time.Duration
		}{{"192.0.2.1", 0}, {"192.0.2.2", 3 * time.Second}} {
			if got := address(m.answer(time.Minute)); got != want.address || time.Since(begin) != want.after {
				t.Errorf("answer = %s after %s, want %s after %s", got, time.Since(begin), want.address, want.after)
			}
		}
		if log := srv.History(); log[0].Delay != 3*time.Second || log[1].Delay != 0 {
			t.Errorf("history says delays %s, %s; want 3s, 0s", log[0].Delay, log[1].Delay)
		}
	})
}

func TestDelayHoldsUpNobodyElseOnTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, 25*time.Second) // longer than a connection may idle
		defer srv.Close()
		conn := m.dial(client)
		defer conn.Close()
		for _, name := range []string{"slow", "lost", "lyncdiscover"} {
			if err := conn.WriteMsg(question(name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"192.0.2.1", "192.0.2.2"} {
			got, err := conn.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if address(got) != want {
				t.Errorf("answer = %s, want %s", address(got), want)
			}
		}
	})
}

func TestDropIsSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, time.Second, dns.Behaviour{Name: discover, Drop: true, Times: 1})
		defer srv.Close()
		for _, want := range []string{"silence", "192.0.2.1"} { // the first try is lost, the second arrives
			m.send(client, discover, miekg.TypeA)
			if got := address(m.answer(time.Minute)); got != want {
				t.Errorf("answer = %s, want %s", got, want)
			}
		}
		m.send(client, "lost.contoso.example.", miekg.TypeA)
		if got := address(m.answer(time.Hour)); got != "silence" {
			t.Errorf("answer = %s, want silence", got)
		}
		log := srv.History()
		if len(log) != 3 || log[0].RCode != "" || log[1].RCode != "NOERROR" || log[2].Name != "lost.contoso.example." {
			t.Errorf("history = %+v, want three queries, the first unanswered", log)
		}
	})
}

func TestCloseInterruptsDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, time.Hour)
		conn := m.dial(client)
		defer conn.Close()
		if err := conn.WriteMsg(question("slow")); err != nil {
			t.Fatal(err)
		}
		m.send(client, "slow.contoso.example.", miekg.TypeA)
		synctest.Wait()
		begin := time.Now()
		srv.Close()
		if took := time.Since(begin); took != 0 {
			t.Errorf("Close took %s", took)
		}
		if got := address(m.answer(2 * time.Hour)); got != "silence" {
			t.Errorf("answer after Close = %s, want silence", got)
		}
	})
}

func TestHeldAnswersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, time.Minute)
		defer srv.Close()
		const sent = 1100
		for range sent {
			m.send(client, "slow.contoso.example.", miekg.TypeA)
		}
		m.send(client, discover, miekg.TypeA) // is still served
		answers := map[string]int{}
		for {
			got := address(m.answer(2 * time.Minute))
			answers[got]++
			if got == "silence" {
				break
			}
		}
		if answers["192.0.2.1"] != 1 || answers["192.0.2.2"] != 1024 {
			t.Errorf("answers = %v, want 1024 slow ones of %d and the quick one", answers, sent)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		send string
	}{{"nothing-sent", ""}, {"half-a-length", "\x00"}, {"half-a-message", "\x00\x20abcd"}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, m := slow(t, time.Second)
				defer srv.Close()
				begin := time.Now()
				conn := m.dial(client)
				defer conn.Close()
				if _, err := conn.Conn.Write([]byte(tt.send)); err != nil {
					t.Fatal(err)
				}
				if n, err := conn.Conn.Read(make([]byte, 1)); err == nil {
					t.Errorf("%d bytes came", n)
				}
				if after := time.Since(begin); after != 10*time.Second {
					t.Errorf("closed after %s, want 10s", after)
				}
			})
		})
	}
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, time.Second)
		defer srv.Close()
		conn := m.dial(client)
		defer conn.Close()
		if err := conn.WriteMsg(question("lyncdiscover")); err != nil {
			t.Fatal(err)
		}
		m.answer(6 * time.Second) // there is none over UDP; it passes the time a write may take
		if err := conn.WriteMsg(question("lyncdiscover")); err == nil {
			t.Error("the connection is still open")
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, m := slow(t, time.Second)
		defer srv.Close()
		var conns []*miekg.Conn
		for range 257 {
			conns = append(conns, m.dial(client))
		}
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		last := func(i int) error {
			if err := conns[i].WriteMsg(question("lyncdiscover")); err != nil {
				return err
			}
			_, err := conns[i].ReadMsg()
			return err
		}
		if err := last(255); err != nil {
			t.Errorf("connection 256: %v", err)
		}
		if last(256) == nil {
			t.Error("connection 257 is served")
		}
		conns[0].Close()
		synctest.Wait()
		conns = append(conns, m.dial(client))
		if err := last(257); err != nil {
			t.Errorf("a connection after one was closed: %v", err)
		}
	})
}
