package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/peer"
	"lyncpin/internal/render"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// runSchema names the JSON that run writes.
const runSchema = "lyncpin.run/1"

const (
	gcPercent   = 400
	memoryLimit = 200 << 20 // bytes of Go's memory: with what the system adds, a run stays below 300 MB
	logLines    = 10        // of what a proxy said, in the text form
)

type runOptions struct {
	jobs    int
	format  *oneOf
	verbose bool
	reports bool
	fresh   bool
	proxy   []string
	config  string
	at      atOptions
}

func (a *app) runCommand() *cobra.Command {
	opts := runOptions{format: newOneOf("text", "json", "junit")}
	cmd := &cobra.Command{
		Use:   "run [ID|GLOB|FILE.yaml ...]",
		Short: "Run scenarios in labs and check that each fault is named",
		Long: `Run starts a lab for each scenario (name server, Front Ends and reverse proxy, all in this process), examines it
from outside, from inside, from the office Wi-Fi and from beside the proxy, and checks what was found.

Without arguments it runs all. An argument is the ID of a scenario or of a mode, a glob, or a file that ends in .yaml.
"lyncpin list scenarios" shows the IDs.

With --proxy a real reverse proxy takes the place of the lab's own: it is started with a configuration written from each deployment,
as "lyncpin export" writes it. Without further arguments all healthy deployments are run through it, and the mistakes that people
make with it.

With --config a product is started with a configuration of your own: one that "lyncpin export" has written, and you have edited. It
stands in front of the healthy example, or of the deployment of --topology; addresses, and the paths of certificates, are as export
writes them.

With --proxy at=HOST the proxy is one that runs already, on a firewall on the bench for instance. It forwards to this machine: to the
addresses of the plan, or with --front-ends to another one. --authority makes a certificate for it and keeps it for the next time.
The Front End is healthy, so that what is found is the proxy's. Arguments name faults behind the proxy.`,
		Example: `  lyncpin run
  lyncpin run dns.lyncdiscover-missing 'tls.*' 'baseline/*'
  lyncpin run --proxy nginx,haproxy
  lyncpin run --proxy nginx --config nginx.conf
  lyncpin run --proxy at=192.0.2.1,443=8443,80=8080 --front-ends 192.0.2.20 --authority bench
  lyncpin run --format junit my-deployment.yaml`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd, args, opts)
		},
	}
	cmd.Flags().IntVar(&opts.jobs, "jobs", 0, "run this `number` of labs at the same time; 0 means two for each processor")
	cmd.Flags().BoolVar(&opts.fresh, "fresh", false, "look at every scenario from everywhere, also where it cannot differ from the healthy deployment")
	cmd.Flags().StringSliceVar(&opts.proxy, "proxy", nil, "put real proxies in the place of the lab's own: `products` of "+strings.Join(peer.Products(), ", ")+", all, or at=HOST[,443=PORT,80=PORT] for one that runs already")
	opts.at.flags(cmd)
	cmd.Flags().StringVar(&opts.config, "config", "", "with one product: start it with the configuration in this `file`")
	cmd.Flags().Var(opts.format, "format", "how to write the results")
	cmd.Flags().BoolVar(&opts.verbose, "verbose", false, "show the whole report of each scenario that failed")
	cmd.Flags().BoolVar(&opts.reports, "reports", false, "show the report of every scenario, also of those that passed; in JSON, too")
	wordsOf(cmd, "format", opts.format.words)
	wordsOf(cmd, "proxy", append(peer.Products(), allProducts))
	return cmd
}

func (a *app) completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, s := range scenarios.All() {
		out = append(out, s.ID)
	}
	return out, cobra.ShellCompDirectiveDefault
}

