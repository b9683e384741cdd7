package scenarios_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/internal/failure"
	"lyncpin/internal/golden"
	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// Of two modes that look alike, neither is named where the other is there.
func TestLookAlikesAreToldApart(t *testing.T) {
	t.Parallel()
	found := map[probe.ID][]scenarios.Result{} // by the mode that is there
	for _, r := range everyRecord(t) {
		if r.Kind == scenarios.KindCase {
			found[r.Want[0]] = append(found[r.Want[0]], r)
		}
	}
	judged := map[[2]probe.ID]bool{}
	for _, m := range failure.Modes() {
		if m.Undecidable != "" { // it is told apart by hand
			continue
		}
		for _, other := range m.Confused {
			for _, pair := range [][2]probe.ID{{m.ID, other}, {other, m.ID}} {
				if judged[pair] {
					continue
				}
				judged[pair] = true
				there, like := pair[0], pair[1]
				if len(found[there]) == 0 {
					t.Errorf("%s is said to look like %s, and has no case that shows the difference", there, like)
				}
				for _, r := range found[there] {
					if slices.Contains(r.Found, like) {
						t.Errorf("%s is taken for %s, which looks like it", r.ID, like)
					}
				}
			}
		}
	}
	if len(judged) == 0 {
		t.Error("no mode looks like another")
	}
}

// inFitsAndStarts is why the rules of uploads look at handshakes.
const inFitsAndStarts = "connections that are cut without an answer are compared with handshakes that are cut too; in the scenarios uploads are answered"

// seldomRead are kinds that a rule may read, and does in no scenario.
var seldomRead = map[probe.ID]struct {
	kinds probe.Kind
	why   string
}{
	"policy.ews-not-published":                        {probe.Dials | probe.Handshakes, "in the scenarios the name is missing; where it has an address, that is dialled"},
	"frontend.director-redirects-to-unpublished-pool": {probe.Dials, "in the scenarios the pool's name is missing or not in the certificate; where it has an address, that is dialled"},
	"proxy.header-too-large":                          {probe.Handshakes, inFitsAndStarts},
	"proxy.body-size-413":                             {probe.Handshakes, inFitsAndStarts},
	"proxy.chunked-upload-411":                        {probe.Handshakes, inFitsAndStarts},
	"proxy.expect-100-417":                            {probe.Handshakes, inFitsAndStarts},
	"proxy.peer-protocol-wrong":                       {probe.Lookups, "the labs' proxy has its web servers by address; entered by name, they are looked up"},
	"proxy.upstream-down-502":                         {probe.Lookups, "the labs' proxy has its web servers by address; entered by name, they are looked up"},
}

// A rule reads what it declares, and declares what it reads.
func TestRulesReadWhatTheyDeclare(t *testing.T) {
	t.Parallel()
	rules := failure.Rules()
	read := make([]probe.Kind, len(rules))
	for n, r := range everyRecord(t) {
		for _, judged := range [][]alone{judgedAlone()[n], judgeAlone(outsideAlone(r.Record))} {
			for i := range rules {
				if extra := judged[i].read &^ rules[i].Reads &^ read[i]; extra != 0 {
					t.Errorf("%s reads %s, of %s for one, and does not declare it", rules[i].ID, extra, r.ID)
				}
				read[i] |= judged[i].read
			}
		}
	}
	for i, rule := range rules {
		never, seldom := rule.Reads&^read[i], seldomRead[rule.ID]
		if never != seldom.kinds {
			t.Errorf("%s declares %q and reads them in no scenario; known to be so for %q", rule.ID, never, seldom.kinds)
		}
	}
}

// outsideAlone is what somebody at home sees of a deployment that he knows nothing of.
func outsideAlone(rec *probe.Record) *probe.Record {
	out := *rec
	out.Target.Expected = probe.Expected{}
	out.Sections = slices.DeleteFunc(slices.Clone(rec.Sections), func(s *probe.Section) bool { return s.Vantage != probe.External })
	return &out
}

// takenFor is what a deployment is taken for from outside alone, and why nobody could know better there.
type takenFor struct {
	scenarios string // as path.Match takes them
	as        probe.ID
	why       string
}

// Reasons why a deployment is taken for another from outside.
const (
	onlyThat502   = "the proxy says that it gets no answer, and only beside it shows why"
	afterBalancer = "a port that the balancer changes and one that the proxy does not look the same"
	whoChanges    = "that the path is not changed on the way to the Front End that does not know it shows only beside the proxy"
	whoRefuses    = "whether the proxy or the Front End is to blame for a refused log-on shows only beside the proxy"
)

