package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Schema names the JSON that WriteJSON writes; schema/lint-1.json describes it.
const Schema = "lyncpin.lint/1"

// Result is what was found in one configuration.
type Result struct {
	// File and Product are those of the configuration.
	File, Product string
	// Lync says that something in it concerns Lync. Without that, nothing was checked.
	Lync bool
	// Cut says that it ends in the middle, so that not all of it was checked.
	Cut      bool
	Findings []Finding
	// Notes are sentences on what was not looked at.
	Notes []string
}

// ResultOf checks a configuration.
func ResultOf(f *File, opts Options) Result {
	found := Check(f, opts)
	r := Result{File: f.Name, Product: f.Product, Lync: f.Lync, Cut: f.Cut, Findings: found}
	for _, n := range f.Notes {
		r.Notes = append(r.Notes, mask(printable(n)))
	}
	return r
}

// document is the JSON of results.
type document struct {
	Schema   string         `json:"schema"`
	Files    []fileJSON     `json:"files"`
	Findings []findingJSON  `json:"findings"`
	Counts   map[string]int `json:"counts"`
}

type fileJSON struct {
	File    string   `json:"file"`
	Product string   `json:"product"`
	Lync    bool     `json:"lync"`
	Cut     bool     `json:"cut,omitempty"`
	Notes   []string `json:"notes"`
}

type findingJSON struct {
	Rule       string   `json:"rule"`
	Product    string   `json:"product"`
	Severity   string   `json:"severity"`
	Title      string   `json:"title"`
	Mode       string   `json:"mode,omitempty"`
	File       string   `json:"file"`
	Line       int      `json:"line,omitempty"`
	Where      string   `json:"where,omitempty"`
	Excerpt    []string `json:"excerpt"`
	Reason     string   `json:"reason"`
	Fix        string   `json:"fix"`
	Suppressed string   `json:"suppressed,omitempty"`
}

// WriteJSON writes results for programs, as schema/lint-1.json says.
func WriteJSON(w io.Writer, results []Result) error {
	doc := document{Schema: Schema, Files: []fileJSON{}, Findings: []findingJSON{}, Counts: map[string]int{}}
	for _, s := range Severities() {
		doc.Counts[s] = 0
	}
	for _, r := range results {
		doc.Files = append(doc.Files, fileJSON{r.File, r.Product, r.Lync, r.Cut, append([]string{}, r.Notes...)})
		for _, x := range r.Findings {
			if x.Suppressed == "" {
				doc.Counts[x.Rule.Severity]++
			}
			doc.Findings = append(doc.Findings, findingJSON{
				Rule: x.Rule.ID, Product: x.Rule.Product, Severity: x.Rule.Severity, Title: x.Rule.Title, Mode: x.Rule.Mode,
				File: x.File, Line: x.Line, Where: x.Where, Excerpt: append([]string{}, x.Excerpt...),
				Reason: x.Reason, Fix: x.Fix, Suppressed: x.Suppressed})
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// TextOptions say how people read results. The zero value has no colours and lines of 100 characters.
type TextOptions struct {
	Color bool
	// Width is where lines break, in characters; zero means 100.
	Width int
}

// WriteText writes results for people: each finding with its lines, the reason, and what to write instead.
func WriteText(w io.Writer, results []Result, opts TextOptions) error {
	t := &text{color: opts.Color, width: opts.Width}
	if t.width < 40 {
		t.width = 100
	}
	counts, left, looked := map[string]int{}, 0, false
	for _, r := range results {
		looked = looked || r.Lync || len(r.Findings) > 0
		t.line("%s (%s)", t.bold(r.File), r.Product)
		for _, n := range r.Notes {
			t.wrap("  ", "note: "+n)
		}
		if !r.Lync {
			t.wrap("  ", "Nothing in it concerns Lync or Skype for Business, so nothing was checked.")
		}
		for _, x := range r.Findings {
			if x.Suppressed != "" {
				left++
				continue
			}
			counts[x.Rule.Severity]++
			t.finding(x)
		}
		t.line("")
	}
	if looked {
		t.line("%s", summary(counts, left))
	} else {
		t.line("Nothing was checked.")
	}
	_, err := io.WriteString(w, t.String())
	return err
}

func summary(counts map[string]int, left int) string {
	total, parts := 0, []string{}
	for _, s := range Severities() {
		total += counts[s]
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	out := "Nothing found"
	if total == 1 {
		out = "1 finding: " + parts[0]
	} else if total > 1 {
		out = fmt.Sprintf("%d findings: %s", total, strings.Join(parts, ", "))
	}
	if left > 0 {
		out += fmt.Sprintf("; %d suppressed", left)
	}
	return out + "."
}

type text struct {
	strings.Builder
	color bool
	width int
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) bold(s string) string {
	if !t.color {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

func (t *text) finding(x Finding) {
	t.line("")
	head := fmt.Sprintf("%s %s: %s", x.Rule.ID, x.Rule.Severity, x.Rule.Title)
	t.line("  %s", t.bold(head))
	at := x.File
	if x.Line > 0 {
		at = fmt.Sprintf("%s:%d", x.File, x.Line)
	}
	if x.Where != "" {
		at += " (" + x.Where + ")"
	}
	t.line("    %s", at)
	for i, line := range x.Excerpt {
		if x.Line > 0 {
			t.line("    %5d | %s", x.Line+i, line)
		} else {
			t.line("          | %s", line)
		}
	}
	t.wrap("    ", x.Reason)
	if x.Fix != "" {
		t.line("    Write:")
		for line := range strings.Lines(x.Fix) {
			t.line("        %s", strings.TrimRight(line, "\r\n"))
		}
	}
	if x.Rule.Mode != "" {
		t.line("    More: lyncpin explain %s", x.Rule.Mode)
	}
}

// wrap breaks a sentence into lines.
func (t *text) wrap(indent, s string) {
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(indent)+len(line)+1+len(word) > t.width {
			t.line("%s%s", indent, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		t.line("%s%s", indent, line)
	}
}
