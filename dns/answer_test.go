package dns

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	miekg "github.com/miekg/dns"
)

// contoso is a view with what split DNS of a Lync deployment has, and what goes wrong in it.
func contoso() View {
	return View{
		Name:  "external",
		Addrs: []string{"198.51.100.53:53"},
		Zones: []Zone{{
			Name: "contoso.example",
			Text: `
$TTL 300
@ 900 SOA ns1 hostmaster 7 3600 600 86400 60
@ NS ns1
ns1 A 198.51.100.53
lyncdiscover A 203.0.113.10
             AAAA 2001:db8::10
two A 203.0.113.10
two A 203.0.113.11
two 300 IN A 203.0.113.10 ; once is enough
Meet CNAME LyncDiscover
dialin CNAME meet
gone CNAME nowhere
other CNAME lyncdiscover.fabrikam.example.
othergone CNAME nowhere.fabrikam.example.
away CNAME www.tailspin.test.
txtonly TXT "lync"
totxt CNAME txtonly
a CNAME b
b CNAME a
self CNAME self
both CNAME txtonly
both TXT "forbidden by RFC 1034, seen in practice"
_sip._tls SRV 0 0 443 sip
sip A 203.0.113.20
bad TYPE65280 \# 2 abcd
`,
			Records: []string{"10 PTR lyncdiscover", "*.web A 203.0.113.99", "*.alias CNAME meet"},
		}, {
			Name: "fabrikam.example.", Records: []string{"lyncdiscover 60 A 203.0.113.12"},
		}, {
			Name: "pin.contoso.example", Records: []string{"@ A 10.10.10.10"},
		}},
	}
}

// wildcards is the example of RFC 4592 section 2.2.1.
func wildcards() View {
	return View{Addrs: []string{"198.51.100.53:53"}, Zones: []Zone{{Name: "example", Text: `
@ 3600 IN SOA ns.example.com. admin 1 3600 600 86400 3600
@ NS ns.example.com.
@ NS ns.example.net.
* TXT "this is a wildcard"
* MX 10 host1
sub.* TXT "this is not a wildcard"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host2
`}}}
}

func compiled(t testing.TB, v View) *view {
	t.Helper()
	endpoints, err := Config{Views: []View{v}}.compile()
	if err != nil {
		t.Fatal(err)
	}
	return endpoints[0].views[0]
}

// ask returns the answer to "name type" as a client reads it.
func ask(t testing.TB, v *view, question string, edit ...func(*miekg.Msg)) *miekg.Msg {
	t.Helper()
	name, qtype, _ := strings.Cut(question, " ")
	q := new(miekg.Msg).SetQuestion(miekg.Fqdn(name), miekg.StringToType[qtype])
	for _, f := range edit {
		f(q)
	}
	var r *rule
	if v != nil && plain(q) {
		r = v.rule(q.Question[0])
	}
	wire := pack(answer(v, q, r, "udp"), sizeFor(q, "udp"))
	m := new(miekg.Msg)
	if err := m.Unpack(wire); err != nil {
		t.Fatalf("the answer %x cannot be read: %v", wire, err)
	}
	return m
}

func lines(rrs []miekg.RR) []string {
	var out []string
	for _, rr := range rrs {
		out = append(out, recordText(rr))
	}
	return out
}

