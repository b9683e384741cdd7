package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/export"
	"lyncpin/internal/lab"
	"lyncpin/internal/peer"
	"lyncpin/internal/pfsense"
	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// toTopology is the word for what import writes by default.
const toTopology = "topology"

// provenHold is how long those who sign in hold a silent long poll: clients ask for 180 s at least.
const provenHold = 200 * time.Second

type importOptions struct {
	from, to *oneOf
	output   string
	prove    bool
	names    pfsense.Options
	report   reportOptions
}

func (a *app) importCommand() *cobra.Command {
	opts := importOptions{
		from:   &oneOf{words: []string{pfsense.FromSquid, pfsense.FromHAProxy}},
		to:     newOneOf(toTopology, export.Products()...),
		report: newReportOptions(),
	}
	cmd := &cobra.Command{
		Use:   "import CONFIG.xml",
		Short: "Take over a pfSense backup: show it, translate it, or try it in a lab",
		Long: `Import reads the backup of a pfSense firewall and takes over the reverse proxy in it, the Squid package's or the HAProxy
package's. Private keys, passwords and everything else that is not needed are dropped while it is read.

Without further flags it writes a deployment for "lyncpin topology check" and "lyncpin lab", with Front Ends at the addresses
that the proxy forwards to. --to writes a product's configuration instead: the package's own product as the package would
write it, any other one from the deployment.

--prove starts that configuration as a real proxy, in a lab around it, and says what clients find. Certificates have the names,
dates and kinds of issuer of the backup's, and are the lab's own. "lyncpin lint CONFIG.xml" finds mistakes without running anything.`,
		Example: `  lyncpin import config.xml > deployment.yaml
  lyncpin import config.xml --from squid --to haproxy --output haproxy.cfg
  lyncpin import config.xml --prove`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes one file, and got %d", nameOf(cmd), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.importBackup(cmd.Context(), args[0], opts) },
	}
	f := cmd.Flags()
	f.Var(opts.from, "from", "the package to take over (default: the one that publishes Lync)")
	f.Var(opts.to, "to", "what to write")
	f.StringVar(&opts.output, "output", "", "write to this `file` instead of standard output")
	f.BoolVar(&opts.prove, "prove", false, "run it as a real proxy in a lab and report what is wrong")
	f.StringSliceVar(&opts.names.SIPDomains, "sip-domain", nil, "the SIP domain of this `name`, where the backup does not show it; may be repeated")
	f.StringSliceVar(&opts.names.ExternalWeb, "external-web", nil, "the external web services FQDN of this `name`, where it cannot be told; may be repeated")
	opts.report.flags(cmd)
	wordsOf(cmd, "from", opts.from.words)
	wordsOf(cmd, "to", opts.to.words)
	return cmd
}