func (a *app) run(cmd *cobra.Command, args []string, opts runOptions) error {
	if opts.jobs < 0 {
		return usage("--jobs %d: want a number above 0", opts.jobs)
	}
	b, err := a.bench(cmd, args, opts)
	if err != nil {
		return err
	}
	list := b.list
	proxies := proxiesOf(cmd.Context(), list)
	for _, p := range proxies {
		a.env.say("through %s %s", p.Product, p.Version)
	}
	opts.reports = opts.reports || opts.own() // who has one proxy wants to know all
	started := time.Now()
	show := &progress{env: &a.env, total: len(list)}
	run := &b.run
	run.OnDone = show.step
	run.KeepReports = opts.reports
	if opts.format.value == "text" {
		width := 0
		for _, s := range list {
			width = max(width, len(s.ID))
		}
		run.OnResult = func(r scenarios.Result) {
			if cmd.Context().Err() == nil || r.Err == nil { // what an interrupt kept from running is no result
				show.around(func() { a.resultLine(r, width) })
			}
		}
	}
	// Labs keep little and throw much away: collecting less often, within a bound, saves an eighth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	results := b.results(cmd.Context())
	show.clear()
	if err := cmd.Context().Err(); err != nil {
		ran := slices.DeleteFunc(results, func(r scenarios.Result) bool { return r.Err != nil })
		a.env.say("%d of %d scenarios had run", len(ran), len(list))
		return err
	}
	switch opts.format.value {
	case "json":
		err = writeRunJSON(a.env.Stdout, results, proxies, opts.reports)
	case "junit":
		err = render.JUnit(a.env.Stdout, junitCases(results))
	default:
		if err = a.passedReports(results, opts); err == nil {
			err = a.runSummary(results, time.Since(started), opts)
		}
	}
	if err != nil {
		return err
	}
	if len(scenarios.Failed(results)) > 0 {
		return exitError(exitFound)
	}
	return nil
}

// bench is what is run, and how.
type bench struct {
	list []scenarios.Scenario
	run  scenarios.Options
	// serial says that all use the same addresses of this machine, so that one is run after the other.
	serial bool
}

func (a *app) bench(cmd *cobra.Command, args []string, opts runOptions) (*bench, error) {
	if isAt(opts.proxy) {
		return a.throughAt(cmd.Context(), args, opts)
	}
	for _, name := range atFlags {
		if cmd.Flags().Changed(name) && (name != "topology" || opts.config == "") {
			return nil, usage("--%s is for a proxy at an address: --proxy at=HOST", name)
		}
	}
	b := &bench{run: scenarios.Options{Jobs: opts.jobs, Fresh: opts.fresh}}
	var err error
	switch {
	case opts.config != "":
		b.list, err = a.throughConfiguration(args, opts)
	case len(opts.proxy) > 0:
		b.list, err = a.throughProxies(opts.proxy, args)
	default:
		b.list, err = a.scenarios(args)
	}
	return b, err
}

func (b *bench) results(ctx context.Context) []scenarios.Result {
	if !b.serial {
		return scenarios.Run(ctx, b.list, b.run)
	}
	var out []scenarios.Result
	for _, s := range b.list {
		one := b.run
		one.Limits.Total += s.Hold
		out = append(out, scenarios.Run(ctx, []scenarios.Scenario{s}, one)...)
	}
	return out
}

// scenarios are those the arguments name: files first to last, then the catalogue's in its order.
func (a *app) scenarios(args []string) ([]scenarios.Scenario, error) {
	var fromFiles []scenarios.Scenario
	var patterns []string
	for _, arg := range args {
		if !strings.HasSuffix(arg, ".yaml") && !strings.HasSuffix(arg, ".yml") {
			patterns = append(patterns, arg)
			continue
		}
		data, err := readFile(arg)
		if err != nil {
			return nil, err
		}
		s, err := scenarios.Load(arg, data)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(fromFiles, func(other scenarios.Scenario) bool { return other.ID == s.ID }) {
			return nil, fmt.Errorf("%s: a second scenario of the name %q", arg, s.ID)
		}
		fromFiles = append(fromFiles, s)
	}
	if len(patterns) == 0 && len(fromFiles) > 0 {
		return fromFiles, nil
	}
	matched, err := scenarios.Match(patterns)
	if err != nil {
		return nil, adviseIDs(err, "lyncpin list scenarios")
	}
	return append(fromFiles, matched...), nil
}

// progress is a line on a terminal that says how far the run is.
type progress struct {
	env         *Env
	done, total int
	shown       bool
}

// step counts one scenario. It is called by one goroutine at a time.
func (p *progress) step() {
	p.done++
	p.draw()
}

func (p *progress) draw() {
	if p.env.StderrTerminal && p.done < p.total {
		fmt.Fprintf(p.env.Stderr, "\r\x1b[K%d of %d", p.done, p.total)
		p.shown = true
	}
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.env.Stderr, "\r\x1b[K")
		p.shown = false
	}
}

// around writes something while the line is away.
func (p *progress) around(write func()) {
	p.clear()
	write()
	p.draw()
}

