package dns_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	miekg "github.com/miekg/dns"

	"lyncpin/dns"
)

func start(t testing.TB, cfg dns.Config) *dns.Server {
	t.Helper()
	srv, err := dns.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

func exchange(t testing.TB, network, addr, name string, qtype uint16) *miekg.Msg {
	t.Helper()
	client := miekg.Client{Net: network, Timeout: 10 * time.Second}
	m, _, err := client.Exchange(new(miekg.Msg).SetQuestion(name, qtype), addr)
	if err != nil {
		t.Fatalf("%s over %s: %v", name, network, err)
	}
	return m
}

func address(m *miekg.Msg) string {
	if m == nil {
		return "silence"
	}
	for _, rr := range m.Answer {
		if a, ok := rr.(*miekg.A); ok {
			return a.A.String()
		}
	}
	return miekg.RcodeToString[m.Rcode]
}

func one(name, address string) []dns.Zone {
	return []dns.Zone{{Name: "contoso.example", Records: []string{name + " A " + address}}}
}

const (
	discover  = "lyncdiscover.contoso.example."
	localhost = "127.0.0.1:0"
)

func TestViewsByAddress(t *testing.T) {
	t.Parallel()
	when := time.Date(2013, 5, 1, 12, 0, 0, 0, time.UTC)
	srv := start(t, dns.Config{
		Now: func() time.Time { return when },
		Views: []dns.View{
			{Name: "external", Addrs: []string{localhost}, Zones: one("lyncdiscover", "203.0.113.10")},
			{Name: "internal", Addrs: []string{localhost, localhost}, Zones: one("lyncdiscover", "10.10.10.10")},
		},
	})
	for _, network := range []string{"udp", "tcp"} {
		for view, want := range map[string]string{"external": "203.0.113.10", "internal": "10.10.10.10"} {
			if got := address(exchange(t, network, srv.Addr(view), discover, miekg.TypeA)); got != want {
				t.Errorf("%s over %s: %s, want %s", view, network, got, want)
			}
		}
	}
	if got := srv.Addr("nowhere"); got != "" {
		t.Errorf("Addr of no view = %q, want none", got)
	}
	want := []dns.Query{
		{Time: when, View: "external", Known: true, Network: "udp", Name: discover, Type: "A", RCode: "NOERROR"},
		{Time: when, View: "external", Known: true, Network: "tcp", Name: discover, Type: "A", RCode: "NOERROR"},
		{Time: when, View: "internal", Known: true, Network: "udp", Name: discover, Type: "A", RCode: "NOERROR"},
		{Time: when, View: "internal", Known: true, Network: "tcp", Name: discover, Type: "A", RCode: "NOERROR"},
	}
	got := srv.History()
	for _, q := range got {
		if !q.Client.Addr().IsLoopback() || q.Client.Port() == 0 {
			t.Errorf("client = %s, want a loopback address and a port", q.Client)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(dns.Query{}, "Client"), cmpopts.SortSlices(func(a, b dns.Query) bool {
		return a.View+b.Network < b.View+a.Network // network backwards: udp before tcp
	})); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestTruncatedAnswerIsWholeOverTCP(t *testing.T) {
	t.Parallel()
	srv := start(t, dns.Config{Views: []dns.View{{
		Addrs: []string{localhost},
		Zones: []dns.Zone{{Name: "contoso.example", Text: "$GENERATE 1-60 lyncdiscover A 203.0.113.$\n"}},
	}}})
	short := exchange(t, "udp", srv.Addr(""), discover, miekg.TypeA)
	if !short.Truncated || len(short.Answer) >= 60 {
		t.Errorf("over UDP: TC = %v with %d records, want TC and fewer than 60", short.Truncated, len(short.Answer))
	}
	whole := exchange(t, "tcp", srv.Addr(""), discover, miekg.TypeA)
	if whole.Truncated || len(whole.Answer) != 60 {
		t.Errorf("over TCP: TC = %v with %d records, want 60", whole.Truncated, len(whole.Answer))
	}
	if log := srv.History(); !log[0].Truncated || log[1].Truncated {
		t.Errorf("history says truncated %v, %v; want true, false", log[0].Truncated, log[1].Truncated)
	}
}

// The resolver of Go is a client that shares no code with the server.
func TestResolverOfGo(t *testing.T) {
	t.Parallel()
	srv := start(t, dns.Config{Views: []dns.View{{
		Addrs: []string{localhost},
		Zones: []dns.Zone{{Name: "contoso.example", Text: `
lyncdiscover CNAME lyncweb-ext
lyncweb-ext A 203.0.113.10
            AAAA 2001:db8::10
_sip._tls SRV 0 5 443 sip
many TXT "` + strings.Repeat("x", 250) + `" "` + strings.Repeat("y", 250) + `" "` + strings.Repeat("z", 250) + `" "` +
			strings.Repeat("z", 250) + `" "` + strings.Repeat("z", 250) + `"
`}},
		Behaviours: []dns.Behaviour{{Name: "broken.contoso.example", RCode: "SERVFAIL"}},
	}}})
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Addr(""))
	}}
	ctx := t.Context()
	if got, err := r.LookupCNAME(ctx, discover); got != "lyncweb-ext.contoso.example." {
		t.Errorf("CNAME = %q, %v", got, err)
	}
	if got, err := r.LookupNetIP(ctx, "ip", discover); len(got) != 2 {
		t.Errorf("addresses = %v, %v; want two", got, err)
	}
	if _, got, err := r.LookupSRV(ctx, "sip", "tls", "contoso.example."); len(got) != 1 || got[0].Port != 443 {
		t.Errorf("SRV = %v, %v", got, err)
	}
	if got, err := r.LookupTXT(ctx, "many.contoso.example."); len(got) != 1 || len(got[0]) != 1250 {
		t.Errorf("TXT = %v, %v; want 1250 bytes, which come over TCP only", got, err)
	}
	_, err := r.LookupHost(ctx, "meet.contoso.example.")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || !e.IsNotFound {
		t.Errorf("a missing name: %v, want not found", err)
	}
	_, err = r.LookupHost(ctx, "broken.contoso.example.")
	if e, ok := errors.AsType[*net.DNSError](err); !ok || e.IsNotFound || !e.IsTemporary {
		t.Errorf("SERVFAIL: %v, want temporary and not \"not found\"", err)
	}
}

