package scenarios

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/failure"
	"lyncpin/internal/lab"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

const (
	// jobsPerCPU is how many labs run at once for each processor: a lab mostly waits, for its own servers or for
	// silence to end.
	jobsPerCPU = 2
	// dropTime is how long a dial into silence takes in a lab. Nothing in a lab is ever merely slow, so it need only
	// be long enough to differ from a refusal.
	dropTime = 15 * time.Millisecond
	// holdSpeed is how fast time runs in labs in which a long poll is held: as fast as leaves more than a second of the lab's
	// own to a time-out of a minute, several times what a busy machine takes for a request.
	holdSpeed = 50
	// signInSpeed is the same where somebody signs in: messages that do not arrive are waited for as long as a machine under
	// load may take, not longer, and no time-out of a topology is short enough to be met by chance.
	signInSpeed = 10
	// holdersPerJob is how many labs in which a long poll is held run beside every other one: they hardly do anything but
	// wait. signersPerJob is the same for those in which somebody only signs in, and waits for messages that do not come.
	holdersPerJob = 4
	signersPerJob = 2
	// maxAgain is how many scenarios of one run get a second look. That more of them fail is no chance.
	maxAgain = 8
)

// limits are for labs. Four repeats show both nodes of a pool, for the lab's proxy lets them take turns. The time-outs
// are far beyond what a lab needs, so that a machine under load gives no false finding, and no lab is far away.
var limits = probe.Limits{
	Repeats: 4, AtOnce: 4, Total: 2 * time.Minute,
	Connect: 10 * time.Second, Handshake: 10 * time.Second, Request: 10 * time.Second, Query: 5 * time.Second,
}

// Options say how scenarios are run. The zero Options are fine.
type Options struct {
	// Jobs is how many labs run at once in which nobody signs in; beside them run twice as many in which somebody does, and four
	// times as many in which a long poll is held. Zero means two for each processor.
	Jobs int
	// OnResult is told each result, one at a time and in the order of the scenarios, as soon as it and all before it
	// are there. Nil means nobody is.
	OnResult func(Result)
	// OnDone is told, one at a time, that some scenario has ended. Nil means nobody is.
	OnDone func()
	// KeepReports keeps the reports of scenarios that passed, too.
	KeepReports bool
	// KeepRecords keeps what was seen in each scenario, about half a megabyte each.
	KeepRecords bool
	// Fresh looks at every scenario from everywhere. Without it, a vantage that cannot tell a scenario from the
	// healthy deployment is not asked again: what it saw of that one, in the same run, is taken for it.
	Fresh bool
	// SignIn has somebody sign in in every scenario, briefly where it is not about that.
	SignIn bool
	// Authority issues the certificates. Nil means one of the run's own.
	Authority *pki.Authority
	// Limits bound the probe. The zero Limits mean those that suit a lab.
	Limits probe.Limits
}

// Result is how a scenario ended.
type Result struct {
	ID, Kind string
	// Want and Found are root causes, Found in the order of the report. Neither is nil.
	Want, Found []probe.ID
	// OK says that the diagnosis said what the scenario wants.
	OK bool
	// Problem is one sentence that says what differs; empty when OK.
	Problem string
	Elapsed time.Duration
	// Report is the diagnosis; nil when there is none, or when it is not kept.
	Report *probe.Report
	// Record is what was seen; nil when there is none, or when it is not kept. Records of one run may share sections,
	// so it is read-only.
	Record *probe.Record
	// ProxyText is the configuration that the product in the place of the lab's proxy was started with, ProxyLog what it said.
	// Both are empty without one, and for a scenario that passed.
	ProxyText, ProxyLog string
	// Skipped says why the scenario cannot be run with that proxy; empty when it was run. Such a result is OK.
	Skipped string
	// First is the problem of a first look that did not stand: time runs fast where somebody signs in, and a machine that is busy
	// with others meets time-outs there which no deployment has. Such a scenario is looked at again, alone and at half the pace,
	// and all else in the Result is of that second look. Empty when there was none.
	First string
	// Err says why the scenario could not be run; nil when it could.
	Err error
}

// Run runs the scenarios in parallel and returns their results in the same order. The end of ctx ends it early: what
// was not run has ctx's error.
func Run(ctx context.Context, list []Scenario, opts Options) []Result {
	if len(list) == 0 {
		return nil
	}
	results := make([]Result, len(list))
	authority, err := opts.Authority, error(nil)
	if authority == nil {
		authority, err = pki.New(time.Now())
	}
	r := &runner{opts: opts, results: results, done: make([]bool, len(list)), authority: authority, failed: err, rules: failure.Rules()}
	if r.opts.Limits == (probe.Limits{}) {
		r.opts.Limits = limits
	}
	if !opts.Fresh {
		r.healthy = r.worthHealthy(ctx, list)
	}
	jobs := opts.Jobs
	if jobs <= 0 {
		jobs = jobsPerCPU * runtime.GOMAXPROCS(0)
	}
	var holding, signing, others []int
	for i := range list {
		switch v := r.visitOf(&list[i]); {
		case v.hold > 0:
			holding = append(holding, i)
		case v.signIn:
			signing = append(signing, i)
		default:
			others = append(others, i)
		}
	}
	var all sync.WaitGroup
	all.Go(func() { r.work(ctx, list, holding, holdersPerJob*jobs) })
	all.Go(func() { r.work(ctx, list, signing, signersPerJob*jobs) })
	all.Go(func() { r.work(ctx, list, others, jobs) })
	all.Wait()
	r.lookAgain(ctx, list)
	return results
}

