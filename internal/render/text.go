package render

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"lyncpin/probe"
)

const (
	defaultWidth = 100
	leastWidth   = 20 // of a wrapped text, however deep it stands
	deepest      = 40 // columns of indentation; deeper steps stand no further right
)

// Options say how Text writes. The zero value is right for a file.
type Options struct {
	// Color adds ANSI colours.
	Color bool
	// Verbose shows every step, with the command that repeats each HTTP request.
	Verbose bool
	// Width is where lines break, in characters; zero means 100. Commands never break.
	Width int
}

// Text writes a report for a console. Apart from its own colours it writes no control character but the newline.
func Text(w io.Writer, rep *probe.Report, opts Options) error {
	p := newPrinter(opts)
	p.summary(rep)
	p.findings(rep.Findings)
	p.undecided(rep.Undecided)
	p.notes(rep.Notes)
	p.steps(rep)
	_, err := w.Write(p.out.Bytes())
	return err
}

// ANSI colours.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	reset  = "\x1b[0m"
)

type printer struct {
	Options
	out bytes.Buffer
}

func newPrinter(opts Options) *printer {
	if opts.Width <= 0 {
		opts.Width = defaultWidth
	}
	return &printer{Options: opts}
}

// paint colours a text that is clean already.
func (p *printer) paint(color, text string) string {
	if !p.Color || color == "" || text == "" {
		return text
	}
	return color + text + reset
}

// put writes a label at an indentation and a wrapped text behind it, which continues under its own start.
func (p *printer) put(indent int, color, label string, text string) {
	label = clean(label)
	hang := indent + utf8.RuneCountInString(label)
	for i, line := range wrap(clean(text), max(p.Width-hang, leastWidth)) {
		if i == 0 {
			line = strings.TrimRight(strings.Repeat(" ", indent)+p.paint(color, label)+line, " ")
		} else {
			line = strings.Repeat(" ", hang) + line
		}
		p.out.WriteString(line + "\n")
	}
}

// verbatim writes a line that must not break.
func (p *printer) verbatim(indent int, text string) {
	p.out.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+clean(text), " ") + "\n")
}

func (p *printer) blank() { p.out.WriteByte('\n') }

func (p *printer) summary(rep *probe.Report) {
	color := map[string]string{probe.VerdictClear: green, probe.VerdictFound: red, probe.VerdictUnknown: yellow}[rep.Verdict]
	for _, line := range wrap(clean(rep.Summary), max(p.Width, leastWidth)) {
		p.out.WriteString(p.paint(bold+color, line) + "\n")
	}
}

// findings writes each root cause with what follows from it. A finding whose cause is not in the list, or that
// is in a circle, stands for itself: none is lost.
func (p *printer) findings(all []probe.Finding) {
	present := map[probe.ID]bool{}
	follow := map[probe.ID][]int{}
	for i := range all {
		present[all[i].ID] = true
		follow[all[i].BecauseOf] = append(follow[all[i].BecauseOf], i)
	}
	shown := make([]bool, len(all))
	show := func(i int) {
		shown[i] = true
		p.finding(&all[i])
		p.consequences(all, follow, shown, all[i].ID)
	}
	for i := range all {
		if !shown[i] && (all[i].Root() || !present[all[i].BecauseOf]) {
			show(i)
		}
	}
	for i := range all {
		if !shown[i] {
			show(i)
		}
	}
}

// labelled is how far the texts of a finding stand in: behind "  Cause   ".
const labelled = 10

func (p *printer) finding(f *probe.Finding) {
	p.blank()
	p.put(0, severityColor(f.Severity), strings.ToUpper(cmp.Or(f.Severity.String(), "finding"))+"  ",
		upperFirst(f.Title)+" ["+string(f.ID)+"]")
	for i, e := range f.Evidence {
		label := "  Seen    "
		if i > 0 {
			label = "          "
		}
		p.put(0, faint, label, e.Vantage+": "+e.Text)
	}
	if f.Cause != "" {
		p.put(0, faint, "  Cause   ", f.Cause)
	}
	label := "  Fix     "
	for line := range strings.Lines(remedyAlone(f)) {
		p.put(0, bold, label, line)
		label = "          "
	}
	for _, s := range f.Settings {
		p.setting(labelled, s)
	}
}