func TestDig(t *testing.T) {
	t.Parallel()
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("no dig on this machine")
	}
	srv := start(t, dns.Config{Views: []dns.View{{
		Addrs: []string{localhost},
		Zones: []dns.Zone{{Name: "contoso.example", Records: []string{"lyncdiscover CNAME gone"}}},
	}}})
	_, port, _ := net.SplitHostPort(srv.Addr(""))
	for _, tt := range []struct{ args, want string }{
		{"+edns lyncdiscover.contoso.example", "status: NXDOMAIN,|;; flags: qr aa rd;|EDNS: version: 0, flags:; udp: 1232|" +
			"ANSWER: 1, AUTHORITY: 1|CNAME\tgone.contoso.example.|IN\tSOA\tns.contoso.example."},
		{"+tcp +edns www.tailspin.test", "status: REFUSED,|;; flags: qr rd;|(TCP)"},
		{"+edns=7 +noednsnegotiation contoso.example", "status: BADVERS,"},
		{"contoso.example AXFR", "Transfer failed"},
	} {
		args := append([]string{"@127.0.0.1", "-p", port, "+tries=1", "+time=5"}, strings.Fields(tt.args)...)
		out, err := exec.CommandContext(t.Context(), dig, args...).Output()
		if err != nil {
			t.Errorf("dig %s: %v", tt.args, err)
		}
		for want := range strings.SplitSeq(tt.want, "|") {
			if !strings.Contains(string(out), want) {
				t.Errorf("dig %s: no %q in\n%s", tt.args, want, out)
			}
		}
	}
}

// A wildcard address answers from the address it was asked at: a connected socket takes no other.
func TestWildcardAddress(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere 127.0.0.2 is not there without set-up")
	}
	srv := start(t, dns.Config{Views: []dns.View{{
		Addrs: []string{"0.0.0.0:0"}, Zones: one("lyncdiscover", "203.0.113.10"),
		Clients: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}}})
	_, port, _ := net.SplitHostPort(srv.Addr(""))
	for _, network := range []string{"udp", "tcp"} {
		got := address(exchange(t, network, net.JoinHostPort("127.0.0.2", port), discover, miekg.TypeA))
		if got != "203.0.113.10" {
			t.Errorf("over %s: %s, want 203.0.113.10", network, got)
		}
	}
}

