// Package failure is the catalogue of failure modes: what goes wrong with Lync and Skype for Business web
// services, how it shows on the wire, and what to change.
//
//	report := probe.Diagnose(record, failure.Rules())
//
// A mode holds in one file: its texts, its rule, the edits of a healthy topology that cause it, and near misses that
// look odd and must stay silent. To add one, write its file and name it in the list of its area. The catalogue's
// order is the order of judging: names before addresses, addresses before certificates, and so on up.
package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Mode is a failure mode.
type Mode struct {
	probe.Rule
	// Undecidable says why no evidence on the wire can decide it, and what to look at by hand. Such a mode has
	// no rule and no cases. Empty for all others.
	Undecidable string
	// Confused are the modes that look alike; each must be told apart from this one by a case of its own.
	Confused []probe.ID
	// SignsIn says that somebody must sign in for this mode to show, Holds that a long poll must be held as well. InFull says
	// that it takes what brief visits leave out (uploads, repetitions, crowds), Inside that it shows, or is told from
	// others, only when somebody signs in from inside too, and not only from outside and beside the proxy.
	SignsIn, Holds, InFull, Inside bool
	// Cases are edits that cause the mode; Near are edits that look like it and are healthy. Each is a scenario, so
	// these are the ways in and out that an administrator would know again.
	Cases, Near []Case
	// More and MoreNear are further edits of both kinds, which differ from those in a detail. The tests hold the rule
	// to them as well; they are run only when they are asked for by name.
	More, MoreNear []Case
}

// Case is an edit of topology.Healthy().
type Case struct {
	// Name is unique among the mode's cases and near misses, and can be typed.
	Name string
	Edit func(*topology.Topology)
}

// Modes returns the whole catalogue in the order of judging.
func Modes() []Mode {
	return slices.Concat(dnsModes(), networkModes(), tlsModes(), proxyModes(), frontendModes(), meetingModes(), hybridModes(), authModes(), policyModes(), mobilityModes())
}

// lastResorts are the modes that remain to be said when no other was found, from the narrowest to the widest.
var lastResorts = []probe.ID{"mobility.discovery-fails", "mobility.wifi-cannot-reach-external-fqdn", "mobility.sign-in-fails"}

// harmless are modes that keep nobody who asks as Lync clients do from signing in, and so explain none of these.
var harmless = []probe.ID{"tls.alpn-h2-offered", "tls.wildcard-common-name", "tls.sni-missing-gets-default-cert", "dns.internal-web-fqdn-exposed", "policy.ews-not-published"}

// Rules are the rules of all modes that can be decided. Each explains the last resorts, and of these each explains the
// wider ones; those that are harmless in this explain none.
func Rules() []probe.Rule {
	var rules []probe.Rule
	for _, m := range Modes() {
		if m.Undecidable != "" {
			continue
		}
		if !slices.Contains(harmless, m.ID) {
			m.Explains = slices.Concat(m.Explains, lastResorts[slices.Index(lastResorts, m.ID)+1:])
		}
		rules = append(rules, m.Rule)
	}
	return rules
}

// Find returns the mode of that ID.
func Find(id probe.ID) (Mode, bool) {
	for _, m := range Modes() {
		if m.ID == id {
			return m, true
		}
	}
	return Mode{}, false
}