// Settings writes changes as Text does, one for each product, indented by some characters.
func Settings(w io.Writer, list []probe.Setting, indent int, opts Options) error {
	p := newPrinter(opts)
	for _, s := range list {
		p.setting(indent, s)
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// remedyAlone is the remedy without the settings, which the report has in both fields.
func remedyAlone(f *probe.Finding) string {
	var b strings.Builder
	for _, s := range f.Settings {
		b.WriteString("\n" + s.Product + ": " + s.Text)
	}
	return strings.TrimSuffix(f.Remedy, b.String())
}

// setting writes the change for one product: prose wrapped, what one types as it is.
func (p *printer) setting(indent int, s probe.Setting) {
	text := strings.Trim(s.Text, "\n")
	switch {
	case strings.Contains(text, "\n"):
		p.verbatim(indent, s.Product+":")
		for line := range strings.Lines(text) {
			p.verbatim(indent+2, expand(line))
		}
	case typed(text):
		p.verbatim(indent, s.Product+": "+text)
	default:
		p.put(indent, "", s.Product+": ", text)
	}
}

// expand keeps the indentation of a configuration file that has tabs.
func expand(line string) string { return strings.ReplaceAll(line, "\t", "    ") }

// typed tells a command or a line of configuration from prose: a sentence ends with a full stop, and commands have
// signs that other prose has not. A line taken for a command does no harm but to be long; a command that breaks
// cannot be copied.
func typed(text string) bool {
	if strings.HasSuffix(text, ".") {
		return false
	}
	inside := func(word string) bool { return strings.Contains(strings.TrimRight(word, ":"), ":") } // host:port
	return strings.ContainsAny(text, ";{}|=\"`<$\\/") || strings.Contains(text, " -") ||
		slices.ContainsFunc(strings.Fields(text), inside)
}

func (p *printer) consequences(all []probe.Finding, follow map[probe.ID][]int, shown []bool, cause probe.ID) {
	head := false
	var below func(cause probe.ID)
	below = func(cause probe.ID) {
		for _, i := range follow[cause] {
			if shown[i] || cause == "" {
				continue
			}
			shown[i] = true
			if !head {
				p.put(2, faint, "", "Also seen because of this:")
				head = true
			}
			f := &all[i]
			p.put(labelled, "", f.Severity.String()+": ", upperFirst(f.Title)+" ["+string(f.ID)+"]")
			below(f.ID)
		}
	}
	below(cause)
}

func severityColor(s probe.Severity) string {
	switch s {
	case probe.Critical, probe.High:
		return bold + red
	case probe.Medium:
		return bold + yellow
	}
	return bold
}

func (p *printer) undecided(list []probe.Undecided) {
	if len(list) == 0 {
		return
	}
	p.blank()
	p.put(0, "", "", "Could not be decided:")
	for _, u := range list {
		p.put(2, faint, string(u.ID)+": ", u.Why)
	}
}

// notes writes what was left out on purpose.
func (p *printer) notes(list []string) {
	for _, n := range list {
		p.blank()
		p.put(0, faint, "Note: ", n)
	}
}

// upperFirst is for our own titles, which start with an ASCII letter.
func upperFirst(s string) string {
	if s == "" || s[0] >= utf8.RuneSelf {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// milliseconds is how long a step took, in words; empty when it was not measured.
func milliseconds(s *probe.Step) string {
	ms := s.Milliseconds
	if ms == 0 {
		ms = float64(s.Elapsed.Microseconds()) / 1000
	}
	switch {
	case ms <= 0:
		return ""
	case ms < 10:
		return fmt.Sprintf(" (%.1f ms)", ms)
	}
	return fmt.Sprintf(" (%.0f ms)", ms)
}