const (
	contosoSOA  = "contoso.example. 60 IN SOA ns1.contoso.example. hostmaster.contoso.example. 7 3600 600 86400 60"
	fabrikamSOA = "fabrikam.example. 300 IN SOA ns.fabrikam.example. hostmaster.fabrikam.example. 1 3600 600 86400 300"
	exampleSOA  = "example. 3600 IN SOA ns.example.com. admin.example. 1 3600 600 86400 3600"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, ask, rcode string
		answer, ns       []string
	}{
		{"address", "lyncdiscover.contoso.example A", "NOERROR",
			[]string{"lyncdiscover.contoso.example. 300 IN A 203.0.113.10"}, nil},
		{"address-v6", "lyncdiscover.contoso.example AAAA", "NOERROR",
			[]string{"lyncdiscover.contoso.example. 300 IN AAAA 2001:db8::10"}, nil},
		{"case-of-the-question-kept", "LYNCdiscover.Contoso.example A", "NOERROR",
			[]string{"LYNCdiscover.Contoso.example. 300 IN A 203.0.113.10"}, nil},
		{"record-twice-counts-once", "two.contoso.example A", "NOERROR",
			[]string{"two.contoso.example. 300 IN A 203.0.113.10", "two.contoso.example. 300 IN A 203.0.113.11"}, nil},
		{"no-such-name", "lyncdiscoverinternal.contoso.example A", "NXDOMAIN", nil, []string{contosoSOA}},
		{"no-such-type", "sip.contoso.example AAAA", "NOERROR", nil, []string{contosoSOA}},
		{"apex", "contoso.example SOA", "NOERROR",
			[]string{strings.Replace(contosoSOA, " 60 IN", " 900 IN", 1)}, nil},
		{"apex-no-such-type", "contoso.example A", "NOERROR", nil, []string{contosoSOA}},
		{"name-servers", "contoso.example NS", "NOERROR", []string{"contoso.example. 300 IN NS ns1.contoso.example."}, nil},
		{"service", "_sip._tls.contoso.example SRV", "NOERROR",
			[]string{"_sip._tls.contoso.example. 300 IN SRV 0 0 443 sip.contoso.example."}, nil},
		{"empty-non-terminal", "_tls.contoso.example SRV", "NOERROR", nil, []string{contosoSOA}},
		{"below-a-name", "x.sip.contoso.example A", "NXDOMAIN", nil, []string{contosoSOA}},
		{"pointer", "10.contoso.example PTR", "NOERROR",
			[]string{"10.contoso.example. 3600 IN PTR lyncdiscover.contoso.example."}, nil},
		{"unknown-type", "bad.contoso.example ANY", "NOERROR",
			[]string{`bad.contoso.example. 300 CLASS1 TYPE65280 \# 2 abcd`}, nil},
		{"pin-point-zone", "pin.contoso.example A", "NOERROR",
			[]string{"pin.contoso.example. 3600 IN A 10.10.10.10"}, nil},

		{"alias-chain", "dialin.contoso.example A", "NOERROR", []string{
			"dialin.contoso.example. 300 IN CNAME meet.contoso.example.",
			"meet.contoso.example. 300 IN CNAME LyncDiscover.contoso.example.",
			"LyncDiscover.contoso.example. 300 IN A 203.0.113.10",
		}, nil},
		{"alias-itself", "dialin.contoso.example CNAME", "NOERROR",
			[]string{"dialin.contoso.example. 300 IN CNAME meet.contoso.example."}, nil},
		{"alias-not-followed-for-any", "dialin.contoso.example ANY", "NOERROR",
			[]string{"dialin.contoso.example. 300 IN CNAME meet.contoso.example."}, nil},
		{"alias-to-missing-name", "gone.contoso.example A", "NXDOMAIN",
			[]string{"gone.contoso.example. 300 IN CNAME nowhere.contoso.example."}, []string{contosoSOA}},
		{"alias-to-missing-type", "totxt.contoso.example A", "NOERROR",
			[]string{"totxt.contoso.example. 300 IN CNAME txtonly.contoso.example."}, []string{contosoSOA}},
		{"alias-across-zones", "other.contoso.example A", "NOERROR", []string{
			"other.contoso.example. 300 IN CNAME lyncdiscover.fabrikam.example.",
			"lyncdiscover.fabrikam.example. 60 IN A 203.0.113.12",
		}, nil},
		{"alias-across-zones-to-missing-name", "othergone.contoso.example A", "NXDOMAIN",
			[]string{"othergone.contoso.example. 300 IN CNAME nowhere.fabrikam.example."}, []string{fabrikamSOA}},
		{"alias-to-elsewhere", "away.contoso.example A", "NOERROR",
			[]string{"away.contoso.example. 300 IN CNAME www.tailspin.test."}, nil},
		{"alias-loop", "a.contoso.example A", "NOERROR", []string{
			"a.contoso.example. 300 IN CNAME b.contoso.example.", "b.contoso.example. 300 IN CNAME a.contoso.example.",
		}, nil},
		{"alias-to-itself", "self.contoso.example A", "NOERROR",
			[]string{"self.contoso.example. 300 IN CNAME self.contoso.example."}, nil},
		{"alias-beside-data-asked-for-data", "both.contoso.example TXT", "NOERROR",
			[]string{`both.contoso.example. 300 IN TXT "forbidden by RFC 1034, seen in practice"`}, nil},
		{"alias-beside-data-asked-for-other", "both.contoso.example A", "NOERROR",
			[]string{"both.contoso.example. 300 IN CNAME txtonly.contoso.example."}, []string{contosoSOA}},
		{"alias-by-wildcard", "x.alias.contoso.example AAAA", "NOERROR", []string{
			"x.alias.contoso.example. 3600 IN CNAME meet.contoso.example.",
			"meet.contoso.example. 300 IN CNAME LyncDiscover.contoso.example.",
			"LyncDiscover.contoso.example. 300 IN AAAA 2001:db8::10",
		}, nil},

		{"outside", "www.tailspin.test A", "REFUSED", nil, nil},
		{"outside-parent", "example A", "REFUSED", nil, nil},
		{"outside-root", ". NS", "REFUSED", nil, nil},
		{"outside-with-zone-as-prefix", "contoso.example.tailspin.test A", "REFUSED", nil, nil},
		{"outside-with-zone-as-ending", "notcontoso.example A", "REFUSED", nil, nil},
		{"transfer", "contoso.example AXFR", "REFUSED", nil, nil},
		{"incremental-transfer", "contoso.example IXFR", "REFUSED", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := ask(t, compiled(t, contoso()), tt.ask)
			if got := rcodeText(m.Rcode); got != tt.rcode {
				t.Errorf("rcode = %s, want %s", got, tt.rcode)
			}
			if got, want := m.Authoritative, tt.rcode != "REFUSED"; got != want {
				t.Errorf("AA = %v, want %v", got, want)
			}
			if diff := cmp.Diff(tt.answer, lines(m.Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ns, lines(m.Ns)); diff != "" {
				t.Errorf("authority (-want +got):\n%s", diff)
			}
		})
	}
}