// lookAgain looks a second time at what failed while time ran fast, at one after the other.
func (r *runner) lookAgain(ctx context.Context, list []Scenario) {
	r.slow = true
	for _, i := range r.again {
		result := r.results[i]
		if len(r.again) <= maxAgain && ctx.Err() == nil {
			first := result.Problem
			result = r.run(ctx, &list[i])
			result.First = first
		}
		r.finish(i, result)
	}
}

// work runs some of the scenarios, so many at once.
func (r *runner) work(ctx context.Context, list []Scenario, indices []int, jobs int) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(jobs, len(indices)) {
		workers.Go(func() {
			for i := range next {
				result := r.run(ctx, &list[i])
				if !result.OK && result.Err == nil && r.visitOf(&list[i]).speed() > 1 {
					r.postpone(i, result)
					continue
				}
				r.finish(i, result)
			}
		})
	}
	for _, i := range indices {
		next <- i
	}
	close(next)
	workers.Wait()
}

// visit is how a deployment is looked at. What was seen in one way says nothing of another.
type visit struct {
	signIn, brief, outside bool
	hold                   time.Duration
	pace                   float64 // how fast time may run; zero means as fast as it can
}

func (r *runner) visitOf(s *Scenario) visit {
	// Where polls are held nobody makes a crowd: it would take the machine's time, which runs fast there.
	var v visit
	switch {
	case s.SignIn || s.Hold > 0:
		v = visit{signIn: true, brief: s.brief || s.Hold > 0, outside: s.outside, hold: s.Hold, pace: paceOf(s.candidate)}
	case r.opts.SignIn:
		v = visit{signIn: true, brief: true}
	}
	if speed := v.speed(); r.slow && speed > 1 {
		v.pace = speed / 2
	}
	return v
}

// signsInAt tells whether somebody signs in from the place.
func (v visit) signsInAt(place string) bool {
	return v.signIn && (!v.outside || place == probe.External || place == probe.Proxy)
}

// speed is how fast time runs in the lab.
func (v visit) speed() float64 {
	speed := 0.0
	switch {
	case v.hold > 0:
		speed = holdSpeed
	case v.signIn:
		speed = signInSpeed
	}
	if v.pace > 0 {
		return min(speed, v.pace)
	}
	return speed
}

// paceOf is how fast time may run with a candidate: for those that know whole seconds only, half a minute must be more than one
// of them, and for one that somebody else has set up it may not run faster at all. Zero means that any pace will do.
//
// Measured with time-outs of 35 and 60 s: nginx, HAProxy and Caddy are exact to 0.1 s at both paces. At 10, Apache makes 40 and 60 s of
// them (it takes "ms" for seconds), Squid, which looks once a second, 50 and 70 s; at 50, both make 50 s of either.
func paceOf(c *lab.Candidate) float64 {
	switch {
	case c == nil:
		return 0
	case c.At != nil:
		return 1
	case c.Product == export.Squid || c.Product == export.Apache:
		return 10
	}
	return 0
}

// worthHealthy has a healthy deployment for every way in which enough scenarios are looked at.
func (r *runner) worthHealthy(ctx context.Context, list []Scenario) map[visit]*healthy {
	count, out := map[visit]int{}, map[visit]*healthy{}
	for i := range list {
		v := r.visitOf(&list[i])
		if count[v]++; count[v] == worthHealthy {
			out[v] = newHealthy(func() (*probe.Record, error) {
				seen, err := r.observe(ctx, topology.Healthy(), v, nil, nil)
				if err != nil {
					return nil, err
				}
				return seen.record, nil
			})
		}
	}
	return out
}

// runner is one call of Run.
type runner struct {
	opts      Options
	authority *pki.Authority
	failed    error // why there is no authority
	rules     []probe.Rule
	slow      bool               // time runs at half its pace
	healthy   map[visit]*healthy // none for what is looked at from everywhere

	mu      sync.Mutex
	results []Result
	again   []int // what failed and is looked at once more
	done    []bool
	told    int // results that OnResult knows
}

// postpone keeps a result until lookAgain.
func (r *runner) postpone(i int, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[i], r.again = result, append(r.again, i)
}

// finish keeps a result and tells all that are due.
func (r *runner) finish(i int, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[i], r.done[i] = result, true
	if r.opts.OnDone != nil {
		r.opts.OnDone()
	}
	for ; r.told < len(r.done) && r.done[r.told]; r.told++ {
		if r.opts.OnResult != nil {
			r.opts.OnResult(r.results[r.told])
		}
	}
}

