package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// topologyOptions say which deployment is meant.
type topologyOptions struct {
	file   string
	faults []string
}

func (o *topologyOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.faults, "fault", nil, "break it as this `mode` does, ID or ID/case; may be repeated")
	wordsOf(cmd, "fault", faultIDs())
}

// faultIDs are all that --fault takes.
func faultIDs() []string {
	var out []string
	for _, s := range scenarios.All() {
		if s.Kind == scenarios.KindCase {
			out = append(out, s.ID)
		}
	}
	return out
}

// load reads the topology, the healthy one without a file, and breaks it.
func (o *topologyOptions) load() (*topology.Topology, error) {
	t := topology.Healthy()
	if o.file != "" {
		data, err := readFile(o.file)
		if err != nil {
			return nil, err
		}
		if t, err = topology.Load(o.file, data); err != nil {
			return nil, err
		}
		if err := t.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", o.file, err)
		}
	}
	for _, id := range o.faults {
		_, edit, err := scenarios.Fault(id)
		if err != nil {
			return nil, adviseIDs(fmt.Errorf("--fault: %w", err), "lyncpin list modes")
		}
		if err := breakBy(t, id, edit); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// breakBy makes the edit of a fault, which panics when the topology lacks what it would break.
func breakBy(t *topology.Topology, id string, edit func(*topology.Topology)) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("--fault %s: this topology lacks what the fault would break", id)
		}
	}()
	edit(t)
	if err := t.Validate(); err != nil {
		return fmt.Errorf("--fault %s does not fit this topology: %w", id, err)
	}
	return nil
}

func (a *app) topologyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topology",
		Short: "Show or check the description of a deployment",
		Args:  noArgs,
		RunE:  needCommand,
	}
	cmd.AddCommand(a.topologyShowCommand(), a.topologyCheckCommand())
	return cmd
}

func (a *app) topologyShowCommand() *cobra.Command {
	var opts topologyOptions
	var addresses bool
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Write a topology in YAML, the healthy one without a file",
		Example: `  lyncpin topology show > deployment.yaml
  lyncpin topology show --addresses | while read a; do ip addr add $a dev lo; done`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("%s takes one file, and got %d", nameOf(cmd), len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				opts.file = args[0]
			}
			t, err := opts.load()
			if err != nil {
				return err
			}
			if addresses {
				for _, addr := range t.Addresses() {
					fmt.Fprintln(a.env.Stdout, addr)
				}
				return nil
			}
			data, err := topology.Marshal(t)
			if err != nil {
				return err
			}
			_, err = a.env.Stdout.Write(data)
			return err
		},
	}
	opts.flags(cmd)
	cmd.Flags().BoolVar(&addresses, "addresses", false, `list only the addresses that "lab --bind plan" needs, one on a line`)
	return cmd
}

func (a *app) topologyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check that a lab can run a topology",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes one file, and got %d", nameOf(cmd), len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			opts := topologyOptions{file: args[0]}
			t, err := opts.load()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.env.Stdout, "%s: a lab can run it: %s, %s, %s, %s\n", args[0],
				probe.Count(len(t.SIPDomains), "SIP domain", "SIP domains"), probe.Count(len(t.Pools), "pool", "pools"),
				probe.Count(len(t.Proxy.WebServers), "web server", "web servers"),
				probe.Count(len(t.Proxy.Rules), "publishing rule", "publishing rules"))
			return nil
		},
	}
}