func (a *app) resultLine(r scenarios.Result, width int) {
	word := a.paint(green, "ok  ")
	if !r.OK {
		word = a.paint(red, "FAIL")
	}
	said := "silent"
	if len(r.Found) > 0 {
		said = "named " + joinIDs(r.Found)
	}
	named := len(r.Want) > 0 && r.OK && (r.Kind == scenarios.KindCase || r.Kind == scenarios.KindMistake)
	if named {
		said = "named first"
	}
	switch besides := without(r.Found, r.Want); {
	case r.Skipped != "":
		said = "skipped: " + r.Skipped
	case named && len(besides) > 0:
		said += ", besides " + joinIDs(besides)
	case r.OK && len(r.Want) == 0 && len(besides) > 0:
		said = "silent but for " + joinIDs(besides) + ", which it cannot do otherwise"
	}
	if r.Err != nil {
		said = "did not run"
	}
	if r.First != "" {
		said += " (at the second look, alone: the machine was busy)"
	}
	fmt.Fprintf(a.env.Stdout, "%s  %-*s  %s\n", word, width, r.ID, said)
}

// passedReports shows the reports of what passed, where they are asked for.
func (a *app) passedReports(results []scenarios.Result, opts runOptions) error {
	for _, r := range results {
		if !opts.reports || !r.OK || r.Report == nil {
			continue
		}
		fmt.Fprintf(a.env.Stdout, "\n%s\n", a.paint(green, r.ID))
		if err := a.text(r.Report, opts.verbose); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) runSummary(results []scenarios.Result, elapsed time.Duration, opts runOptions) error {
	failed := scenarios.Failed(results)
	for _, r := range failed {
		if err := a.failure(r, opts); err != nil {
			return err
		}
	}
	color := green
	if len(failed) > 0 {
		color = red
	}
	fmt.Fprintf(a.env.Stdout, "\n%s  (%s)\n", a.paint(color, summary(results)), round(elapsed))
	return nil
}

// failure says what differs from what a scenario wants. Of somebody's own proxy, nothing is wanted but to hear what is wrong with it.
func (a *app) failure(r scenarios.Result, opts runOptions) error {
	fmt.Fprintf(a.env.Stdout, "\n%s\n", a.paint(red, r.ID))
	switch {
	case opts.own() && r.Report != nil:
	case opts.own():
		fmt.Fprintf(a.env.Stdout, "  %s\n", r.Problem)
	default:
		fmt.Fprintf(a.env.Stdout, "  wanted  %s\n  found   %s\n  %s\n", wordsFor(r.Want), wordsFor(r.Found), r.Problem)
	}
	if r.Report != nil && (opts.verbose || opts.reports) {
		if err := a.text(r.Report, opts.verbose); err != nil {
			return err
		}
	} else if r.Report != nil {
		for _, f := range r.Report.Findings {
			if f.Root() && !slices.Contains(r.Want, f.ID) {
				fmt.Fprintf(a.env.Stdout, "  %s because, from %s: %s\n", f.ID, f.Evidence[0].Vantage, f.Evidence[0].Text)
			}
		}
	}
	if r.ProxyLog != "" {
		fmt.Fprintf(a.env.Stdout, "  the proxy said:\n%s\n", shifted(lastLines(r.ProxyLog, logLines)))
	}
	return nil
}

// own tells whether it is somebody's own proxy, or configuration, that is run.
func (o *runOptions) own() bool { return o.config != "" || isAt(o.proxy) }

// summary counts what passed, in the words of each kind: "30 of 30 failure modes named first, 31 near misses and 12
// baselines silent". Where some failed it says of how many.
func summary(results []scenarios.Result) string {
	var parts, silent []string
	if passed, total := scenarios.Modes(results); total > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s named first", passed, probe.Count(total, "failure mode", "failure modes")))
	}
	for _, k := range []struct{ kind, one, many string }{
		{scenarios.KindNear, "near miss", "near misses"}, {scenarios.KindBaseline, "baseline", "baselines"},
	} {
		if passed, total := scenarios.Passed(results, k.kind); total > 0 {
			silent = append(silent, count(passed, total, k.one, k.many))
		}
	}
	if len(silent) > 0 {
		parts = append(parts, strings.Join(silent, " and ")+" silent")
	}
	if passed, total := scenarios.Passed(results, scenarios.KindCompound); total > 0 {
		parts = append(parts, fmt.Sprintf("both causes named in %s", count(passed, total, "compound fault", "compound faults")))
	}
	if passed, total := scenarios.Passed(onlyWanting(results, true), scenarios.KindMistake); total > 0 {
		parts = append(parts, fmt.Sprintf("%s of proxies named", count(passed, total, "mistake", "mistakes")))
	}
	if passed, total := scenarios.Passed(onlyWanting(results, false), scenarios.KindMistake); total > 0 {
		parts = append(parts, fmt.Sprintf("%s silent", count(passed, total, "harmless change", "harmless changes")))
	}
	if passed, total := scenarios.Passed(results, scenarios.KindFile); total > 0 {
		parts = append(parts, fmt.Sprintf("%s as expected", count(passed, total, "file", "files")))
	}
	if skipped := slices.DeleteFunc(slices.Clone(results), func(r scenarios.Result) bool { return r.Skipped == "" }); len(skipped) > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", len(skipped)))
	}
	return strings.Join(parts, ", ")
}