func TestViewsByClient(t *testing.T) {
	t.Parallel()
	net4 := netip.MustParsePrefix
	view := func(name, address string, clients ...netip.Prefix) dns.View {
		return dns.View{Name: name, Addrs: []string{"198.51.100.53:53"}, Clients: clients, Zones: one("lyncdiscover", address)}
	}
	lan := view("lan", "10.10.10.10", net4("10.0.0.0/8"), net4("2001:db8:10::/48"))
	lab := view("lab", "10.10.10.99", net4("10.10.10.7/24")) // not masked, on purpose
	rest := view("rest", "203.0.113.10")
	for _, tt := range []struct {
		name, client, want string
		views              []dns.View
	}{
		{"prefix", "10.1.2.3:4000", "10.10.10.10", []dns.View{lan, lab, rest}},
		{"longest-prefix", "10.10.10.11:4000", "10.10.10.99", []dns.View{lan, lab, rest}},
		{"longest-prefix-any-order", "10.10.10.11:4000", "10.10.10.99", []dns.View{rest, lab, lan}},
		{"mapped-v6", "[::ffff:10.10.10.11]:4000", "10.10.10.99", []dns.View{lan, lab, rest}},
		{"v6", "[2001:db8:10::1]:4000", "10.10.10.10", []dns.View{lan, rest}},
		{"v6-neighbour", "[2001:db8:11::1]:4000", "203.0.113.10", []dns.View{lan, rest}},
		{"rest", "203.0.113.77:4000", "203.0.113.10", []dns.View{lan, lab, rest}},
		{"no-view", "172.16.5.5:4000", "REFUSED", []dns.View{lan, lab}},
		{"rest-is-not-the-internet", "8.8.8.8:4000", "REFUSED", []dns.View{lan, lab, rest}},
		{"rest-is-not-the-internet-v6", "[2620:fe::fe]:4000", "REFUSED", []dns.View{rest}},
		{"everybody-on-request", "8.8.8.8:4000", "192.0.2.1", []dns.View{rest, view("all", "192.0.2.1", net4("0.0.0.0/0"))}},
		{"loopback", "127.0.0.1:4000", "203.0.113.10", []dns.View{lan, rest}},
		{"link-local-zone", "[fe80::1%eth0]:4000", "203.0.113.10", []dns.View{lan, rest}},
		{"no-port", "10.1.2.3:0", "silence", []dns.View{lan}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			srv := start(t, dns.Config{Views: tt.views, Listen: m.listen, ListenPacket: m.listenPacket})
			m.send(tt.client, discover, miekg.TypeA)
			if tt.want == "silence" {
				m.send(tt.client, discover, miekg.TypeA) // when it is taken, the first is done with
				if log := srv.History(); len(log) != 0 {
					t.Errorf("history = %v, want nothing", log)
				}
				return
			}
			if got := address(m.answer(time.Minute)); got != tt.want {
				t.Errorf("answer = %s, want %s", got, tt.want)
			}
			if log := srv.History(); len(log) != 1 || log[0].Known == (log[0].RCode == "REFUSED") {
				t.Errorf("history = %+v, want one query, Known unless refused", log)
			}
		})
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	ok := dns.View{Name: "a", Addrs: []string{localhost}, Zones: one("x", "192.0.2.1")}
	edit := func(f func(v *dns.View)) dns.Config {
		v := ok
		f(&v)
		return dns.Config{Views: []dns.View{v}}
	}
	zone := func(z dns.Zone) dns.Config { return edit(func(v *dns.View) { v.Zones = []dns.Zone{z} }) }
	record := func(text string) dns.Config { return zone(dns.Zone{Name: "example", Records: []string{text}}) }
	behaviour := func(b dns.Behaviour) dns.Config {
		return edit(func(v *dns.View) { v.Behaviours = []dns.Behaviour{b} })
	}
	two := func(f func(v, w *dns.View)) dns.Config {
		v, w := ok, ok
		w.Name = "b"
		v.Addrs, w.Addrs = []string{"127.0.0.1:53"}, []string{"127.0.0.1:53"}
		f(&v, &w)
		return dns.Config{Views: []dns.View{v, w}}
	}
	lan := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tt := range []struct {
		name string
		cfg  dns.Config
		want string
	}{
		{"no-views", dns.Config{}, "dns: no views: there is nothing to serve"},
		{"no-address", edit(func(v *dns.View) { v.Addrs = nil }), `dns: view "a": no address to listen at`},
		{"host-name", edit(func(v *dns.View) { v.Addrs = []string{"localhost:53"} }),
			`dns: view "a": address "localhost:53" is not ip:port, such as 127.0.0.1:53`},
		{"no-port", edit(func(v *dns.View) { v.Addrs = []string{"127.0.0.1"} }),
			`dns: view "a": address "127.0.0.1" is not ip:port, such as 127.0.0.1:53`},
		{"bad-client", edit(func(v *dns.View) { v.Clients = []netip.Prefix{{}} }), `dns: view "a": client network 1 is not valid`},
		{"name-twice", two(func(v, w *dns.View) { w.Name = "a" }), `dns: view "a": the name is used twice`},
		{"nobody-names-clients", two(func(v, w *dns.View) {}),
			`dns: view "b": address 127.0.0.1:53: view "a" has it too, and neither names its clients`},
		{"same-clients", two(func(v, w *dns.View) { v.Clients, w.Clients = lan, lan }),
			`dns: view "b": address 127.0.0.1:53: view "a" has it too, and both have the clients 10.0.0.0/8`},
		{"tcp-differs", two(func(v, w *dns.View) { v.Clients, w.UDPOnly = lan, true }),
			`dns: view "b": address 127.0.0.1:53: view "a" there has TCP, and this one not, or the other way round`},
		{"address-twice", edit(func(v *dns.View) { v.Addrs = []string{"127.0.0.1:53", "127.0.0.1:53"} }),
			`dns: view "a": address 127.0.0.1:53: the address is there twice`},
		{"zone-twice", edit(func(v *dns.View) { v.Zones = []dns.Zone{{Name: "a.example"}, {Name: "A.Example."}} }),
			`dns: view "a": zone A.Example. is there twice`},
		{"zone-unnamed", zone(dns.Zone{}), `dns: view "a": zone name "": empty (the root is ".")`},
		{"zone-misnamed", zone(dns.Zone{Name: "a..example"}), `dns: view "a": zone name "a..example": not a domain name`},
		{"zone-text", zone(dns.Zone{Name: "example", Text: "a A 192.0.2.1\n\nb A nonsense\n"}),
			`dns: view "a": zone example: line 3: bad A A: "nonsense"`},
		{"zone-source", zone(dns.Zone{Name: "example", Source: "example.zone", Text: "b A nonsense\n"}),
			`dns: view "a": zone example: example.zone:1:12: bad A A: "nonsense"`},
		{"zone-include", zone(dns.Zone{Name: "example", Text: "$INCLUDE /etc/passwd\n"}),
			`dns: view "a": zone example: line 1: $INCLUDE directive not allowed: "/etc/passwd"`},
		{"zone-foreign-record", zone(dns.Zone{Name: "example", Text: "a.test. A 192.0.2.1\n"}),
			`dns: view "a": zone example: a.test. 3600 IN A 192.0.2.1: a.test. is not in the zone`},
		{"zone-two-soas", zone(dns.Zone{Name: "example", Text: "@ SOA a b 1 2 3 4 5\n@ SOA a b 2 2 3 4 5\n"}),
			`dns: view "a": zone example: example. 3600 IN SOA a.example. b.example. 2 2 3 4 5: a second SOA`},
		{"soa-below", record("a SOA a b 1 2 3 4 5"),
			`dns: view "a": zone example: record "a SOA a b 1 2 3 4 5": a SOA belongs to the zone's apex`},
		{"record-class", record("a CH TXT x"), `dns: view "a": zone example: record "a CH TXT x": class CH: only IN is served`},
		{"record-no-data", record("a A"), `dns: view "a": zone example: record "a A": no data after the type`},
		{"record-empty", record(""), `dns: view "a": zone example: record "": no record in it`},
		{"record-two", record("a A 192.0.2.1\nb A 192.0.2.1"),
			"dns: view \"a\": zone example: record \"a A 192.0.2.1\\nb A 192.0.2.1\": more than one record in it"},
		{"record-meta-type", record(`a TYPE41 \# 0`),
			`dns: view "a": zone example: record "a TYPE41 \\# 0": type OPT cannot stand in a zone`},
		{"behaviour-unnamed", behaviour(dns.Behaviour{}),
			`dns: view "a": behaviour for "": name "": empty (the root is ".")`},
		{"behaviour-type", behaviour(dns.Behaviour{Name: "*", Type: "AAAAA"}),
			`dns: view "a": behaviour for "*": unknown record type "AAAAA"`},
		{"behaviour-rcode", behaviour(dns.Behaviour{Name: "*", RCode: "SERVERFAIL"}),
			`dns: view "a": behaviour for "*": unknown response code "SERVERFAIL" (known are NXDOMAIN, SERVFAIL, REFUSED …)`},
		{"behaviour-extended-rcode", behaviour(dns.Behaviour{Name: "*", RCode: "BADKEY"}),
			`dns: view "a": behaviour for "*": unknown response code "BADKEY" (known are NXDOMAIN, SERVFAIL, REFUSED …)`},
		{"behaviour-delay", behaviour(dns.Behaviour{Name: "*", Delay: -1}), `dns: view "a": behaviour for "*": delay -1ns is negative`},
		{"behaviour-times", behaviour(dns.Behaviour{Name: "*", Times: -1}), `dns: view "a": behaviour for "*": times -1 is negative`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, err := dns.Start(t.Context(), tt.cfg)
			if err == nil {
				srv.Close()
				t.Fatal("it started")
			}
			if err.Error() != tt.want {
				t.Errorf("error = %s\n       want %s", err, tt.want)
			}
		})
	}
}

