package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lyncpin/internal/export"
	"lyncpin/internal/peer"
	"lyncpin/internal/topology"
)

type exportOptions struct {
	topology, record, output string
	list                     bool
	site                     siteOptions
	files                    fileOptions
}

// fileOptions are where certificates lie on the machine of the proxy. Empty means where the product's packages keep them.
type fileOptions struct {
	certificate, key, combined, roots string
}

func (a *app) exportCommand() *cobra.Command {
	opts := exportOptions{site: siteOptions{verify: newOneOf(topology.EnterpriseCA, topology.PublicCA, "none")}}
	cmd := &cobra.Command{
		Use:   "export PRODUCT",
		Short: "Write the configuration of a reverse proxy product",
		Long: `Export writes the configuration of a reverse proxy product that publishes a deployment, with the reason beside every
line that matters. Certificates are named in it, never embedded.

What is published comes from a topology, from a record that "lyncpin probe --save" has written of a healthy site, or
from flags; flags also say what a record lacks. Several pools need a topology. Without any, it is the healthy example.

Proven, by running all healthy deployments through it (lyncpin run --proxy PRODUCT):
  ` + strings.Join(exported(true), ", ") + `
Not proven, written from the product's documentation and checked for form only:
  ` + strings.Join(exported(false), ", "),
		Example: `  lyncpin export haproxy --sip-domain contoso.example --external-web lyncweb-ext.contoso.example \
      --front-end 10.10.10.11=fe1.contoso.example --front-end 10.10.10.12=fe2.contoso.example
  lyncpin export nginx-stream --topology deployment.yaml --output nginx.conf
  lyncpin export traefik --record healthy.json`,
		ValidArgs: export.Products(),
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case opts.list:
				return noArgs(cmd, args)
			case len(args) != 1:
				return &usageError{text: fmt.Sprintf("%s takes one product, and got %d", nameOf(cmd), len(args)), hint: "known are " + strings.Join(export.Products(), ", ")}
			case !slices.Contains(export.Products(), args[0]):
				return unknownWord(nameOf(cmd), "product", args[0], export.Products())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.list {
				return a.listExports()
			}
			return a.export(cmd, args[0], opts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.topology, "topology", "", "publish what this YAML `file` does")
	f.StringVar(&opts.record, "record", "", "publish what answered in this `file` of probe --save")
	opts.site.flags(f)
	f.StringVar(&opts.files.certificate, "certificate", "", "PEM `file` of the certificate with its intermediates, on the machine of the proxy")
	f.StringVar(&opts.files.key, "key", "", "PEM `file` of its key")
	f.StringVar(&opts.files.combined, "combined", "", "PEM `file` with both, for products that want one")
	f.StringVar(&opts.files.roots, "roots", "", "PEM `file` of the roots that web servers are verified with")
	f.StringVar(&opts.output, "output", "", "write to this `file` instead of standard output")
	f.BoolVar(&opts.list, "list", false, "list the products, and whether their configurations are proven")
	wordsOf(cmd, "verify", opts.site.verify.words)
	return cmd
}

// exported are the products whose configurations are, or are not, run by lyncpin itself.
func exported(proven bool) []string {
	return slices.DeleteFunc(export.Products(), func(p string) bool { return slices.Contains(peer.Products(), p) != proven })
}

func (a *app) listExports() error {
	table := tabwriter.NewWriter(a.env.Stdout, 0, 0, 2, ' ', 0)
	for _, p := range exported(true) {
		fmt.Fprintf(table, "%s\tproven: lyncpin run --proxy %s\n", p, p)
	}
	for _, p := range exported(false) {
		fmt.Fprintf(table, "%s\tnot proven: written from the product's documentation, checked for form only\n", p)
	}
	return table.Flush()
}

func (a *app) export(cmd *cobra.Command, product string, opts exportOptions) error {
	p, err := a.published(cmd, &opts)
	if err != nil {
		return err
	}
	files, err := opts.files.of(product, p)
	if err != nil {
		return err
	}
	if opts.output != "" {
		if err := canWrite(opts.output); err != nil {
			return err
		}
	}
	text, err := export.Write(product, export.Input{Proxy: *p, Files: files})
	if _, ok := errors.AsType[*export.UnsupportedError](err); ok {
		return hint(err, "%s", otherProducts(p))
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "export: "))
	}
	if slices.Contains(exported(false), product) {
		a.env.say("nobody has run this configuration here: try it before you rely on it")
	}
	for _, id := range export.Cannot(product) {
		a.env.say("%s cannot help %s, whatever its configuration: see lyncpin explain %s", product, id, id)
	}
	if opts.output != "" {
		return writeFile(opts.output, []byte(text))
	}
	_, err = fmt.Fprint(a.env.Stdout, text)
	return err
}

// published is the proxy of the topology, the record or the flags.
func (a *app) published(cmd *cobra.Command, opts *exportOptions) (*topology.Proxy, error) {
	given := opts.site.given(cmd.Flags())
	switch {
	case opts.topology != "" && opts.record != "":
		return nil, usage("--topology and --record exclude each other")
	case opts.topology != "" && len(given) > 0:
		return nil, usage("--%s and --topology exclude each other: the file says it all", given[0])
	case opts.topology == "" && opts.record == "" && len(given) == 0:
		a.env.say("this is the healthy example; --topology, --record or flags publish a deployment of your own")
		fallthrough
	case opts.topology != "":
		from := topologyOptions{file: opts.topology}
		t, err := from.load()
		if err != nil {
			return nil, err
		}
		return &t.Proxy, nil
	}
	s, err := opts.site.site()
	if err != nil {
		return nil, err
	}
	if opts.record != "" {
		rec, err := a.readRecord(opts.record)
		if err != nil {
			return nil, err
		}
		if err := a.fromRecord(s, rec); err != nil {
			return nil, fmt.Errorf("%s: %w", opts.record, err)
		}
	}
	return s.proxy()
}

// of are the files that the flags name, and the product's own for the others.
func (o *fileOptions) of(product string, p *topology.Proxy) (export.Files, error) {
	files := export.DefaultFiles(product, len(p.Certificates))
	if len(p.Certificates) > 1 && o.certificate+o.key+o.combined != "" {
		return files, usage("--certificate, --key and --combined are for one certificate, and there are %d", len(p.Certificates))
	}
	for i := range files.Certificates {
		c := &files.Certificates[i]
		for _, f := range []struct {
			path *string
			flag string
		}{{&c.FullChain, o.certificate}, {&c.Key, o.key}, {&c.Combined, o.combined}} {
			if f.flag != "" {
				*f.path = f.flag
			}
		}
	}
	if o.roots != "" {
		for issuer := range files.Roots {
			files.Roots[issuer] = o.roots
		}
	}
	return files, nil
}

// otherProducts says which products can do what one cannot.
func otherProducts(p *topology.Proxy) string {
	var can []string
	for _, product := range export.Products() {
		if _, err := export.Write(product, export.Input{Proxy: *p, Files: export.DefaultFiles(product, len(p.Certificates))}); err == nil {
			can = append(can, product)
		}
	}
	if len(can) == 0 {
		return "do without it: no product can all that is asked for"
	}
	return "do without it, or take a product that can: " + strings.Join(can, ", ")
}

// parseAddress reads an IP address.
func parseAddress(flag, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return a, usage("--%s %s: want an IP address, such as 203.0.113.10, or 0.0.0.0 for all", flag, text)
	}
	return a, nil
}
