package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"lyncpin/internal/failure"
	"lyncpin/internal/nearest"
	"lyncpin/internal/render"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// explainedMode is a failure mode in JSON, whole.
type explainedMode struct {
	listedMode
	Cause    string          `json:"cause"`
	Remedy   string          `json:"remedy"`
	Settings []probe.Setting `json:"settings"`
	// Reads are the kinds of observations that the rule looks at.
	Reads    string     `json:"reads"`
	Sources  []string   `json:"sources"`
	Explains []probe.ID `json:"explains"`
	Confused []probe.ID `json:"confused"`
	Cases    []string   `json:"cases"`
	Near     []string   `json:"near"`
	// Undecidable is why nothing on the wire decides it; empty for all others.
	Undecidable string `json:"undecidable,omitempty"`
}

func explained(m *failure.Mode) explainedMode {
	return explainedMode{
		listedMode: listedMode{m.ID, m.Severity, m.Title, stateOf(m)},
		Cause:      m.Cause, Remedy: m.Remedy, Settings: list(m.Settings), Reads: m.Reads.String(), Sources: list(m.Sources),
		Explains: list(m.Explains), Confused: list(m.Confused), Cases: caseNames(m.Cases), Near: caseNames(m.Near),
		Undecidable: m.Undecidable,
	}
}

// list is l, or the empty list, so that JSON has no null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func caseNames(cases []failure.Case) []string {
	out := []string{}
	for _, c := range cases {
		out = append(out, c.Name)
	}
	return out
}

func (a *app) explainCommand() *cobra.Command {
	format := newOneOf("text", "json")
	cmd := &cobra.Command{
		Use:     "explain ID",
		Short:   "Explain a failure mode: cause, evidence, remedy, look-alikes",
		Example: "  lyncpin explain dns.lyncdiscover-missing",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Sprintf("%s takes the ID of one failure mode, and got %d", nameOf(cmd), len(args)),
					"lyncpin list modes shows the IDs"}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return modeIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			id, _, _ := strings.Cut(args[0], "/") // a scenario's ID will do
			m, ok := failure.Find(probe.ID(id))
			if !ok {
				err := &scenarios.UnknownError{What: "failure mode", Word: args[0], Nearest: nearest.Word(id, modeIDs())}
				return adviseIDs(err, "lyncpin list modes")
			}
			if format.value == "json" {
				return writeJSON(a.env.Stdout, explained(&m))
			}
			return a.explain(&m)
		},
	}
	cmd.Flags().Var(format, "format", "how to write it")
	wordsOf(cmd, "format", format.words)
	return cmd
}

func modeIDs() []string {
	var out []string
	for _, m := range failure.Modes() {
		out = append(out, string(m.ID))
	}
	return out
}

// explain writes a mode for people.
func (a *app) explain(m *failure.Mode) error {
	w := a.env.Stdout
	fmt.Fprintf(w, "%s (%s): %s\n", a.paint(bold, string(m.ID)), m.Severity, m.Title)
	if m.Undecidable != "" {
		a.section(w, "Cannot be decided on the wire", m.Undecidable)
	}
	a.section(w, "Cause", m.Cause)
	a.section(w, "Remedy", m.Remedy)
	if err := render.Settings(w, m.Settings, indent, render.Options{Width: a.width()}); err != nil {
		return err
	}
	if m.Undecidable == "" {
		a.section(w, "Decided by", m.Reads.String())
	}
	a.section(w, "Written in", strings.Join(m.Sources, "; "))
	a.section(w, "Explains", joinIDs(m.Explains))
	a.section(w, "Not to be confused with", lookAlikes(m.Confused))
	a.section(w, "Cases", scenarioIDs(m.ID, "/", m.Cases))
	a.section(w, "Near misses, which stay silent", scenarioIDs(m.ID, "/near/", m.Near))
	return nil
}

// section writes a heading and what stands below it; nothing when there is nothing. In a list of several lines, what
// continues one stands in further.
func (a *app) section(w io.Writer, heading, text string) {
	if text == "" {
		return
	}
	fmt.Fprintf(w, "\n%s\n", a.paint(bold, heading))
	hang := indent
	if strings.Contains(text, "\n") {
		hang = 2 * indent
	}
	for line := range strings.Lines(text) {
		paragraph(w, line, hang, a.width())
	}
}

// indent is how far paragraphs stand in.
const indent = 2

// paragraph breaks a text between words; what continues it stands in by hang. A word longer than the line stays whole.
func paragraph(w io.Writer, text string, hang, width int) {
	line := strings.Repeat(" ", indent)
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			fmt.Fprintln(w, line)
			line, empty = strings.Repeat(" ", hang), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(w, line)
}

// lookAlikes names modes with their titles, one on a line.
func lookAlikes(ids []probe.ID) string {
	var out []string
	for _, id := range ids {
		text := string(id)
		if m, ok := failure.Find(id); ok {
			text += ": " + m.Title
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

func scenarioIDs(id probe.ID, infix string, cases []failure.Case) string {
	var out []string
	for _, c := range cases {
		out = append(out, string(id)+infix+c.Name)
	}
	return strings.Join(out, "\n")
}