func (a *app) importBackup(ctx context.Context, name string, opts importOptions) error {
	if product := opts.to.value; opts.prove && product != toTopology && !slices.Contains(peer.Products(), product) {
		return usage("--prove starts %s; %s is none of them", strings.Join(peer.Products(), ", "), product)
	}
	data, err := readFile(name)
	if err != nil {
		return err
	}
	b, err := pfsense.Parse(name, data)
	if err != nil {
		return err
	}
	from, err := a.importedFrom(b, opts.from.value, opts.names)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	now := time.Now()
	t, err := pfsense.Translate(b, from, opts.names, now)
	if errors.Is(err, pfsense.ErrNoNames) {
		return hint(fmt.Errorf("%s: %w", name, err), "--sip-domain and --external-web say what the backup does not")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, n := range slices.Concat(b.Notes, t.Notes) {
		a.env.say("%s", n)
	}
	if found := b.Check(name, opts.names, now); len(found) > 0 {
		a.env.say("lyncpin lint %s finds %s in it", name, probe.Count(len(found), "mistake", "mistakes"))
	}
	product := opts.to.value
	if product == toTopology && !opts.prove {
		return a.writeDeployment(b, t, from, opts.output)
	}
	if product == toTopology {
		product = from
	}
	text, err := a.translatedText(b, t, from, product, opts)
	if err != nil {
		return err
	}
	if !opts.prove {
		return a.writeOutput(opts.output, []byte(text))
	}
	if opts.output != "" {
		if err := writeFile(opts.output, []byte(text)); err != nil {
			return err
		}
	}
	if product == from && !opts.report.product.chosen() { // the mistakes are the firewall's, and mended in its forms
		opts.report.product.value = "pfsense-" + product
	}
	return a.prove(ctx, t.Deployment, product, text, opts.report)
}

// importedFrom is the package to take over: the one asked for, the only one, or the one that publishes Lync.
func (a *app) importedFrom(b *pfsense.Backup, asked string, names pfsense.Options) (string, error) {
	var able []string
	for _, from := range []string{pfsense.FromSquid, pfsense.FromHAProxy} {
		if _, err := pfsense.Translate(b, from, names, time.Now()); err == nil {
			able = append(able, from)
		}
	}
	switch {
	case asked != "":
		return asked, nil
	case len(able) > 1:
		a.env.say("both packages publish Lync in it: this is about %s; --from says which one is meant", able[0])
		return able[0], nil
	case len(able) == 1:
		return able[0], nil
	case b.HasSquid():
		return pfsense.FromSquid, nil
	case b.HasHAProxy():
		return pfsense.FromHAProxy, nil
	}
	return "", pfsense.ErrNothing
}

// translatedText is a product's configuration: as the package writes it, or from the deployment.
func (a *app) translatedText(b *pfsense.Backup, t *pfsense.Translated, from, product string, opts importOptions) (string, error) {
	paths := export.DefaultFiles(product, t.Certificates)
	if product != from {
		return a.exported(t.Deployment.Clone().Proxy, product, paths)
	}
	files := pfsense.Files{Root: paths.Roots[topology.EnterpriseCA]}
	for _, f := range paths.Certificates {
		files.FullChain, files.Key, files.Combined = append(files.FullChain, f.FullChain), append(files.Key, f.Key), append(files.Combined, f.Combined)
	}
	write := func() (string, []string, error) { return pfsense.Squid(b, files) }
	if product == pfsense.FromHAProxy {
		write = func() (string, []string, error) { return pfsense.HAProxy(b, opts.names, files) }
	}
	text, notes, err := write()
	for _, n := range notes {
		a.env.say("%s", n)
	}
	return text, err
}

// exported writes a product's configuration without what that product cannot do and clients do without.
func (a *app) exported(p topology.Proxy, product string, paths export.Files) (string, error) {
	text, err := export.Write(product, export.Input{Proxy: p, Files: paths})
	u, ok := errors.AsType[*export.UnsupportedError](err)
	if !ok {
		return text, err
	}
	instead, left := "", false
	switch {
	case u.Field == "reset_unknown":
		instead, left = "cannot reset the connections of requests that are for nobody, as the package does: it answers them", p.ResetUnknown
		p.ResetUnknown = false
	case strings.HasSuffix(u.Field, ".cookie"), strings.HasSuffix(u.Field, ".balance") && balanced(p.Rules, u.Field) == "cookie":
		instead = "sets no cookies as Lync reads them: a client is kept at a Front End by its address"
		left = replaceBalance(p.Rules, u.Field, "cookie", "source")
	case strings.HasSuffix(u.Field, ".balance"):
		instead = "cannot keep a client at a Front End by its address: requests go to any, which Lync Server 2010's mobility does not bear"
		left = replaceBalance(p.Rules, u.Field, "source", "")
	case strings.HasSuffix(u.Field, ".respond"):
		instead = "gets no answers of its own for requests that are for others: they are not in what is written"
		before := len(p.Rules)
		p.Rules = slices.DeleteFunc(p.Rules, func(r topology.Rule) bool { return r.Respond != nil })
		left = len(p.Rules) < before && len(p.Rules) > 0
	}
	if !left {
		return text, err
	}
	a.env.say("%s %s", product, instead)
	return a.exported(p, product, paths)
}

// balanced is how the rule that a field is of chooses among web servers.
func balanced(rules []topology.Rule, field string) string {
	for _, r := range rules {
		if isOf(r, field) {
			return r.Balance
		}
	}
	return ""
}

// replaceBalance changes how the rule that a field is of chooses, and tells whether it did.
func replaceBalance(rules []topology.Rule, field, from, to string) bool {
	replaced := false
	for i := range rules {
		if r := &rules[i]; r.Balance == from && isOf(*r, field) {
			r.Balance, r.Cookie, replaced = to, nil, true
		}
	}
	return replaced
}

// isOf tells whether a field, as publishing_rules[lync, https].balance, is of a rule.
func isOf(r topology.Rule, field string) bool {
	return strings.HasPrefix(field, "publishing_rules["+r.Name+",") || strings.HasPrefix(field, "publishing_rules["+r.Name+"]")
}

// writeDeployment writes a topology with what was found in words before it.
func (a *app) writeDeployment(b *pfsense.Backup, t *pfsense.Translated, from, output string) error {
	data, err := topology.Marshal(t.Deployment)
	if err != nil {
		return err
	}
	p := &t.Deployment.Proxy
	var words strings.Builder
	fmt.Fprintf(&words, "# A deployment around the %s package of a pfSense backup", map[string]string{pfsense.FromSquid: "Squid", pfsense.FromHAProxy: "HAProxy"}[from])
	if b.Version != "" {
		fmt.Fprintf(&words, " (configuration version %s)", b.Version)
	}
	fmt.Fprintf(&words, ".\n# SIP domains: %s. External web services: %s.\n", strings.Join(t.Deployment.SIPDomains, ", "), strings.Join(t.Deployment.Plan.ExternalWeb, ", "))
	for _, w := range p.WebServers {
		fmt.Fprintf(&words, "# Web server %s: %s://%s, port %d.\n", w.Alias, w.Scheme, w.Address, w.Port)
	}
	for _, r := range p.Rules {
		to := strings.Join(r.WebServers, ", ")
		if r.Respond != nil {
			to = "answered by the proxy"
		}
		fmt.Fprintf(&words, "# %s: %s: %s.\n", r.Name, strings.Join(r.Hosts, ", "), to)
	}
	for _, n := range slices.Concat(b.Notes, t.Notes) {
		fmt.Fprintf(&words, "# %s\n", n)
	}
	return a.writeOutput(output, append([]byte(words.String()), data...))
}

// writeOutput writes to a file, or to standard output without one.
func (a *app) writeOutput(name string, data []byte) error {
	if name != "" {
		return writeFile(name, data)
	}
	_, err := a.env.Stdout.Write(data)
	return err
}

// prove runs a configuration as a real proxy in a lab and shows the report.
func (a *app) prove(ctx context.Context, t *topology.Topology, product, text string, opts reportOptions) error {
	if _, err := peer.Find(product); err != nil {
		return hint(err, "install it to prove the configuration")
	}
	a.env.say("running it as a real %s in a lab", product)
	candidate := &lab.Candidate{Product: product, Text: text}
	list := scenarios.Through(product, candidate, []scenarios.Scenario{scenarios.Deployment("backup", t, provenHold)})
	r := scenarios.Run(ctx, list, scenarios.Options{Jobs: 1, Fresh: true, KeepRecords: true})[0]
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.Err != nil {
		return r.Err
	}
	return a.judge(r.Record, opts)
}
