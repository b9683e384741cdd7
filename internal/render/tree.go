package render

import (
	"fmt"
	"strings"

	"lyncpin/probe"
)

// steps writes the tree: all of it when Verbose, else the steps that failed or were not tried and those that
// findings refer to, with the way down to them.
func (p *printer) steps(rep *probe.Report) {
	if len(rep.Steps) == 0 {
		return
	}
	c := &choice{evidence: map[string]bool{}, shown: map[*probe.Step]bool{}, verbose: p.Verbose}
	for i := range rep.Findings {
		for _, e := range rep.Findings[i].Evidence {
			if e.Step != "" {
				c.evidence[e.Step] = true
			}
		}
	}
	p.blank()
	if any := c.choose(rep.Steps); any {
		head := "Steps:"
		if c.pointed {
			head = "Steps (" + evidenceMark + " is evidence of a finding):"
		}
		p.put(0, "", "", head)
		p.level(c, rep.Steps, 2)
	}
	var hidden []string
	if c.passed > 0 {
		hidden = append(hidden, probe.Count(c.passed, "step passed", "steps passed"))
	}
	if c.noted > 0 {
		hidden = append(hidden, fmt.Sprintf("%d noted", c.noted))
		if c.passed == 0 {
			hidden[0] = probe.Count(c.noted, "step noted", "steps noted")
		}
	}
	if len(hidden) > 0 {
		p.put(0, faint, "", strings.Join(hidden, ", ")+"; --verbose shows them.")
	}
}

// choice is which steps to show, and how many are not shown.
type choice struct {
	verbose       bool
	evidence      map[string]bool
	shown         map[*probe.Step]bool
	passed, noted int
	pointed       bool // some step shown is evidence and did not fail
}

// choose marks the steps to show and tells whether there are any.
func (c *choice) choose(steps []probe.Step) bool {
	any := false
	for i := range steps {
		s := &steps[i]
		below := c.choose(s.Steps)
		if below || c.itself(s) {
			c.shown[s] = true
			c.pointed = c.pointed || c.points(s)
			any = true
			continue
		}
		switch s.State {
		case probe.Passed:
			c.passed++
		case probe.Noted:
			c.noted++
		}
	}
	return any
}

// itself tells whether a step matters for its own sake and not for one below it.
func (c *choice) itself(s *probe.Step) bool {
	return c.verbose || s.State == probe.Failed || s.State == probe.NotTried || c.evidence[s.ID]
}

// points tells whether a step is evidence that its state does not show: HTTP 200, and the wrong answer.
func (c *choice) points(s *probe.Step) bool {
	return c.evidence[s.ID] && s.State != probe.Failed && s.State != probe.NotTried
}

const evidenceMark = ">>"

var marks = map[string]struct{ text, color string }{
	probe.Passed:   {"ok    ", green},
	probe.Failed:   {"FAIL  ", bold + red},
	probe.NotTried: {"--    ", yellow},
	probe.Noted:    {"      ", ""},
}

func (p *printer) level(c *choice, steps []probe.Step, indent int) {
	for i := 0; i < len(steps); i++ {
		s := &steps[i]
		if !c.shown[s] {
			continue
		}
		name := s.Name
		for i+1 < len(steps) && alike(s, &steps[i+1]) { // TCP, TLS, HTTP: one reason, one line
			i++
			name += ", " + steps[i].Name
		}
		text := name + milliseconds(s)
		if s.Detail != "" && c.itself(s) {
			text += ": " + s.Detail
		}
		mark, ok := marks[s.State]
		if !ok {
			mark.text = "?     "
		}
		if c.points(s) {
			mark.text, mark.color = fmt.Sprintf("%-6s", evidenceMark), bold+yellow
		}
		p.put(indent, mark.color, mark.text, text)
		if p.Verbose && s.Curl != "" {
			p.verbatim(indent+6, s.Curl)
		}
		p.level(c, s.Steps, min(indent+2, deepest))
	}
}

// alike tells whether two steps were not tried for the same reason and have nothing of their own to show.
func alike(a, b *probe.Step) bool {
	bare := func(s *probe.Step) bool { return s.State == probe.NotTried && len(s.Steps) == 0 && s.Curl == "" }
	return bare(a) && bare(b) && a.Detail == b.Detail
}