// run runs one scenario. A panic in an edit or in the lab is that scenario's failure, not the end of all.
func (r *runner) run(ctx context.Context, s *Scenario) (result Result) {
	started := time.Now()
	result = Result{ID: s.ID, Kind: s.Kind, Want: append([]probe.ID{}, s.Want...), Found: []probe.ID{}}
	defer func() {
		if p := recover(); p != nil {
			result.Err = fmt.Errorf("defect of the scenario: %v", p)
		}
		if unsupported, ok := errors.AsType[*export.UnsupportedError](result.Err); ok {
			result.OK, result.Skipped, result.Err = true, unsupported.Error(), nil
		}
		if result.Err != nil {
			result.OK, result.Problem = false, result.Err.Error()
		}
		result.Elapsed = time.Since(started)
	}()
	if s.skip != "" {
		result.OK, result.Skipped = true, s.skip
		return result
	}
	seen, err := r.examine(ctx, s)
	if err != nil {
		result.Err = err
		return result
	}
	rec, rules := seen.record, r.rulesFor(s)
	if r.opts.KeepRecords {
		result.Record = rec
	}
	diagnose := probe.Conclude // a scenario that passes needs no steps
	if r.opts.KeepReports {
		diagnose = probe.Diagnose
	}
	rep := diagnose(rec, rules)
	result.Found = roots(rep)
	result.Problem = s.problem(rep)
	result.OK = result.Problem == ""
	if !result.OK && !r.opts.KeepReports {
		rep = probe.Diagnose(rec, rules)
	}
	if !result.OK || r.opts.KeepReports {
		result.Report = rep
		result.ProxyText, result.ProxyLog = seen.proxyText, seen.proxyLog
	}
	return result
}

// rulesFor are the rules with the remedies of the scenario's product, and with what it breaks however it is set up as the least of
// all.
func (r *runner) rulesFor(s *Scenario) []probe.Rule {
	if s.candidate == nil {
		return r.rules
	}
	rules := failure.RulesFor(s.candidate.Product)
	for i := range rules {
		if slices.Contains(s.Besides, rules[i].ID) {
			rules[i].Severity = probe.Low
		}
	}
	return rules
}

// sight is what was seen of a scenario.
type sight struct {
	record              *probe.Record
	proxyText, proxyLog string // of a product in the place of the lab's proxy
}

// examine looks at the scenario from everywhere, or from where it may differ from the healthy deployment.
func (r *runner) examine(ctx context.Context, s *Scenario) (*sight, error) {
	t, v := s.Topology(), r.visitOf(s)
	if h := r.healthy[v]; h != nil && s.candidate == nil {
		if same := h.sameAt(t); len(same) > 0 {
			seen, err := r.observe(ctx, t, v, nil, same)
			if err != nil || asPlanned(seen.record, same) {
				return seen, err
			}
		}
	}
	return r.observe(ctx, t, v, s.candidate, nil)
}

// observe starts a lab and looks at it from all places but those that are seen.
func (r *runner) observe(ctx context.Context, t *topology.Topology, how visit, proxy *lab.Candidate, seen map[string]*probe.Record) (*sight, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.failed != nil {
		return nil, r.failed
	}
	l, err := lab.Start(ctx, t, lab.Options{Authority: r.authority, DropTime: dropTime, Speed: how.speed(), Candidate: proxy})
	if err != nil {
		return nil, err
	}
	var signIn *probe.SigningIn // one for all places: who was refused at one is not tried at another
	if how.signIn {
		if signIn = l.SignIn(how.hold); signIn != nil {
			signIn.Brief = how.brief
		}
	}
	var vantages []*probe.Vantage
	for _, place := range probe.Places() {
		v := l.Vantage(place)
		v.Seen = seen[place]
		if how.signsInAt(place) {
			v.SignIn = signIn
		}
		vantages = append(vantages, v)
	}
	rec, err := probe.Observe(ctx, l.Target(), vantages, r.opts.Limits)
	if closing := l.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = ctx.Err() // a record that ended early would be judged wrongly
	}
	if err != nil {
		return nil, err
	}
	return &sight{record: rec, proxyText: l.ProxyText(), proxyLog: l.ProxyLog()}, nil
}

// Modes counts the modes among the cases of results that were run, and those of which every case passed.
func Modes(results []Result) (passed, total int) {
	ok := map[probe.ID]bool{}
	for _, r := range results {
		if r.Kind != KindCase || r.Skipped != "" {
			continue
		}
		before, seen := ok[r.Want[0]]
		ok[r.Want[0]] = r.OK && (before || !seen)
	}
	for _, passes := range ok {
		if passes {
			passed++
		}
	}
	return passed, len(ok)
}

// Passed counts the results of a kind that were run, and those that passed.
func Passed(results []Result, kind string) (passed, total int) {
	for _, r := range results {
		if r.Kind == kind && r.Skipped == "" {
			total++
			if r.OK {
				passed++
			}
		}
	}
	return passed, total
}

// Failed are the results that did not pass.
func Failed(results []Result) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.OK })
}