// onlyWanting are the results in which something must be named, or those in which nothing may be.
func onlyWanting(results []scenarios.Result, something bool) []scenarios.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r scenarios.Result) bool { return (len(r.Want) > 0) != something })
}

func count(passed, total int, one, many string) string {
	all := probe.Count(total, one, many)
	if passed < total {
		return fmt.Sprintf("%d of %s", passed, all)
	}
	return all
}

// runDocument is the JSON that run writes.
type runDocument struct {
	Schema string `json:"schema"`
	// Proxies are the products that were started.
	Proxies   []runProxy    `json:"proxies,omitempty"`
	Scenarios []runScenario `json:"scenarios"`
	Passed    int           `json:"passed"`
	Failed    int           `json:"failed"`
}

type runScenario struct {
	ID    string     `json:"id"`
	Kind  string     `json:"kind"`
	Want  []probe.ID `json:"want"`
	Found []probe.ID `json:"found"`
	OK    bool       `json:"ok"`
	// Skipped says why a proxy product cannot be set up as the scenario wants it.
	Skipped string `json:"skipped,omitempty"`
	// First is what was wrong at a first look, on a busy machine, where a second one counts.
	First string  `json:"first,omitempty"`
	MS    float64 `json:"ms"`
	// Report is the diagnosis, where it was asked for.
	Report *probe.Report `json:"report,omitempty"`
}

// runProxy is a product that was started.
type runProxy struct {
	Product string `json:"product"`
	Version string `json:"version"`
}

// proxiesOf are the products that scenarios start, in their order. A version that cannot be told is empty.
func proxiesOf(ctx context.Context, list []scenarios.Scenario) []runProxy {
	var out []runProxy
	for i := range list {
		product := list[i].Product()
		if product == "" || slices.ContainsFunc(out, func(p runProxy) bool { return p.Product == product }) {
			continue
		}
		version, err := peer.Version(ctx, product)
		if err != nil {
			version = "" // whether it starts is for the scenarios to say
		}
		out = append(out, runProxy{product, version})
	}
	return out
}

func writeRunJSON(w io.Writer, results []scenarios.Result, proxies []runProxy, reports bool) error {
	failed := len(scenarios.Failed(results))
	doc := runDocument{Schema: runSchema, Proxies: proxies, Scenarios: []runScenario{}, Passed: len(results) - failed, Failed: failed}
	for _, r := range results {
		s := runScenario{
			ID: r.ID, Kind: r.Kind, Want: r.Want, Found: r.Found, OK: r.OK, Skipped: r.Skipped, First: r.First, MS: milliseconds(r.Elapsed),
		}
		if reports {
			s.Report = r.Report
		}
		doc.Scenarios = append(doc.Scenarios, s)
	}
	return writeJSON(w, doc)
}

// milliseconds has three digits after the point.
func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func junitCases(results []scenarios.Result) []render.Case {
	var out []render.Case
	for _, r := range results {
		c := render.Case{Suite: "lyncpin." + r.Kind, Name: r.ID, Duration: r.Elapsed, Skipped: r.Skipped, Output: r.ProxyLog}
		if !r.OK {
			c.Failure = fmt.Sprintf("%s\nwanted: %s\nfound: %s", r.Problem, wordsFor(r.Want), wordsFor(r.Found))
		}
		out = append(out, c)
	}
	return out
}

// wordsFor are IDs, or "nothing".
func wordsFor(ids []probe.ID) string {
	if len(ids) == 0 {
		return "nothing"
	}
	return joinIDs(ids)
}

func joinIDs(ids []probe.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

// round keeps what a person wants to know of a duration.
func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// without is what of list is not in other.
func without(list, other []probe.ID) []probe.ID {
	return slices.DeleteFunc(slices.Clone(list), func(id probe.ID) bool { return slices.Contains(other, id) })
}

// lastLines are the last n lines of a log.
func lastLines(log string, n int) string {
	lines := strings.Split(strings.TrimRight(log, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// shifted is text with every line moved to the right.
func shifted(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