var takenOutside = []takenFor{
	{"baseline/http-only-discovery", "tls.missing-san-lyncdiscover", "that discovery is on port 80 only is an intention, which nobody declared"},

	{"network.nat-to-wrong-host/front-end-443", "tls.missing-san-lyncdiscover", "the certificate is known for the Front End's own only by one who has seen it inside"},
	{"network.port-80-filtered-by-isp/*", "proxy.http80-closed", "that the listener takes connections there is seen only from elsewhere"},
	{"network.firewall-proxy-to-fe-blocked/*", "proxy.upstream-down-502", onlyThat502},
	{"tls.backend-expired/*", "proxy.upstream-down-502", onlyThat502},
	{"tls.backend-untrusted/*", "proxy.upstream-down-502", onlyThat502},
	{"tls.backend-name-mismatch/*", "proxy.upstream-down-502", onlyThat502},
	{"proxy.peer-protocol-wrong/*", "proxy.upstream-down-502", onlyThat502},
	{"frontend.external-site-stopped/*", "proxy.upstream-down-502", onlyThat502},
	{"frontend.external-site-binding-missing/*", "proxy.upstream-down-502", onlyThat502},
	{"frontend.web-certificate-unassigned-or-wrong/*", "proxy.upstream-down-502", onlyThat502},

	{"frontend.hlb-vip-maps-to-internal-port/https", "proxy.port-443-not-flipped-80-is", afterBalancer},
	{"frontend.hlb-vip-maps-to-internal-port/certificate-of-the-internal-site-refused", "proxy.port-443-not-flipped-80-is", afterBalancer},
	{"frontend.hlb-vip-maps-to-internal-port/http-only", "proxy.port-80-not-flipped", afterBalancer},
	{"frontend.hlb-vip-maps-to-internal-port/both-ports", "proxy.port-not-flipped", afterBalancer},

	{"frontend.external-web-fqdn-equals-internal/left-at-internal-name", "frontend.external-web-fqdn-wrong-in-topology",
		"that the name is the internal one is known only inside"},
	{"frontend.external-web-fqdn-equals-internal/pool-name-on-both-sites", "frontend.external-web-fqdn-wrong-in-topology",
		"that the name is the internal one is known only inside"},
	{"frontend.external-web-fqdn-wrong-in-topology/wildcard-certificate", "dns.external-web-fqdn-missing",
		"the wildcard covers the wrong name too, and the right one is not declared"},

	{"proxy.cache-mixes-internal-external/internal-answer-kept-in-json", "proxy.caches-discovery", "for which side a document in JSON was made shows by the names inside"},

	{"auth.extended-protection-breaks-ntlm/required", "mobility.sign-in-fails", whoRefuses},
	{"proxy.authorization-stripped/tokens-only", "mobility.sign-in-fails", whoRefuses},
	{"proxy.authorization-stripped/windows-only", "mobility.sign-in-fails", whoRefuses},
	{"auth.ntlm-level-mismatch/ntlm-denied", "mobility.sign-in-fails", whoRefuses},
	{"proxy.ntlm-multiplexed/*", "mobility.sign-in-fails", whoRefuses},
	{"frontend.iis-request-filtering/services", "mobility.sign-in-fails", whoChanges},
	{"frontend.iis-request-filtering/events", "mobility.sign-in-fails", whoChanges},
}

// openOutside are rules that say of a deployment that they could tell with another view.
var openOutside = []takenFor{
	{"auth.extended-protection-breaks-ntlm/required", "auth.ntlm-level-mismatch", whoRefuses},
	{"auth.extended-protection-breaks-ntlm/required", "proxy.ntlm-multiplexed", whoRefuses},
	{"auth.ntlm-level-mismatch/ntlm-denied", "auth.ntlm-level-mismatch", whoRefuses},
	{"auth.ntlm-level-mismatch/ntlm-denied", "proxy.ntlm-multiplexed", whoRefuses},
	{"proxy.ntlm-multiplexed/*", "auth.ntlm-level-mismatch", whoRefuses},
	{"proxy.ntlm-multiplexed/*", "proxy.ntlm-multiplexed", whoRefuses},
	{"proxy.authorization-stripped/*-only", "proxy.authorization-stripped", whoRefuses},
	{"auth.bad-credentials-control/*", "auth.bad-credentials-control", "a wrong password is used once, and that was beside the proxy"},
}

