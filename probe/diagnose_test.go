package probe

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// judging is a rule that always gives the same verdict.
func judging(id ID, severity Severity, v Verdict, explains ...ID) Rule {
	return Rule{ID: id, Severity: severity, Title: "title of " + string(id), Remedy: "remedy", Explains: explains, Detect: func(*View) Verdict { return v }}
}

func foundIt(text string) Verdict { return Found(Evidence{Vantage: External, Text: text}) }

func anyRecord() *Record {
	return &Record{Schema: RecordSchema, Target: Target{SIPDomains: []string{testDomain}}, Sections: []*Section{
		{Vantage: External, Lookups: []Lookup{{Name: discovery, Type: "A", Outcome: Outcome{Code: OK}}}}}}
}

// Findings fold under what explains them: roots first, the worst first, and a circle has a root too.
func TestFold(t *testing.T) {
	t.Parallel()
	f := foundIt("seen")
	cases := []struct {
		name  string
		rules []Rule
		want  string // each finding with its root, in order
	}{
		{name: "severity", rules: []Rule{judging("a", Low, f), judging("b", Critical, f), judging("c", Low, f)}, want: "b a c"},
		{name: "chain", rules: []Rule{judging("a", Low, f, "b"), judging("b", High, f, "c"), judging("c", Critical, f)}, want: "a c<a b<a"},
		{name: "gap-in-chain", rules: []Rule{judging("a", Low, f, "b"), judging("b", High, Clear(), "c"), judging("c", Critical, f)}, want: "c a"},
		{name: "two-parents", rules: []Rule{judging("a", Low, f, "c"), judging("b", High, f, "c"), judging("c", High, f)}, want: "b a c<a"},
		{name: "explains-itself", rules: []Rule{judging("a", Low, f, "a")}, want: "a"},
		{name: "circle-of-two", rules: []Rule{judging("a", Low, f, "b"), judging("b", High, f, "a")}, want: "a b<a"},
		{name: "circle-of-three", rules: []Rule{judging("a", Low, f, "b"), judging("b", Low, f, "c"), judging("c", Low, f, "a")}, want: "a b<a c<a"},
		{name: "tail-of-a-circle", rules: []Rule{judging("d", High, f), judging("a", Low, f, "b"), judging("b", Low, f, "a", "d")}, want: "a d<a b<a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range Diagnose(anyRecord(), c.rules).Findings {
				text := string(f.ID)
				if !f.Root() {
					text += "<" + string(f.BecauseOf)
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestDefectsOfRules(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, want string
		rule       Rule
	}{
		{name: "no-verdict", rule: judging("a", Low, Verdict{}), want: "defect of the rule: it gave no verdict"},
		{name: "no-evidence", rule: judging("a", Low, Found()), want: "defect of the rule: it found something without evidence"},
		{name: "panic", rule: Rule{ID: "a", Detect: func(*View) Verdict { panic("at the disco") }}, want: "defect of the rule: at the disco"},
		{name: "no-detect", rule: Rule{ID: "a"}, want: "defect of the rule: runtime error: invalid memory address or nil pointer dereference"},
		{name: "unknown", rule: judging("a", Low, Unknown("no lookup")), want: "no lookup"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rep := Diagnose(anyRecord(), []Rule{c.rule, judging("b", Low, Clear())})
			want := []Undecided{{ID: "a", Why: c.want}}
			if diff := cmp.Diff(want, rep.Undecided); diff != "" || rep.Verdict != VerdictUnknown || rep.Checked != 1 {
				t.Errorf("verdict %s, checked %d, undecided (-want +got):\n%s", rep.Verdict, rep.Checked, diff)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	incomplete := anyRecord()
	incomplete.Sections[0].Incomplete = "the time was over"
	umlaut := judging("a", Low, foundIt("seen"))
	umlaut.Title = "öffentlicher Name fehlt"
	cases := []struct {
		name, verdict, want string
		rec                 *Record
		rules               []Rule
	}{
		{name: "clear", rules: []Rule{judging("a", Low, Clear()), judging("b", Low, NotApplicable("no"))}, verdict: VerdictClear,
			want: "All is well: 1 failure mode was looked for from external, and none is there."},
		{name: "found", rules: []Rule{judging("a", Low, foundIt("seen"))}, verdict: VerdictFound, want: "Title of a: seen."},
		{name: "found-two", rules: []Rule{judging("a", Low, foundIt("seen")), judging("b", High, foundIt("worse"))}, verdict: VerdictFound,
			want: "Title of b: worse. (1 more root cause below.)"},
		{name: "found-and-undecided", rules: []Rule{judging("a", Low, foundIt("seen")), judging("b", High, Unknown("no"))}, verdict: VerdictFound, want: "Title of a: seen."},
		{name: "beyond-ascii", rules: []Rule{umlaut}, verdict: VerdictFound, want: "Öffentlicher Name fehlt: seen."},
		{name: "undecided", rules: []Rule{judging("a", Low, Clear()), judging("b", Low, Unknown("no lookup")), judging("c", Low, Unknown("x"))}, verdict: VerdictUnknown,
			want: "Nothing wrong was found, but 2 questions could not be answered; the first: no lookup."},
		{name: "incomplete", rec: incomplete, rules: []Rule{judging("a", Low, Clear())}, verdict: VerdictUnknown,
			want: "Nothing wrong was found, but 1 question could not be answered; the first: external: the time was over."},
		{name: "nothing-applies", rules: []Rule{judging("a", Low, NotApplicable("no"))}, verdict: VerdictUnknown,
			want: "Nothing could be judged: the record holds no observation that a rule applies to."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.rec == nil {
				c.rec = anyRecord()
			}
			rep := Diagnose(c.rec, c.rules)
			if rep.Verdict != c.verdict || rep.Summary != c.want {
				t.Errorf("got %s, %q; want %s, %q", rep.Verdict, rep.Summary, c.verdict, c.want)
			}
		})
	}
}

// section is one of a vantage with a mark, begun some minutes after noon.
func section(vantage, mark string, minutes int) *Section {
	return &Section{Vantage: vantage, Started: time.Date(2026, 6, 1, 12, minutes, 0, 0, time.UTC), Lookups: []Lookup{{Name: mark}}}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	record := func(domains string, sections ...*Section) *Record {
		return &Record{Schema: RecordSchema, Target: Target{SIPDomains: strings.Fields(domains)}, Sections: sections,
			Certificates: map[string]Certificate{domains: {Subject: domains}}}
	}
	cases := []struct {
		name    string
		records []*Record
		want    string // vantage:mark, in order
		err     string
	}{
		{name: "two-machines", records: []*Record{record("contoso.example", section(Internal, "in", 1)), record("contoso.example", section(External, "out", 2))},
			want: "external:out internal:in"},
		{name: "later-run-counts", records: []*Record{record("contoso.example", section(External, "old", 1)), record("contoso.example", section(External, "new", 2))}, want: "external:new"},
		{name: "in-any-order", records: []*Record{record("contoso.example", section(External, "new", 2)), record("contoso.example", section(External, "old", 1))}, want: "external:new"},
		{name: "within-one-record", records: []*Record{record("contoso.example", section(External, "old", 1), section(External, "new", 2))}, want: "external:new"},
		{name: "empty-section", records: []*Record{record("contoso.example", nil, section(External, "out", 1))}, want: "external:out"},
		{name: "share-a-domain", records: []*Record{record("contoso.example fabrikam.example", section(External, "a", 1)), record("fabrikam.example", section(Proxy, "b", 1))}, want: "external:a proxy:b"},
		{name: "other-deployment", records: []*Record{record("contoso.example"), record("fabrikam.example")}, err: "different deployments"},
		{name: "wrong-schema", records: []*Record{{Schema: "lyncpin.record/9"}}, err: `schema "lyncpin.record/9"`},
		{name: "none", err: "no record"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := fmt.Sprint(c.records)
			rec, err := Merge(c.records...)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error = %v, want %q", err, c.err)
			}
			if err != nil {
				return
			}
			var got []string
			for _, s := range rec.Sections {
				got = append(got, s.Vantage+":"+s.Lookups[0].Name)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
			}
			if fmt.Sprint(c.records) != before {
				t.Error("the records given were changed")
			}
		})
	}
}

func TestMergeExpectations(t *testing.T) {
	t.Parallel()
	a := &Record{Schema: RecordSchema, Target: Target{SIPDomains: []string{testDomain}, Expected: Expected{ExternalWeb: []string{webFQDN}, FrontEnds: []string{"10.10.10.11"}}}}
	b := &Record{Schema: RecordSchema, Target: Target{SIPDomains: []string{testDomain, "fabrikam.example"}, User: "user1@contoso.example", Expected: Expected{
		ExternalWeb: []string{webFQDN, "dirweb-ext.contoso.example"}, WebServers: []WebServer{{Address: "10.10.10.11:4443"}}, Hybrid: true}}}
	rec, err := Merge(a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := Target{SIPDomains: []string{testDomain, "fabrikam.example"}, User: "user1@contoso.example", Expected: Expected{
		ExternalWeb: []string{webFQDN, "dirweb-ext.contoso.example"}, FrontEnds: []string{"10.10.10.11"},
		WebServers: []WebServer{{Address: "10.10.10.11:4443"}}, Hybrid: true}}
	if diff := cmp.Diff(want, rec.Target); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	if len(a.Target.SIPDomains) != 1 {
		t.Errorf("the first record was changed: %v", a.Target)
	}
}

// readers are rules that read all there is in a record.
func readers() []Rule {
	read := func(id ID, f func(*Place)) Rule {
		return Rule{ID: id, Severity: Low, Title: "read", Detect: func(v *View) Verdict {
			v.Expected()
			for _, p := range v.Places() {
				f(p)
			}
			return Clear()
		}}
	}
	return []Rule{
		read("a", func(p *Place) {
			for _, l := range p.Lookups() {
				p.SawLookup(p.Resolve(l.Name), "x")
			}
			for _, d := range p.Dials() {
				p.SawDial(p.Dial(d.Addr), "x")
			}
		}),
		read("b", func(p *Place) {
			for _, h := range p.Handshakes() {
				p.Leaf(h)
				p.Trust(h)
				p.HandshakesFor(h.Host)
			}
		}),
		read("c", func(p *Place) {
			for _, x := range p.Exchanges() {
				MakerOf(x)
				LooksLikeHTML(x)
				p.SignsOf(x.Host)
				p.WebHosts()
			}
			walksOf(p.Section, p.view.record.Target)
		}),
	}
}

// A record from anywhere is judged without a panic, and always in the same words.
func FuzzDiagnoseRecord(f *testing.F) {
	f.Add([]byte(`{"schema":"lyncpin.record/1","sections":[null,{"vantage":"external"}]}`))
	f.Add([]byte(`{"target":{"sip_domains":["contoso.example"]},"sections":[{"vantage":"external","lookups":[{"name":"lyncdiscover.contoso.example","type":"A","outcome":{"code":"ok"},"answers":[{"type":"A","value":"x"}]}],` +
		`"dials":[{"addr":"x"}],"handshakes":[{"id":1,"purpose":"name","host":"a","chain":["nowhere"]}],"exchanges":[{"id":-1,"handshake":7,"purpose":"root-legacy","status":302,"url":"::","host":"lyncdiscover.contoso.example","outcome":{"code":"ok"},` +
		`"header":{"Location":[]},"document":{"links":null}}],"walks":[{"attempts":[{}]}]},{"vantage":"external"},{"vantage":"moon"}]}`))
	f.Add([]byte(`{"target":{"sip_domains":["contoso.example"]},"sections":[{"vantage":"external","lookups":[{"name":"lyncdiscover.contoso.example","type":"A","outcome":{"code":"ok"}}],"exchanges":[` +
		`{"id":1,"purpose":"root-http","accept":"application/vnd.microsoft.rtc.autodiscover+xml;v=1","status":200,"url":"http://lyncdiscover.contoso.example/","host":"lyncdiscover.contoso.example","outcome":{"code":"ok"},` +
		`"document":{"form":"legacy-xml","links":{"redirect":"http://lyncdiscover.contoso.example/"}}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec := &Record{}
		if json.Unmarshal(data, rec) != nil {
			return
		}
		rules := readers()
		rep := Diagnose(rec, rules)
		for _, u := range rep.Undecided {
			if strings.Contains(u.Why, "defect") {
				t.Errorf("%s: %s", u.ID, u.Why)
			}
		}
		first, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		if second, _ := json.Marshal(Diagnose(rec, rules)); !slices.Equal(first, second) {
			t.Error("the same record gives another report")
		}
		if rec.Schema == RecordSchema {
			Merge(rec, rec)
		}
	})
}
