package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/load"
	"lyncpin/internal/peer"
)

// noProxy is the word for clients that go straight to the external web site.
const noProxy = "none"

type loadOptions struct {
	level      *oneOf
	plan       load.Plan // what was set on the command line, beside the level
	ntlm       int
	churn      float64
	proxy      string
	lab, bench string
	format     *oneOf
	svg        string
}

func (a *app) loadCommand() *cobra.Command {
	opts := loadOptions{level: newOneOf("low", "medium", "high"), format: newOneOf("text", "json", "csv")}
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Simulate many mobile clients, and tell whether each gets what is its own",
		Long: `Load signs mobile clients in, up to tens of thousands: discovery, token, application, a long poll that each holds, changes
of presence and messages between pairs of them, sign-out, and for some all of it again. First it says what was not correct: an answer of the wrong web
site or of another user, a poll that was lost or cut, an event that was lost, came twice or out of order; then how long
everything took.

Without --lab and --bench it starts a lab with enough accounts for itself, in a process of its own, and ends it. --proxy puts
a real proxy into it, --proxy none leads straight to the external web site.

It loads loopback only. Other addresses must be in a bench file, which the owner of what is there has written:

  sip_domain: contoso.example
  addresses: [192.0.2.10, 198.51.100.0/28]        # what may be dialled, whatever a name leads to
  names:                                          # where the external names are; without a port it is 443
    lyncdiscover.contoso.example: 192.0.2.10
    lyncweb-ext.contoso.example: 192.0.2.10
  internal_names: [lyncweb-int.contoso.example]   # no answer may lead there
  roots: roots.pem                                # without it those of the system
  accounts:                                       # one for each client; or lab: DIR, for those of a lab
    - {sip: "load{n}@contoso.example", login: 'CONTOSO\load{n}', password_file: load.secret, count: 100}

The levels are low (100 clients), medium (1,000) and high (10,000). The exit code is 1 when anything was not correct.`,
		Example: `  lyncpin load
  lyncpin load --level medium --proxy haproxy --svg load.svg
  lyncpin load --clients 5000 --sign-ins 100 --duration 10m --format json
  lyncpin lab --users 100 --write /tmp/lab     and elsewhere     lyncpin load --lab /tmp/lab
  lyncpin load --bench bench.yaml --clients 50`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := opts.planned(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return a.load(cmd.Context(), opts, plan)
		},
	}
	f := cmd.Flags()
	low := load.Low()
	f.Var(opts.level, "level", "who comes how fast and does what; the flags below change single numbers of it")
	f.IntVar(&opts.plan.Clients, "clients", low.Clients, "how many clients there are, a `number`")
	f.Float64Var(&opts.plan.SignIns, "sign-ins", low.SignIns, "the `number` that comes per second, and leaves per second in the end")
	f.DurationVar(&opts.plan.WarmUp, "warm-up", low.WarmUp, "after the last has come, the time whose latencies do not count")
	f.DurationVar(&opts.plan.Duration, "duration", low.Duration, "how long the `time` is that follows and counts")
	f.Float64Var(&opts.plan.Presence, "presence", low.Presence, "the `number` of changes of presence of each client per minute")
	f.Float64Var(&opts.plan.Messages, "messages", low.Messages, "the `number` of messages of each client per minute")
	f.Float64Var(&opts.churn, "churn", low.Churn*100, "the `number` of clients in a hundred that sign out and in again each minute")
	f.DurationVar(&opts.plan.PollTime, "poll", 3*time.Minute, "how long a silent poll is held, up to 30m")
	f.IntVar(&opts.ntlm, "ntlm", int(low.NTLM*100), "the `number` of clients in a hundred that log on by NTLM over their connection, which shows leaks of identity")
	f.StringVar(&opts.proxy, "proxy", "", "put a real proxy in the place of the lab's own: a `product` of "+strings.Join(peer.Products(), ", ")+", or "+noProxy)
	f.StringVar(&opts.lab, "lab", "", "load the lab that runs and has written its files into this `directory`")
	f.StringVar(&opts.bench, "bench", "", "load what this YAML `file` of its owner names")
	f.Var(opts.format, "format", "how the result is written: for people, for programs, or the numbers of each second")
	f.StringVar(&opts.svg, "svg", "", "write a plot over time into this `file`")
	wordsOf(cmd, "level", opts.level.words)
	wordsOf(cmd, "format", opts.format.words)
	wordsOf(cmd, "proxy", append(peer.Products(), noProxy))
	return cmd
}

