package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lyncpin/internal/failure"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// States of a mode in JSON.
const (
	stateDecided     = "decided"
	stateUndecidable = "undecidable"
)

func stateOf(m *failure.Mode) string {
	if m.Undecidable != "" {
		return stateUndecidable
	}
	return stateDecided
}

func (a *app) listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what lyncpin knows",
		Args:  noArgs,
		RunE:  needCommand,
	}
	cmd.AddCommand(a.listModesCommand(), a.listScenariosCommand())
	return cmd
}

// listedMode is a failure mode in JSON.
type listedMode struct {
	ID       probe.ID       `json:"id"`
	Severity probe.Severity `json:"severity"`
	Title    string         `json:"title"`
	State    string         `json:"state"`
}

func (a *app) listModesCommand() *cobra.Command {
	format := newOneOf("text", "json")
	cmd := &cobra.Command{
		Use:   "modes",
		Short: "List the failure modes, in the order of judging",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			list := []listedMode{}
			for _, m := range failure.Modes() {
				list = append(list, listedMode{m.ID, m.Severity, m.Title, stateOf(&m)})
			}
			if format.value == "json" {
				return writeJSON(a.env.Stdout, list)
			}
			table := tabwriter.NewWriter(a.env.Stdout, 0, 0, 2, ' ', 0)
			for _, m := range list {
				title := m.Title
				if m.State == stateUndecidable {
					title += " (cannot be decided on the wire)"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\n", m.ID, m.Severity, title)
			}
			return table.Flush()
		},
	}
	cmd.Flags().Var(format, "format", "how to write the list")
	wordsOf(cmd, "format", format.words)
	return cmd
}

// listedScenario is a scenario in JSON.
type listedScenario struct {
	ID    string     `json:"id"`
	Kind  string     `json:"kind"`
	Title string     `json:"title,omitempty"`
	Want  []probe.ID `json:"want"`
}

func (a *app) listScenariosCommand() *cobra.Command {
	format := newOneOf("text", "json")
	cmd := &cobra.Command{
		Use:   "scenarios [ID|GLOB ...]",
		Short: "List the scenarios that run knows",
		RunE: func(_ *cobra.Command, args []string) error {
			matched, err := scenarios.Match(args)
			if err != nil {
				return adviseIDs(err, "lyncpin list scenarios")
			}
			list := []listedScenario{}
			for _, s := range matched {
				list = append(list, listedScenario{s.ID, s.Kind, s.Title, append([]probe.ID{}, s.Want...)})
			}
			if format.value == "json" {
				return writeJSON(a.env.Stdout, list)
			}
			table := tabwriter.NewWriter(a.env.Stdout, 0, 0, 2, ' ', 0)
			for _, s := range list {
				says := s.Title
				if s.Kind == scenarios.KindCompound {
					says = joinIDs(s.Want)
				}
				fmt.Fprintf(table, "%s\t%s\t%s\n", s.ID, s.Kind, says)
			}
			return table.Flush()
		},
	}
	cmd.Flags().Var(format, "format", "how to write the list")
	wordsOf(cmd, "format", format.words)
	return cmd
}
