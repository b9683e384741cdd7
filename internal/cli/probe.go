package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/failure"
	"lyncpin/probe"
)

type probeOptions struct {
	from            []string
	resolvers       []string
	connect         []string
	roots           string
	enterpriseRoots string
	expect          string
	timeout         time.Duration
	save            string
	meeting         string
	signIn          signInOptions
	report          reportOptions
}

func (a *app) probeCommand() *cobra.Command {
	opts := probeOptions{report: newReportOptions()}
	cmd := &cobra.Command{
		Use:   "probe USER@DOMAIN|DOMAIN [DOMAIN ...]",
		Short: "Examine a real deployment and say what is wrong with it",
		Long: `Probe examines the deployment of a SIP domain from where this machine stands: names, connections, certificates,
discovery as each kind of client walks it, web services and simple URLs. It asks what any client asks before it signs
in, and changes nothing.

With --user it signs in as phones, web applications and desktops do: tickets, user documents, the application, long
polls, and with a second --user a message from one to the other; what it creates it deletes. Passwords go only over TLS
that verified, to hosts of the user's own domain or those that such a host named. A password that was refused is not
tried again for an hour, so that the probe locks no account. --dry-run shows beforehand whom it would talk to.

--from says what the place is: "external" is the Internet, "internal" a managed machine on the LAN, "wifi" a phone on
the office network, "proxy" beside the reverse proxy (it needs web_servers in --expect). A machine with a route to
several of them can probe from all, each with its own --resolver. To join what different machines see, --save on each
and hand the files to "lyncpin diagnose".`,
		Example: `  lyncpin probe user1@contoso.example
  lyncpin probe contoso.example --from external,internal --resolver external=198.51.100.53 --resolver internal=10.10.10.53
  lyncpin probe contoso.example --user user1@contoso.example='CONTOSO\user1' --password-file user1.txt --hold 3m
  lyncpin probe contoso.example --connect lyncdiscover.contoso.example=203.0.113.99`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && len(opts.signIn.users) == 0 {
				return usage("%s needs a sign-in address or a SIP domain", nameOf(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.probe(cmd.Context(), args, opts) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&opts.from, "from", []string{probe.External}, "probe from these `places`: external, internal, wifi, proxy")
	f.StringArrayVar(&opts.resolvers, "resolver", nil, "ask the name server `[PLACE=]IP[:PORT]`; may be repeated; wifi and proxy use that of internal unless given")
	f.StringArrayVar(&opts.connect, "connect", nil, "connect elsewhere, as `HOST[:PORT]=IP[:PORT]` says, with SNI and Host as they are; may be repeated")
	f.StringVar(&opts.roots, "roots", "", "PEM `file` of the roots that any device trusts, in place of the system's")
	f.StringVar(&opts.enterpriseRoots, "enterprise-roots", "", "PEM `file` of the roots that managed machines trust as well")
	f.StringVar(&opts.expect, "expect", "", "YAML `file` that says what the deployment is meant to be")
	f.DurationVar(&opts.timeout, "timeout", time.Minute, "how long the probe may take in all, besides --hold")
	f.StringVar(&opts.meeting, "meeting", "", "look at the join page of the meeting with this `URL`, as its organiser's calendar has it")
	f.StringVar(&opts.save, "save", "", "write what was seen to this `file`")
	opts.signIn.flags(f)
	opts.report.flags(cmd)
	wordsOf(cmd, "from", probe.Places())
	wordsOf(cmd, "as", probe.SigningClients())
	return cmd
}

func (a *app) probe(ctx context.Context, args []string, opts probeOptions) error {
	if opts.timeout <= 0 {
		return usage("--timeout %s: want a duration above zero", opts.timeout)
	}
	if err := opts.signIn.check(); err != nil {
		return err
	}
	accounts, err := opts.signIn.accounts()
	if err != nil {
		return err
	}
	target, err := targetOf(args, accounts, opts.expect)
	if err != nil {
		return err
	}
	target.Meeting = opts.meeting
	if target, err = target.Normalised(); err != nil {
		return ours(err)
	}
	vantages, err := vantagesOf(opts)
	if err != nil {
		return err
	}
	if slices.Contains(opts.from, probe.Proxy) && len(target.Expected.WebServers) == 0 {
		return hint(errors.New("--from proxy needs to know the servers behind the reverse proxy"),
			"list them as web_servers in the file of --expect: - {address: \"10.10.10.11:4443\", scheme: https}")
	}
	if opts.save != "" && !opts.signIn.dryRun {
		if err := canWrite(opts.save); err != nil {
			return err
		}
	}
	if opts.signIn.dryRun {
		return a.dryRun(target, vantages, &opts.signIn, accounts)
	}
	in, err := a.signingIn(&opts.signIn)
	if err != nil {
		return err
	}
	total := opts.timeout
	if in != nil {
		total += in.Hold
	}
	for _, v := range vantages {
		v.SignIn = in
	}
	a.env.say("examining %s from %s, for %s at most", strings.Join(target.SIPDomains, ", "), strings.Join(opts.from, ", "), total)
	rec, err := probe.Observe(ctx, target, vantages, probe.Limits{Total: total})
	if err != nil {
		return ours(err)
	}
	if ctx.Err() != nil {
		return ctx.Err() // what was not waited for would look like silence
	}
	if opts.save != "" {
		data, err := json.MarshalIndent(rec, "", " ")
		if err != nil {
			return err
		}
		if err := writeFile(opts.save, append(data, '\n')); err != nil {
			return err
		}
		a.env.say("what was seen is in %s", opts.save)
	}
	return a.judge(rec, opts.report)
}

// targetOf reads what is to be examined: the arguments, and the accounts that sign in, whose domains are examined too.
func targetOf(args []string, accounts []probe.Account, expect string) (probe.Target, error) {
	var target probe.Target
	for _, arg := range args {
		name, domain, isUser := strings.Cut(strings.TrimPrefix(arg, "sip:"), "@")
		switch {
		case !isUser:
			target.SIPDomains = append(target.SIPDomains, arg)
		case name == "" || domain == "":
			return target, usage("%q is no sign-in address such as user1@contoso.example", arg)
		case target.User != "":
			return target, usage("two sign-in addresses, %s and %s: want one, and further SIP domains", target.User, arg)
		default:
			target.User = name + "@" + domain
		}
	}
	for _, account := range accounts {
		_, domain, _ := strings.Cut(account.SIP, "@")
		target.SIPDomains = append(target.SIPDomains, domain)
		if target.User == "" {
			target.User = account.SIP
		}
	}
	if expect == "" {
		return target, nil
	}
	data, err := readFile(expect)
	if err != nil {
		return target, err
	}
	target.Expected, err = loadExpected(expect, data)
	return target, err
}

// vantagesOf are the places to probe from, in the order of reports.
func vantagesOf(opts probeOptions) ([]*probe.Vantage, error) {
	for i, place := range opts.from {
		if !slices.Contains(probe.Places(), place) {
			return nil, unknownWord("--from", "place", place, probe.Places())
		}
		if slices.Contains(opts.from[:i], place) {
			return nil, usage("--from names %s twice", place)
		}
	}
	if len(opts.from) == 0 {
		return nil, usage("--from names no place: known are %s", strings.Join(probe.Places(), ", "))
	}
	resolvers, err := parseResolvers(opts.resolvers, opts.from)
	if err != nil {
		return nil, err
	}
	connect, err := parseConnect(opts.connect)
	if err != nil {
		return nil, err
	}
	public, err := rootsFrom("--roots", opts.roots)
	if err != nil {
		return nil, err
	}
	enterprise, err := rootsFrom("--enterprise-roots", opts.enterpriseRoots)
	if err != nil {
		return nil, err
	}
	var out []*probe.Vantage
	for _, place := range probe.Places() {
		if !slices.Contains(opts.from, place) {
			continue
		}
		out = append(out, &probe.Vantage{
			Name: place, Resolvers: resolvers[place], Connect: connect, PublicRoots: public, EnterpriseRoots: enterprise,
			Managed: place == probe.Internal || place == probe.Proxy,
		})
	}
	return out, nil
}

// rootsFrom reads certificates in PEM; nil without a file.
func rootsFrom(flag, name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		text := "it holds no certificate in PEM form"
		if bytes.Contains(data, []byte("BEGIN CERTIFICATE")) {
			text = "none of its certificates can be read"
		}
		return nil, hint(fmt.Errorf("%s %s: %s", flag, name, text), "openssl x509 -inform der -in root.cer -out root.pem makes one of a binary file")
	}
	return pool, nil
}

// ours takes the package's name off an error that the user caused.
func ours(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "probe: "))
}

