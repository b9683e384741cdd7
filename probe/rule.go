package probe

import "fmt"

// ID names a failure mode: area.what-is-wrong. It never changes.
type ID string

// Severity says how bad a finding is. The zero Severity is not valid.
type Severity int

// Severities, in rising order.
const (
	Low      Severity = iota + 1 // cosmetic, audit or latent
	Medium                       // degraded, intermittent or partial
	High                         // one main function is dead
	Critical                     // nothing works for a whole population
)

var severityNames = map[Severity]string{Low: "low", Medium: "medium", High: "high", Critical: "critical"}

// String is the word for s.
func (s Severity) String() string { return severityNames[s] }

// MarshalText writes the word for s.
func (s Severity) MarshalText() ([]byte, error) {
	if w, ok := severityNames[s]; ok {
		return []byte(w), nil
	}
	return nil, fmt.Errorf("severity %d has no name", int(s))
}

// UnmarshalText reads low, medium, high or critical.
func (s *Severity) UnmarshalText(text []byte) error {
	for v, w := range severityNames {
		if w == string(text) {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q: use low, medium, high or critical", text)
}

// Kind is a kind of observation. Kinds add up as a bit set.
type Kind uint

// Kinds of observations.
const (
	Lookups Kind = 1 << iota
	Dials
	Handshakes
	Exchanges
	Walks
	Expectations
	Logons
	SignIns
	Polls
	Crowds
)

var kindNames = []string{"lookups", "dials", "handshakes", "exchanges", "walks", "expectations", "logons", "sign-ins", "polls", "crowds"}

// String lists the kinds of the set.
func (k Kind) String() string {
	out := ""
	for i, n := range kindNames {
		if k&(1<<i) != 0 {
			if out != "" {
				out += ", "
			}
			out += n
		}
	}
	return out
}

// Rule judges a record for one failure mode.
type Rule struct {
	ID       ID
	Severity Severity
	// Title is one sentence without a full stop: what is wrong, in the user's words.
	Title string
	// Cause is why it usually is so.
	Cause string
	// Remedy is what to change; Settings say how for a product.
	Remedy   string
	Settings []Setting
	// Sources are where the requirement is written.
	Sources []string
	// Reads are the kinds of observations that Detect may read.
	Reads Kind
	// Detect is a pure function: it reads the view and nothing else, and may run in parallel with others.
	Detect func(*View) Verdict
	// Explains are the modes that follow from this one when both are found: they fold under it.
	Explains []ID
}

// Setting is the concrete change for one product.
type Setting struct {
	Product string `json:"product"`
	Text    string `json:"text"`
}

// verdictKind is what a Verdict says.
type verdictKind int

const (
	forgotten verdictKind = iota
	found
	clear_
	unknown
	notApplicable
)

// Verdict is a rule's answer. Its zero value is none: Diagnose reports it as a defect of the rule.
type Verdict struct {
	kind     verdictKind
	why      string
	evidence []Evidence
}

// Evidence is an observation that supports a finding.
type Evidence struct {
	// Vantage is where it was seen.
	Vantage string `json:"vantage"`
	// Text is one sentence.
	Text string `json:"text"`
	// Step is the ID of the step in the report that shows it, if there is one.
	Step string `json:"step,omitempty"`
}

// Found says that the mode is there. It wants at least one piece of evidence.
func Found(evidence ...Evidence) Verdict { return Verdict{kind: found, evidence: evidence} }

// Clear says that the rule looked, and it is not so.
func Clear() Verdict { return Verdict{kind: clear_} }

// Unknown says that the rule could not tell; why goes into the report.
func Unknown(why string) Verdict { return Verdict{kind: unknown, why: why} }

// NotApplicable says that the question does not arise for this record.
func NotApplicable(why string) Verdict { return Verdict{kind: notApplicable, why: why} }

// IsFound, IsClear and IsUnknown tell what the verdict says.
func (v Verdict) IsFound() bool   { return v.kind == found }
func (v Verdict) IsClear() bool   { return v.kind == clear_ }
func (v Verdict) IsUnknown() bool { return v.kind == unknown }

// String is "found", "clear", "unknown" or "not applicable".
func (v Verdict) String() string {
	return [...]string{"forgotten", "found", "clear", "unknown", "not applicable"}[v.kind]
}

// Why is the reason of Unknown and NotApplicable.
func (v Verdict) Why() string { return v.why }

// Evidence is what Found was given.
func (v Verdict) Evidence() []Evidence { return v.evidence }
