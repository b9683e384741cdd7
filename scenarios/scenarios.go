// Package scenarios runs deployments that are healthy, or broken in a known way, and checks that the diagnosis names
// exactly what is wrong with each.
//
//	list, err := scenarios.Match([]string{"dns.*/*", "baseline/*"})
//	…
//	for _, r := range scenarios.Run(ctx, list, scenarios.Options{}) {
//		fmt.Println(r.ID, r.OK, r.Found)
//	}
//
// # Model
//
// A [Scenario] is a topology with the root causes that a diagnosis of it must name. Most follow from the catalogue of
// failure modes by themselves:
//
//	<mode>/<case>       an edit that causes the mode: it alone must be found, and be named first
//	<mode>/near/<name>  an edit that looks like the mode and is healthy: nothing may be found
//	baseline/<name>     a healthy deployment of another shape: nothing may be found
//	compound/<name>     two independent faults: both must be named as root causes, and nothing else
//	<product>/<name>    a mistake made in the configuration of a real proxy product, which is started for it ([Mistakes])
//
// [Load] reads one more kind, a scenario that an administrator wrote in YAML.
//
// [Run] gives each scenario a lab of its own, examines it from all four vantages and judges the record. Labs share
// nothing but the certification authorities, so they run in parallel. A vantage that touches nothing of what the
// scenario changes is not asked: what it saw of the healthy deployment in the same run stands for it ([Options.Fresh]).
//
// In some scenarios somebody signs in ([Scenario.SignIn]), in all of them with [Options.SignIn]. Where a long poll is held
// ([Scenario.Hold]), time in the lab runs faster.
//
// # Limits
//
// A scenario is judged by what is found in it, not by how: that an observation was made in the right way is for the
// tests of the probe.
package scenarios