// The cases are those RFC 4592 section 2.2.1 lists, but for the delegation.
func TestWildcardsOfTheRFC(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, ask, rcode string
		answer           []string
	}{
		{"synthesized", "host3.example MX", "NOERROR", []string{"host3.example. 3600 IN MX 10 host1.example."}},
		{"synthesized-no-such-type", "host3.example A", "NOERROR", nil},
		{"synthesized-two-labels", "foo.bar.example TXT", "NOERROR",
			[]string{`foo.bar.example. 3600 IN TXT "this is a wildcard"`}},
		{"name-exists", "host1.example MX", "NOERROR", nil},
		{"name-exists-below-the-asterisk", "sub.*.example MX", "NOERROR", nil},
		{"closest-encloser-is-lower", "_telnet._tcp.host1.example SRV", "NXDOMAIN", nil},
		{"empty-non-terminal", "host2.example MX", "NOERROR", nil},
		{"below-empty-non-terminal", "x.host2.example MX", "NXDOMAIN", nil},
		{"below-the-asterisk", "ghost.*.example MX", "NXDOMAIN", nil},
		{"the-asterisk-itself", "*.example TXT", "NOERROR", []string{`*.example. 3600 IN TXT "this is a wildcard"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := ask(t, compiled(t, wildcards()), tt.ask)
			if got := rcodeText(m.Rcode); got != tt.rcode {
				t.Errorf("rcode = %s, want %s", got, tt.rcode)
			}
			if diff := cmp.Diff(tt.answer, lines(m.Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			var ns []string
			if len(tt.answer) == 0 {
				ns = []string{exampleSOA}
			}
			if diff := cmp.Diff(ns, lines(m.Ns)); diff != "" {
				t.Errorf("authority (-want +got):\n%s", diff)
			}
		})
	}
}

// A root zone with a wildcard is how a resolver that rewrites NXDOMAIN looks.
func TestRootZone(t *testing.T) {
	t.Parallel()
	v := compiled(t, View{Addrs: []string{"198.51.100.53:53"}, Zones: []Zone{
		{Name: ".", Records: []string{"* A 198.51.100.99", "www.test A 192.0.2.1"}},
	}})
	for ask1, want := range map[string]string{
		"zz.nowhere A": "zz.nowhere. 3600 IN A 198.51.100.99",
		"www.test A":   "www.test. 3600 IN A 192.0.2.1",
	} {
		if got := lines(ask(t, v, ask1).Answer); !slices.Equal(got, []string{want}) {
			t.Errorf("%s = %v, want %s", ask1, got, want)
		}
	}
	if got := rcodeText(ask(t, v, "zz.test A").Rcode); got != "NXDOMAIN" {
		t.Errorf("a name beside one that exists: rcode = %s, want NXDOMAIN", got)
	}
}

func TestLongAliasChainIsCut(t *testing.T) {
	t.Parallel()
	v := compiled(t, View{Addrs: []string{"198.51.100.53:53"}, Zones: []Zone{
		{Name: "example", Text: "$GENERATE 1-40 c$ 60 CNAME c${1}\n"},
	}})
	m := ask(t, v, "c1.example A", func(q *miekg.Msg) { q.SetEdns0(4096, false) })
	if len(m.Answer) != maxChain+1 || m.Rcode != miekg.RcodeSuccess || m.Truncated {
		t.Errorf("%d records, %s; want %d, NOERROR", len(m.Answer), rcodeText(m.Rcode), maxChain+1)
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	type header struct {
		RCode          string
		AA, RD, CD, RA bool
		EDNS, DO       bool
		EDE            uint16
		Questions      int
	}
	const ok = "lyncdiscover.contoso.example A"
	for _, tt := range []struct {
		name string
		ask  string
		edit func(*miekg.Msg)
		want header
	}{
		{"plain", ok, func(q *miekg.Msg) {}, header{RCode: "NOERROR", AA: true, RD: true, Questions: 1}},
		{"recursion-not-desired", ok, func(q *miekg.Msg) { q.RecursionDesired = false },
			header{RCode: "NOERROR", AA: true, Questions: 1}},
		{"edns", ok, func(q *miekg.Msg) { q.SetEdns0(4096, true) },
			header{RCode: "NOERROR", AA: true, RD: true, EDNS: true, DO: true, Questions: 1}},
		{"edns-version-1", ok, func(q *miekg.Msg) { q.SetEdns0(4096, false); q.IsEdns0().SetVersion(1) },
			header{RCode: "BADVERS", RD: true, EDNS: true, Questions: 1}},
		{"edns-twice", ok, func(q *miekg.Msg) { q.SetEdns0(4096, false); q.SetEdns0(512, false) },
			header{RCode: "FORMERR", RD: true, EDNS: true, Questions: 1}},
		{"checking-disabled", ok, func(q *miekg.Msg) { q.CheckingDisabled = true },
			header{RCode: "NOERROR", AA: true, RD: true, CD: true, Questions: 1}},
		{"notify", ok, func(q *miekg.Msg) { q.Opcode = miekg.OpcodeNotify },
			header{RCode: "NOTIMP", RD: true, Questions: 1}},
		{"update", ok, func(q *miekg.Msg) { q.Opcode = miekg.OpcodeUpdate },
			header{RCode: "NOTIMP", RD: true, Questions: 1}},
		{"no-question", ok, func(q *miekg.Msg) { q.Question = nil }, header{RCode: "FORMERR", RD: true}},
		{"two-questions", ok, func(q *miekg.Msg) { q.Question = append(q.Question, q.Question[0]) },
			header{RCode: "FORMERR", RD: true}},
		{"class-chaos", ok, func(q *miekg.Msg) { q.Question[0].Qclass = miekg.ClassCHAOS },
			header{RCode: "REFUSED", RD: true, Questions: 1}},
		{"class-any", ok, func(q *miekg.Msg) { q.Question[0].Qclass = miekg.ClassANY },
			header{RCode: "REFUSED", RD: true, Questions: 1}},
		{"outside-says-why", "tailspin.test A", func(q *miekg.Msg) { q.SetEdns0(1232, false) },
			header{RCode: "REFUSED", RD: true, EDNS: true, EDE: 20, Questions: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := ask(t, compiled(t, contoso()), tt.ask, tt.edit)
			got := header{
				RCode: rcodeText(m.Rcode), AA: m.Authoritative, RD: m.RecursionDesired, RA: m.RecursionAvailable,
				CD: m.CheckingDisabled, Questions: len(m.Question),
			}
			if opt := m.IsEdns0(); opt != nil {
				got.EDNS, got.DO = true, opt.Do()
				for _, o := range opt.Option {
					got.EDE = o.(*miekg.EDNS0_EDE).InfoCode
				}
				if opt.UDPSize() != 1232 || opt.Version() != 0 {
					t.Errorf("OPT size %d version %d, want 1232 and 0", opt.UDPSize(), opt.Version())
				}
			}
			if !m.Response {
				t.Error("QR is not set")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

// The bytes are written by hand after RFC 1035 section 4.1, so that the library is not its own judge.
func TestWire(t *testing.T) {
	t.Parallel()
	const question = "03736970" + "07636f6e746f736f" + "076578616d706c65" + "00" + "0001" + "0001" // sip.contoso.example A
	query := unhex(t, "beef"+"0100"+"0001"+"0000"+"0000"+"0000"+question)
	want := unhex(t, "beef"+"8500"+"0001"+"0001"+"0000"+"0000"+question+ // QR AA RD
		"c00c"+"0001"+"0001"+"0000012c"+"0004"+"cb007114") // a pointer to the question; 300 s; 203.0.113.20
	q := parse(query)
	if got := pack(answer(compiled(t, contoso()), q, nil, "udp"), 512); !bytes.Equal(got, want) {
		t.Errorf("answer = %x, want %x", got, want)
	}
	broken := parse(query[:20])
	if got, want := pack(answer(compiled(t, contoso()), broken, nil, "udp"), 512),
		unhex(t, "beef"+"8101"+"0000"+"0000"+"0000"+"0000"); !bytes.Equal(got, want) {
		t.Errorf("answer to a broken question = %x, want %x", got, want)
	}
	if parse(want) != nil {
		t.Error("a response is taken for a query")
	}
	if parse(query[:11]) != nil {
		t.Error("eleven bytes are taken for a query")
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	// An A record is 16 bytes with its name compressed: 12 (header) + 19 (question) + n*16, and 11 for the OPT.
	v := compiled(t, View{Addrs: []string{"198.51.100.53:53"}, Zones: []Zone{
		{Name: "example", Text: "$GENERATE 1-30 thirty A 10.0.0.$\n$GENERATE 1-31 thirty1 A 10.0.0.$\n" +
			"$GENERATE 1-99 ninety A 10.0.0.$\n"},
	}})
	edns := func(size uint16) func(*miekg.Msg) {
		return func(q *miekg.Msg) { q.SetEdns0(size, false) }
	}
	none := func(*miekg.Msg) {}
	for _, tt := range []struct {
		name, ask string
		edit      func(*miekg.Msg)
		tc        bool
		max       int
	}{
		{"fits-512", "thirty.example A", none, false, 512},
		{"exceeds-512", "thirty1.example A", none, true, 512},
		{"fits-edns-600", "thirty1.example A", edns(600), false, 600},
		{"tiny-edns-counts-as-512", "thirty1.example A", edns(10), true, 512},
		{"exceeds-what-is-offered", "ninety.example A", edns(1000), true, 1000},
		{"exceeds-the-cap", "ninety.example A", edns(4096), true, 1232},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := ask(t, v, tt.ask, tt.edit)
			m.Compress = true
			wire, err := m.Pack()
			if err != nil || len(wire) > tt.max {
				t.Errorf("%d bytes (%v), want at most %d", len(wire), err, tt.max)
			}
			if m.Truncated != tt.tc {
				t.Errorf("TC = %v with %d bytes, want %v", m.Truncated, len(wire), tt.tc)
			}
		})
	}
	q := new(miekg.Msg).SetQuestion("ninety.example.", miekg.TypeA)
	if m := answer(v, q, nil, "tcp"); len(pack(m, sizeFor(q, "tcp"))) < 99*16 || m.Truncated {
		t.Errorf("over TCP %d records, TC = %v; want all 99", len(m.Answer), m.Truncated)
	}
}

func TestBehaviours(t *testing.T) {
	t.Parallel()
	const (
		address = "lyncdiscover.contoso.example A"
		record  = "lyncdiscover.contoso.example. 300 IN A 203.0.113.10"
	)
	checkingDisabled := func(q *miekg.Msg) { q.CheckingDisabled = true }
	for _, tt := range []struct {
		name string
		b    Behaviour
		ask  string
		edit func(*miekg.Msg)
		want string // the response code, flags, and how many records in answer and authority
	}{
		{"rcode", Behaviour{Name: "lyncdiscover.contoso.example", RCode: "SERVFAIL"}, address, nil, "SERVFAIL 0 0"},
		{"rcode-other-name", Behaviour{Name: "meet.contoso.example", RCode: "SERVFAIL"}, address, nil, "NOERROR aa 1 0"},
		{"rcode-alias-target", Behaviour{Name: "lyncdiscover.contoso.example", RCode: "SERVFAIL"},
			"meet.contoso.example A", nil, "NOERROR aa 2 0"},
		{"rcode-case", Behaviour{Name: "LyncDiscover.contoso.example.", RCode: "refused"}, address, nil, "REFUSED 0 0"},
		{"rcode-nxdomain", Behaviour{Name: "*", RCode: "NXDOMAIN"}, address, nil, "NXDOMAIN aa 0 1"},
		{"rcode-nxdomain-outside", Behaviour{Name: "*", RCode: "NXDOMAIN"}, "tailspin.test A", nil, "NXDOMAIN 0 0"},
		{"rcode-noerror-is-empty", Behaviour{Name: "*", RCode: "NOERROR"}, address, nil, "NOERROR 0 0"},
		{"type", Behaviour{Name: "*", Type: "a", RCode: "SERVFAIL"}, address, nil, "SERVFAIL 0 0"},
		{"type-other", Behaviour{Name: "*", Type: "AAAA", RCode: "SERVFAIL"}, address, nil, "NOERROR aa 1 0"},
		{"below", Behaviour{Name: "*.example", RCode: "SERVFAIL"}, address, nil, "SERVFAIL 0 0"},
		{"below-not-itself", Behaviour{Name: "*.lyncdiscover.contoso.example", RCode: "SERVFAIL"}, address, nil,
			"NOERROR aa 1 0"},
		{"below-by-label", Behaviour{Name: "*.discover.contoso.example", RCode: "SERVFAIL"}, address, nil, "NOERROR aa 1 0"},
		{"truncate", Behaviour{Name: "*", Truncate: true}, address, nil, "NOERROR aa tc 0 0"},
		{"lame", Behaviour{Name: "*", NoAA: true}, address, nil, "NOERROR 1 0"},
		{"bogus", Behaviour{Name: "*", Bogus: true}, address, nil, "SERVFAIL 0 0"},
		{"bogus-unchecked", Behaviour{Name: "*", Bogus: true}, address, checkingDisabled, "NOERROR aa 1 0"},
		{"servfail-unchecked", Behaviour{Name: "*", RCode: "SERVFAIL"}, address, checkingDisabled, "SERVFAIL 0 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := contoso()
			v.Behaviours = []Behaviour{tt.b}
			var edits []func(*miekg.Msg)
			if tt.edit != nil {
				edits = append(edits, tt.edit)
			}
			m := ask(t, compiled(t, v), tt.ask, edits...)
			if got := summary(m); got != tt.want {
				t.Errorf("answer = %s, want %s", got, tt.want)
			}
			if len(m.Answer) == 1 && lines(m.Answer)[0] != record {
				t.Errorf("answer = %s, want %s", lines(m.Answer)[0], record)
			}
		})
	}
}

func summary(m *miekg.Msg) string {
	out := []string{rcodeText(m.Rcode)}
	if m.Authoritative {
		out = append(out, "aa")
	}
	if m.Truncated {
		out = append(out, "tc")
	}
	digits := "0123456789"
	return strings.Join(append(out, digits[len(m.Answer):][:1], digits[len(m.Ns):][:1]), " ")
}

func TestFirstBehaviourWinsUntilItEnds(t *testing.T) {
	t.Parallel()
	v := contoso()
	v.Behaviours = []Behaviour{
		{Name: "sip.contoso.example", Times: 2, RCode: "SERVFAIL"},
		{Name: "*.contoso.example", Times: 1, RCode: "REFUSED"},
	}
	ready := compiled(t, v)
	var got []string
	for range 4 {
		got = append(got, rcodeText(ask(t, ready, "sip.contoso.example A").Rcode))
	}
	if diff := cmp.Diff([]string{"SERVFAIL", "SERVFAIL", "REFUSED", "NOERROR"}, got); diff != "" {
		t.Errorf("rcodes (-want +got):\n%s", diff)
	}
}

func FuzzAnswer(f *testing.F) {
	v := contoso()
	v.Behaviours = []Behaviour{
		{Name: "sip.contoso.example", RCode: "NXDOMAIN"}, {Name: "two.contoso.example", Truncate: true},
		{Name: "meet.contoso.example", Bogus: true}, {Name: "*.web.contoso.example", NoAA: true},
	}
	ready := compiled(f, v)
	for _, name := range []string{"sip", "two", "dialin", "gone", "a", "x.web", "x.alias", "_tls", "nowhere"} {
		q := new(miekg.Msg).SetQuestion(name+".contoso.example.", miekg.TypeA)
		plain, _ := q.Pack()
		f.Add(plain, false)
		q.SetEdns0(1232, true)
		edns, _ := q.Pack()
		f.Add(edns, true)
	}
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"), false) // ". NS"
	f.Fuzz(func(t *testing.T, wire []byte, tcp bool) {
		network := "udp"
		if tcp {
			network = "tcp"
		}
		q := parse(wire)
		if q == nil {
			return
		}
		var r *rule
		if plain(q) {
			r = ready.rule(q.Question[0])
		}
		size := sizeFor(q, network)
		reply := pack(answer(ready, q, r, network), size)
		if reply == nil {
			t.Fatal("no answer to a query")
		}
		if len(reply) > size || (!tcp && len(reply) > maxUDP) {
			t.Fatalf("%d bytes, allowed are %d", len(reply), size)
		}
		m := new(miekg.Msg)
		if err := m.Unpack(reply); err != nil {
			t.Fatalf("the answer %x cannot be read: %v", reply, err)
		}
		if m.Id != q.Id || !m.Response || m.Opcode != q.Opcode || m.RecursionAvailable {
			t.Fatalf("header %+v does not answer %+v", m.MsgHdr, q.MsgHdr)
		}
		if len(q.Question) == 1 && (len(m.Question) != 1 || m.Question[0] != q.Question[0]) {
			t.Fatalf("question %v came back as %v", q.Question, m.Question)
		}
		again := pack(answer(ready, q, r, network), size)
		if !bytes.Equal(reply, again) {
			t.Fatalf("two answers to one question: %x and %x", reply, again)
		}
	})
}