// planned is the plan of the level with the numbers that were given.
func (o *loadOptions) planned(given func(flag string) bool) (load.Plan, error) {
	plan := map[string]func() load.Plan{"low": load.Low, "medium": load.Medium, "high": load.High}[o.level.value]()
	if given("clients") {
		plan.Clients = o.plan.Clients
	}
	if given("sign-ins") {
		plan.SignIns = o.plan.SignIns
	}
	if given("warm-up") {
		plan.WarmUp = o.plan.WarmUp
	}
	if given("duration") {
		plan.Duration = o.plan.Duration
	}
	if given("presence") {
		plan.Presence = o.plan.Presence
	}
	if given("messages") {
		plan.Messages = o.plan.Messages
	}
	if given("churn") {
		plan.Churn = o.churn / 100
	}
	if given("poll") {
		plan.PollTime = o.plan.PollTime
	}
	if given("ntlm") {
		plan.NTLM = float64(o.ntlm) / 100
	}
	var sources []string
	for _, s := range [][2]string{{"--lab", o.lab}, {"--bench", o.bench}, {"--proxy", o.proxy}} {
		if s[1] != "" {
			sources = append(sources, s[0])
		}
	}
	if len(sources) > 1 {
		return plan, usage("%s exclude each other: there is one target", strings.Join(sources, " and "))
	}
	if known := append(peer.Products(), noProxy); o.proxy != "" && !slices.Contains(known, o.proxy) {
		return plan, unknownWord("--proxy", "proxy", o.proxy, known)
	}
	return plan, nil
}

func (a *app) load(ctx context.Context, opts loadOptions, plan load.Plan) error {
	if err := plan.Validate(); err != nil {
		return usage("%v", err)
	}
	if opts.svg != "" {
		if err := canWrite(opts.svg); err != nil {
			return err
		}
	}
	if limit, known := openFiles(); known {
		if err := enoughDescriptors(plan.Clients, opts.inOneProcess(), limit); err != nil {
			return err
		}
	}
	target, done, err := a.loadTarget(ctx, opts, plan.Clients)
	if err != nil {
		return err
	}
	defer done()
	if a.env.StderrTerminal {
		plan.Progress = func(s load.Second) {
			fmt.Fprintf(a.env.Stderr, "\r%4d s  %6d polls held  %5d requests  %5d events  %5d faults  p99 %6.1f ms ", s.Second, s.PollsHeld, s.Requests, s.Events, s.Faults, s.P99)
		}
	}
	result, err := load.Run(ctx, target, plan)
	if a.env.StderrTerminal {
		fmt.Fprintln(a.env.Stderr)
	}
	if err != nil {
		plain := errors.New(strings.TrimPrefix(err.Error(), "load: "))
		if errors.Is(err, load.ErrRefused) {
			return hint(plain, "only the owner of what is there may write it under addresses in the bench file")
		}
		return plain
	}
	write := map[string]func() error{
		"text": func() error { return load.Text(a.env.Stdout, result) },
		"json": func() error { return load.JSON(a.env.Stdout, result) },
		"csv":  func() error { return load.CSV(a.env.Stdout, result) },
	}[opts.format.value]
	if err := write(); err != nil {
		return err
	}
	if opts.svg != "" {
		var plot bytes.Buffer
		if err := load.SVG(&plot, result); err != nil {
			return err
		}
		if err := writeFile(opts.svg, plot.Bytes()); err != nil {
			return err
		}
	}
	switch {
	case len(result.Faults) > 0:
		return exitError(exitFound)
	case ctx.Err() != nil:
		return ctx.Err()
	case !result.Correct():
		return exitError(exitFound)
	case result.Interrupted:
		return exitError(exitUnknown)
	}
	return nil
}

// inOneProcess is how many descriptors each client takes in the busiest of the processes that are started: a Front End has one,
// a proxy two, and the lab's own proxy is in the Front Ends' process.
func (o *loadOptions) inOneProcess() int {
	switch {
	case o.lab != "" || o.bench != "" || o.proxy == noProxy:
		return 1
	case o.proxy != "":
		return 2
	}
	return 3
}

// enoughDescriptors refuses what would fail in the middle because this system's limit of open files is too low.
func enoughDescriptors(clients, each, limit int) error {
	need := each * load.Descriptors(clients)
	if need <= limit {
		return nil
	}
	return hint(fmt.Errorf("%d clients need about %d open files in one process, and the limit is %d", clients, need, limit),
		"ulimit -Hn shows the limit; fewer --clients need less, and so does a lab without a proxy (--proxy none)")
}
