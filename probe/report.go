package probe

import "time"

// ReportSchema names the JSON format of a Report.
const ReportSchema = "lyncpin.report/1"

// Verdicts of a whole report.
const (
	VerdictClear   = "clear"   // every rule that applies looked and found nothing
	VerdictFound   = "found"   // at least one finding
	VerdictUnknown = "unknown" // nothing found, but at least one rule could not tell
)

// Report is the diagnosis of a record.
type Report struct {
	Schema string `json:"schema"`
	// Verdict is VerdictClear, VerdictFound or VerdictUnknown.
	Verdict string `json:"verdict"`
	// Summary is one sentence: the first root cause, or that all is well.
	Summary string `json:"summary"`
	// Target is the record's.
	Target Target `json:"target"`
	// Vantages are the names of those in the record.
	Vantages []string `json:"vantages"`
	// Findings are in order: root causes first, the worst first; then what follows from them.
	Findings []Finding `json:"findings"`
	// Undecided are the rules that could not tell.
	Undecided []Undecided `json:"undecided"`
	// Notes are sentences on what was left out on purpose, and so says nothing either way.
	Notes []string `json:"notes"`
	// Checked counts the rules that applied and were decided; NotApplicable those that did not apply.
	Checked       int `json:"checked"`
	NotApplicable int `json:"not_applicable"`
	// Steps are what was done, one tree for each vantage.
	Steps []Step `json:"steps"`
}

// Finding is a mode that is there.
type Finding struct {
	ID       ID       `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Cause    string   `json:"cause"`
	// Evidence has at least one entry.
	Evidence []Evidence `json:"evidence"`
	// Remedy is what to change, with a line for each product whose setting is known.
	Remedy string `json:"remedy"`
	// Settings are the lines of Remedy, by product.
	Settings []Setting `json:"settings"`
	// BecauseOf is the finding that this one follows from; empty for a root cause.
	BecauseOf ID `json:"because_of"`
}

// Undecided is a rule that could not tell.
type Undecided struct {
	ID  ID     `json:"id"`
	Why string `json:"why"`
}

// States of a step.
const (
	Passed   = "passed"
	Failed   = "failed"
	NotTried = "not-tried"
	Noted    = "noted" // done, and neither good nor bad in itself
)

// Step is one thing that was done, with what follows from it below.
type Step struct {
	// ID is stable within the report: external/lookup/1, wifi/exchange/12.
	ID string `json:"id"`
	// Name says what was done.
	Name string `json:"name"`
	// State is Passed, Failed, NotTried or Noted.
	State string `json:"state"`
	// Detail is what came out, or why it was not tried.
	Detail string `json:"detail,omitempty"`
	// Elapsed is how long it took.
	Elapsed time.Duration `json:"-"`
	// Milliseconds is Elapsed for readers of JSON.
	Milliseconds float64 `json:"ms"`
	// Curl is a command line that repeats an HTTP request.
	Curl string `json:"curl,omitempty"`
	// Steps are the ones below.
	Steps []Step `json:"steps,omitempty"`
}

// Root tells whether f is a root cause.
func (f *Finding) Root() bool { return f.BecauseOf == "" }