// One who knows nothing of the deployment and stands outside is not told of faults that are not there.
func TestOutsideAlone(t *testing.T) {
	t.Parallel()
	rules := failure.Rules()
	used := make([]bool, len(takenOutside))
	var b bytes.Buffer
	b.WriteString("Root causes named from outside alone, with nothing declared; - for none, ~ where it is left to chance.\n\n")
	for _, r := range everyRecord(t) {
		rep := probe.Diagnose(outsideAlone(r.Record), rules)
		for _, u := range rep.Undecided {
			if !slices.ContainsFunc(openOutside, func(e takenFor) bool {
				match, err := path.Match(e.scenarios, r.ID)
				return match && err == nil && e.as == u.ID
			}) {
				t.Errorf("%s: outside, %s cannot be decided: %s", r.ID, u.ID, u.Why)
			}
		}
		var roots []probe.ID
		for i := range rep.Findings {
			f := &rep.Findings[i]
			if !f.Root() {
				continue
			}
			roots = append(roots, f.ID)
			faulty := len(r.Want) > 0
			if slices.Contains(r.Want, f.ID) || faulty && i > 0 || !faulty && f.Severity < probe.Medium || takesTurns(r) {
				continue
			}
			at := slices.IndexFunc(takenOutside, func(e takenFor) bool {
				match, err := path.Match(e.scenarios, r.ID)
				return match && err == nil && e.as == f.ID
			})
			if at < 0 {
				t.Errorf("%s is taken for %s outside: %s", r.ID, f.ID, f.Evidence[0].Text)
				continue
			}
			used[at] = true
		}
		switch {
		case takesTurns(r):
			fmt.Fprintf(&b, "%s: ~\n", r.ID)
		case len(roots) > 0:
			fmt.Fprintf(&b, "%s: %s\n", r.ID, listed(roots))
		case len(r.Want) > 0:
			fmt.Fprintf(&b, "%s: -\n", r.ID)
		}
	}
	for i, e := range takenOutside {
		if !used[i] {
			t.Errorf("%s is no longer taken for %s: remove the exception", e.scenarios, e.as)
		}
	}
	golden.Compare(t, "testdata/outside-alone.golden", b.Bytes())
}

// Somebody at home who signs in to a healthy deployment, and holds a poll, leaves no question open.
func TestSignedInOutsideAlone(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), topology.Healthy(), lab.Options{Speed: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v := l.Vantage(probe.External)
	v.SignIn = l.SignIn(30 * time.Second)
	rec, err := probe.Observe(t.Context(), probe.Target{SIPDomains: l.Target().SIPDomains}, []*probe.Vantage{v}, probe.Limits{Repeats: 4})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rec.Sections[0].SignIns); n < len(probe.SigningClients()) {
		t.Errorf("%d clients signed in, want one of each kind and somebody to talk to", n)
	}
	rep := probe.Diagnose(rec, failure.Rules())
	if rep.Verdict != probe.VerdictClear || len(rep.Undecided) > 0 {
		t.Errorf("the verdict is %s: %s; undecided: %+v", rep.Verdict, rep.Summary, rep.Undecided)
	}
}

// A diagnosis is a pure function of the record: made again of the record as it was saved, it is the same.
func TestDiagnosisIsPure(t *testing.T) {
	t.Parallel()
	rules := failure.Rules()
	for i, r := range everyRecord(t) {
		if i%4 != 0 { // what is not pure shows in any
			continue
		}
		first := probe.Diagnose(r.Record, rules)
		text, err := json.Marshal(r.Record)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		var saved probe.Record
		if err := json.Unmarshal(text, &saved); err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		if got := probe.Diagnose(&saved, rules); !reflect.DeepEqual(first, got) {
			t.Errorf("%s: saved and judged (-first +saved):\n%s", r.ID, cmp.Diff(first, got))
		}
		if after, err := json.Marshal(&saved); err != nil || !bytes.Equal(text, after) {
			t.Errorf("%s: the record is another one after it was judged (%v)", r.ID, err)
		}
	}
}

// What was not looked at is never said to be fine.
func TestUnseenIsNotClear(t *testing.T) {
	t.Parallel()
	rules := failure.Rules()
	results := everyRecord(t)
	at := slices.IndexFunc(results, func(r scenarios.Result) bool { return r.Kind == scenarios.KindBaseline })
	healthy := results[at].Record
	for _, place := range probe.Places() {
		t.Run(place, func(t *testing.T) {
			rec := *healthy
			rec.Sections = slices.Clone(rec.Sections)
			for i, s := range rec.Sections {
				if s.Vantage == place {
					rec.Sections[i] = &probe.Section{Vantage: s.Vantage, Started: s.Started}
				}
			}
			if rep := probe.Diagnose(&rec, rules); rep.Verdict != probe.VerdictUnknown {
				t.Errorf("without any observation from %s the verdict is %s, want %s: %s", place, rep.Verdict, probe.VerdictUnknown, rep.Summary)
			}
		})
	}
}
