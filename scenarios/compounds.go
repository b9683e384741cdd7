package scenarios

import (
	"fmt"
	"time"

	"lyncpin/internal/failure"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// compound is a pair of faults that have nothing to do with one another.
type compound struct {
	name   string
	faults []string // as Fault takes them; the first is made first
}

// needs is what a scenario with a fault of the mode needs, and whatever it needs besides.
func needs(id probe.ID, signIn bool, hold time.Duration) (bool, time.Duration) {
	modes := failure.Modes()
	for i := range modes {
		if m := &modes[i]; m.ID == id {
			signIn, hold = signIn || signsIn(m), max(hold, holds(m))
		}
	}
	return signIn, hold
}

// compounds are deployments with two root causes; a diagnosis that stops at the first would name only one.
func compounds() []Scenario {
	var out []Scenario
	for _, c := range []compound{
		{"chain-and-meeting-name", []string{"tls.missing-intermediate", "meeting.simple-url-dns-missing/main-domain"}},
		{"expired-and-hairpin", []string{"tls.expired", "network.hairpin-nat-refused/dropped"}},
		{"second-domain-and-port-80", []string{"dns.lyncdiscover-missing-one-sip-domain/second-domain", "proxy.port-80-not-flipped"}},
		{"inside-name-and-port-443", []string{"dns.lyncdiscoverinternal-missing-internally", "proxy.port-443-not-flipped-80-is"}},
		{"tickets-and-office", []string{"proxy.path-allowlist-missing-webticket", "meeting.wac-unpublished/no-rule"}},
		{"node-and-certificate-name", []string{"frontend.one-node-down/machine-off", "tls.missing-san-simple-url/meet"}},
	} {
		s := Scenario{ID: "compound/" + c.name, Kind: KindCompound}
		var edits []func(*topology.Topology)
		for _, id := range c.faults {
			mode, edit, err := Fault(id)
			if err != nil {
				edit = func(*topology.Topology) { panic(fmt.Sprintf("compound %s: %v", c.name, err)) }
				mode = probe.ID(id)
			}
			s.Want = append(s.Want, mode)
			s.SignIn, s.Hold = needs(mode, s.SignIn, s.Hold)
			edits = append(edits, edit)
		}
		s.build = edited(topology.Healthy, edits...)
		out = append(out, s)
	}
	return out
}