// reportOptions are how a diagnosis is shown and turned into an exit code.
type reportOptions struct {
	format  *oneOf
	failOn  *oneOf
	product *oneOf
	verbose bool
}

func newReportOptions() reportOptions {
	failOn := newOneOf("low", "medium", "high", "critical")
	failOn.value = "medium"
	return reportOptions{format: newOneOf("text", "json"), failOn: failOn, product: newOneOf("all", failure.Products()...)}
}

func (o *reportOptions) flags(cmd *cobra.Command) {
	cmd.Flags().Var(o.format, "format", "how to write the report")
	cmd.Flags().Var(o.failOn, "fail-on", "severity from which a finding makes the exit code 1")
	cmd.Flags().Var(o.product, "product", "show how to mend this proxy only, where the remedy knows it")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "show every step, and a curl line for each request")
	wordsOf(cmd, "format", o.format.words)
	wordsOf(cmd, "fail-on", o.failOn.words)
	wordsOf(cmd, "product", o.product.words)
}

// judge shows the diagnosis of a record and turns it into an exit code.
func (a *app) judge(rec *probe.Record, opts reportOptions) error {
	rep := probe.Diagnose(rec, failure.RulesFor(opts.product.value))
	show := func() error { return a.text(rep, opts.verbose) }
	if opts.format.value == "json" {
		show = func() error { return a.json(rep) }
	}
	if err := show(); err != nil {
		return err
	}
	var level probe.Severity
	if err := level.UnmarshalText([]byte(opts.failOn.value)); err != nil {
		return err
	}
	return verdictCode(rep, level)
}

// verdictCode is the exit code of a report, nil for 0.
func verdictCode(rep *probe.Report, level probe.Severity) error {
	if slices.ContainsFunc(rep.Findings, func(f probe.Finding) bool { return f.Severity >= level }) {
		return exitError(exitFound)
	}
	if len(rep.Undecided) > 0 || rep.Verdict == probe.VerdictUnknown {
		return exitError(exitUnknown)
	}
	return nil
}
