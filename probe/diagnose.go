package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Diagnose judges a record with rules, in the order of the catalogue. It is a pure function: the same record and
// rules give the same report.
func Diagnose(rec *Record, rules []Rule) *Report {
	rep := Conclude(rec, rules)
	rep.Steps = stepsOf(rec.sound())
	return rep
}

// Conclude is Diagnose without the steps, for those who only want to know what was found.
func Conclude(rec *Record, rules []Rule) *Report {
	rep := &Report{
		Schema: ReportSchema, Target: rec.Target,
		Findings: []Finding{}, Undecided: []Undecided{}, Notes: notesOn(rec), Vantages: []string{},
	}
	rec = rec.sound()
	view := NewView(rec)
	for _, p := range view.Places() {
		rep.Vantages = append(rep.Vantages, p.Name())
	}
	order := map[ID]int{}
	explains := map[ID][]ID{}
	for i := range rules {
		r := &rules[i]
		order[r.ID] = i
		explains[r.ID] = r.Explains
		v := Judge(r, view.another())
		switch v.kind {
		case found:
			rep.Checked++
			rep.Findings = append(rep.Findings, findingOf(r, v))
		case clear_:
			rep.Checked++
		case notApplicable:
			rep.NotApplicable++
		default:
			rep.Undecided = append(rep.Undecided, Undecided{ID: r.ID, Why: v.why})
		}
	}
	fold(rep.Findings, explains, order)
	for _, s := range rec.Sections {
		switch {
		case s.Incomplete != "":
			rep.Undecided = append(rep.Undecided, Undecided{ID: "probe.incomplete", Why: s.Vantage + ": " + s.Incomplete})
		case len(s.Lookups)+len(s.Dials)+len(s.Handshakes)+len(s.Exchanges) == 0:
			rep.Undecided = append(rep.Undecided, Undecided{ID: "probe.incomplete", Why: s.Vantage + ": the record holds no observation from there"})
		}
	}
	rep.Verdict, rep.Summary = sumUp(rep)
	return rep
}

// notesOn says what the record leaves out on purpose.
func notesOn(rec *Record) []string {
	for _, s := range rec.Sections {
		if s != nil && len(s.SignIns) > 0 {
			return []string{}
		}
	}
	return []string{"Nobody signed in, so what comes after the Front End's challenge (tickets, the application, long polls) was not looked at. " +
		"Probe with an account to have it looked at."}
}

// Judge asks one rule. A rule that panics, forgets its verdict or finds without evidence is a defect, and the
// verdict says so instead of bringing the diagnosis down.
func Judge(r *Rule, v *View) (verdict Verdict) {
	defer func() {
		if p := recover(); p != nil {
			verdict = Unknown(fmt.Sprintf("defect of the rule: %v", p))
		}
	}()
	verdict = r.Detect(v)
	switch {
	case verdict.kind == forgotten:
		return Unknown("defect of the rule: it gave no verdict")
	case verdict.kind == found && len(verdict.evidence) == 0:
		return Unknown("defect of the rule: it found something without evidence")
	}
	return verdict
}

func findingOf(r *Rule, v Verdict) Finding {
	remedy := []string{r.Remedy}
	for _, s := range r.Settings {
		remedy = append(remedy, s.Product+": "+s.Text)
	}
	settings := r.Settings
	if settings == nil {
		settings = []Setting{}
	}
	return Finding{
		ID: r.ID, Severity: r.Severity, Title: r.Title, Cause: r.Cause, Evidence: v.evidence,
		Remedy: strings.Join(remedy, "\n"), Settings: settings,
	}
}

// fold names for each finding the root cause it follows from, and sorts: root causes first, the worst first,
// and what follows behind them.
func fold(findings []Finding, explains map[ID][]ID, order map[ID]int) {
	present := map[ID]bool{}
	for _, f := range findings {
		present[f.ID] = true
	}
	// parent is the earliest rule that explains a finding.
	parent := func(id ID) ID {
		best := ID("")
		for p := range present {
			if p != id && slices.Contains(explains[p], id) && (best == "" || order[p] < order[best]) {
				best = p
			}
		}
		return best
	}
	// Of findings that explain one another in a circle the earliest is the root.
	for i := range findings {
		chain := []ID{findings[i].ID}
		root := chain[0]
		for up := parent(root); up != ""; up = parent(up) {
			if at := slices.Index(chain, up); at >= 0 {
				root = slices.MinFunc(chain[at:], func(a, b ID) int { return cmp.Compare(order[a], order[b]) })
				break
			}
			chain = append(chain, up)
			root = up
		}
		if root != findings[i].ID {
			findings[i].BecauseOf = root
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		rootless := func(f Finding) int {
			if f.Root() {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(rootless(a), rootless(b)), cmp.Compare(b.Severity, a.Severity), cmp.Compare(order[a.ID], order[b.ID]))
	})
}

func sumUp(rep *Report) (verdict, summary string) {
	roots := 0
	for i := range rep.Findings {
		if rep.Findings[i].Root() {
			roots++
		}
	}
	switch {
	case len(rep.Findings) > 0:
		f := &rep.Findings[0]
		summary = upperFirst(f.Title) + ": " + f.Evidence[0].Text + "."
		if roots > 1 {
			summary += " (" + Count(roots-1, "more root cause", "more root causes") + " below.)"
		}
		return VerdictFound, summary
	case len(rep.Undecided) > 0:
		return VerdictUnknown, fmt.Sprintf("Nothing wrong was found, but %s could not be answered; the first: %s.",
			Count(len(rep.Undecided), "question", "questions"), rep.Undecided[0].Why)
	case rep.Checked == 0:
		return VerdictUnknown, "Nothing could be judged: the record holds no observation that a rule applies to."
	}
	return VerdictClear, fmt.Sprintf("All is well: %s looked for from %s, and none is there.",
		Count(rep.Checked, "failure mode was", "failure modes were"), strings.Join(rep.Vantages, ", "))
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}