func TestStartReleasesWhatItBoundWhenItFails(t *testing.T) {
	t.Parallel()
	first, failed := newMemory(), errors.New("no such address")
	calls := 0
	_, err := dns.Start(t.Context(), dns.Config{
		Views: []dns.View{{Name: "a", Addrs: []string{"198.51.100.53:53", "198.51.100.54:53"}}},
		Listen: func(ctx context.Context, network, addr string) (net.Listener, error) {
			if calls++; calls == 2 {
				return nil, failed
			}
			return first.listen(ctx, network, addr)
		},
		ListenPacket: first.listenPacket,
	})
	if !errors.Is(err, failed) || !strings.Contains(err.Error(), "198.51.100.54:53") {
		t.Errorf("error = %v, want that of the second address", err)
	}
	select {
	case <-first.done:
	default:
		t.Error("the first listener is still open")
	}
}

func TestPortZeroSeeksAPortFreeForBoth(t *testing.T) {
	t.Parallel()
	var asked []string
	srv := start(t, dns.Config{
		Views: []dns.View{{Addrs: []string{localhost}, Zones: one("lyncdiscover", "192.0.2.1")}},
		ListenPacket: func(ctx context.Context, network, addr string) (net.PacketConn, error) {
			if asked = append(asked, addr); len(asked) < 3 {
				return nil, errors.New("address in use")
			}
			return new(net.ListenConfig).ListenPacket(ctx, network, addr)
		},
	})
	if len(asked) != 3 || asked[2] != srv.Addr("") {
		t.Errorf("asked for %v and is at %s; want the third", asked, srv.Addr(""))
	}
	if got := address(exchange(t, "tcp", srv.Addr(""), discover, miekg.TypeA)); got != "192.0.2.1" {
		t.Errorf("over TCP: %s, want 192.0.2.1", got)
	}
}