import (
	"slices"
	"time"

	"lyncpin/internal/failure"
	"lyncpin/internal/lab"
	"lyncpin/internal/nearest"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Kinds of scenarios. They are part of the machine-readable output.
const (
	KindCase     = "case"
	KindNear     = "near"
	KindBaseline = "baseline"
	KindCompound = "compound"
	KindFile     = "file"
	KindMistake  = "mistake"
)

// Scenario is a deployment and what a diagnosis of it must say. Values come from [All], [Match] and [Load].
type Scenario struct {
	// ID is unique: <mode>/<case>, <mode>/near/<name>, baseline/<name>, compound/<name>, or a file's name.
	ID string
	// Kind is one of the Kind constants.
	Kind string
	// Title says in a few words what the deployment is like. Empty when the ID says it all.
	Title string
	// Want are the root causes that must be named, all of them and no others, in any order.
	Want []probe.ID
	// AnyFound leaves open what is found besides Absent. Only scenarios from files have it.
	AnyFound bool
	// Besides are modes that may be named after those of Want: what a proxy product cannot do otherwise, however it is set up.
	Besides []probe.ID
	// Absent are modes that must not be found, not even as a consequence.
	Absent []probe.ID
	// SignIn says that the deployment's first users sign in: in the scenarios of modes as fully and from as many places as
	// the mode needs, in all others fully and from everywhere. Without it, and without Options.SignIn, everything up to
	// the challenge is looked at.
	SignIn bool
	// Hold is how long those who sign in hold a silent long poll, in the deployment's time. Zero means not at all.
	Hold time.Duration

	further bool // one of those that All leaves out
	// Those who sign in do it briefly, or only from outside and beside the proxy.
	brief, outside bool
	build          func() *topology.Topology
	candidate      *lab.Candidate // in the place of the lab's own proxy; nil for that
	skip           string         // why it cannot be run; empty when it can
}

// Topology is the deployment, a new one at every call.
func (s *Scenario) Topology() *topology.Topology { return s.build() }

// All returns every scenario but the further ones of modes and those in files: the catalogue's in its order, then
// baselines, then compounds.
func All() []Scenario {
	return slices.DeleteFunc(Every(), func(s Scenario) bool { return s.further })
}

// Every returns what All does and, after the cases and near misses of each mode, its further ones. They differ from
// those in a detail, which the tests hold the rules to.
func Every() []Scenario {
	var all []Scenario
	modes := failure.Modes()
	for i := range modes {
		m := &modes[i]
		all = append(all, slices.Concat(cases(m, m.Cases), nearMisses(m, m.Near), further(cases(m, m.More)), further(nearMisses(m, m.MoreNear)))...)
	}
	return slices.Concat(all, baselines(), compounds())
}

func cases(m *failure.Mode, list []failure.Case) []Scenario {
	var out []Scenario
	for _, c := range list {
		out = append(out, Scenario{
			ID: string(m.ID) + "/" + c.Name, Kind: KindCase,
			Want: []probe.ID{m.ID}, SignIn: signsIn(m), Hold: holds(m), brief: !m.InFull, outside: !m.Inside, build: edited(topology.Healthy, c.Edit),
		})
	}
	return out
}

func nearMisses(m *failure.Mode, list []failure.Case) []Scenario {
	var out []Scenario
	for _, c := range list {
		out = append(out, Scenario{
			ID: string(m.ID) + "/near/" + c.Name, Kind: KindNear,
			SignIn: signsIn(m), Hold: holds(m), brief: !m.InFull, outside: !m.Inside, build: edited(topology.Healthy, c.Edit),
		})
	}
	return out
}

func signsIn(m *failure.Mode) bool { return m.SignsIn || m.Holds }

// holds is how long a silent poll is held for a mode that is about such polls. Clients ask for polls of 180 s at least (UCWA SDK,
// "Event channel details"), so that one ends by itself within this time when nothing on the way ends it before.
func holds(m *failure.Mode) time.Duration {
	if m.Holds {
		return holdTime
	}
	return 0
}

const holdTime = 200 * time.Second

func further(list []Scenario) []Scenario {
	for i := range list {
		list[i].further = true
	}
	return list
}

// edited builds what base builds, with the edits made in order.
func edited(base func() *topology.Topology, edits ...func(*topology.Topology)) func() *topology.Topology {
	return func() *topology.Topology {
		t := base()
		for _, edit := range edits {
			edit(t)
		}
		return t
	}
}

// Fault is the edit that causes a mode: id is a mode, which stands for its first case, or <mode>/<case>. It also
// takes <mode>/near/<name>. An unknown id is an error that names the nearest one.
func Fault(id string) (mode probe.ID, edit func(*topology.Topology), err error) {
	var known []string
	modes := failure.Modes()
	for i := range modes {
		m := &modes[i]
		if string(m.ID) == id && m.Undecidable != "" {
			return "", nil, &UndecidableError{ID: m.ID, Why: m.Undecidable}
		}
		if string(m.ID) == id && len(m.Cases) > 0 {
			return m.ID, m.Cases[0].Edit, nil
		}
		if len(m.Cases) > 0 {
			known = append(known, string(m.ID))
		}
		for _, list := range []struct {
			infix string
			cases []failure.Case
		}{{"/", m.Cases}, {"/", m.More}, {"/near/", m.Near}, {"/near/", m.MoreNear}} {
			for _, c := range list.cases {
				name := string(m.ID) + list.infix + c.Name
				if name == id {
					return m.ID, c.Edit, nil
				}
				known = append(known, name)
			}
		}
	}
	return "", nil, &UnknownError{What: "fault", Word: id, Nearest: nearest.Word(id, known)}
}

// UndecidableError says that no evidence on the wire can decide a mode, so there is no deployment that shows it.
type UndecidableError struct {
	ID  probe.ID
	Why string
}

func (e *UndecidableError) Error() string {
	return string(e.ID) + " cannot be shown: nothing on the wire decides it"
}