func TestUDPOnlyOpensNoTCP(t *testing.T) {
	t.Parallel()
	m := newMemory()
	start(t, dns.Config{
		Views: []dns.View{{Addrs: []string{"198.51.100.53:53"}, UDPOnly: true, Zones: one("lyncdiscover", "192.0.2.1")}},
		Listen: func(context.Context, string, string) (net.Listener, error) {
			t.Error("TCP was opened")
			return nil, errors.New("not wanted")
		},
		ListenPacket: m.listenPacket,
	})
	m.send("10.10.10.11:4000", discover, miekg.TypeA)
	if got := address(m.answer(time.Minute)); got != "192.0.2.1" {
		t.Errorf("over UDP: %s, want 192.0.2.1", got)
	}
}

// A client may close its sending half at once; what is held back for it is sent all the same.
func TestHalfClosedConnectionGetsItsAnswer(t *testing.T) {
	t.Parallel()
	srv := start(t, dns.Config{Views: []dns.View{{
		Addrs: []string{localhost}, Zones: one("lyncdiscover", "192.0.2.1"),
		Behaviours: []dns.Behaviour{{Name: "*", Delay: 20 * time.Millisecond}},
	}}})
	conn, err := net.Dial("tcp", srv.Addr(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := miekg.Conn{Conn: conn}
	if err := client.WriteMsg(question("lyncdiscover")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := client.ReadMsg()
	if err != nil || address(got) != "192.0.2.1" {
		t.Errorf("answer = %s, %v; want 192.0.2.1", address(got), err)
	}
}

func TestStartAfterTheEndOfItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := dns.Start(ctx, dns.Config{Views: []dns.View{{Addrs: []string{localhost}}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want %v", err, context.Canceled)
	}
}

func TestServerOutlivesTheContextOfStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	srv, err := dns.Start(ctx, dns.Config{Views: []dns.View{{Addrs: []string{localhost}, Zones: one("lyncdiscover", "192.0.2.1")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	cancel()
	if got := address(exchange(t, "udp", srv.Addr(""), discover, miekg.TypeA)); got != "192.0.2.1" {
		t.Errorf("answer = %s, want 192.0.2.1", got)
	}
}

func TestCloseFreesThePortAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	srv := start(t, dns.Config{Views: []dns.View{{Addrs: []string{localhost}}}})
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			if err := srv.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	closers.Wait()
	conn, err := net.Dial("tcp", srv.Addr(""))
	if err == nil {
		conn.Close()
		t.Error("TCP is still open")
	}
}
