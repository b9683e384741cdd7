// Command bench measures the proxy beside others, on this machine, in one run, and checks in the same configuration that each does
// what it is there for.
//
//	go run ./bench                                    # everything; 20 minutes
//	go run ./bench --peers nginx --measures get       # one figure beside one product
//	go run ./bench --before /tmp/lyncpin --peers ""   # this source beside an older binary
//	go run ./bench --quick                            # the checks, and whether anything can be measured
//
// # Model
//
// Clients, proxies and the web server are processes of their own; all talk TLS over loopback. A round measures each proxy once,
// one after the other, and a ratio is that of two figures of one round: what disturbs the machine for a while disturbs both. What is
// printed is the median of the ratios, with the least and the most. Processor time is that of all processes of a proxy, from /proc.
//
// The exit code is 1 when our proxy misses a goal or fails a check, and 2 when nothing could be measured.
//
// # Limits
//
// Linux only. Absolute figures hold for this machine and this minute. Load stays on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// options are what a person says.
type options struct {
	rounds   int
	seconds  time.Duration
	polls    int
	settling time.Duration // before memory is read
	peers    []string
	measures []string
	json     string
	quick    bool
	long     bool
	programs map[string]string // of lyncpin, by contestant; empty where it is to be built, or not there
}

func main() {
	runtime.LockOSThread() // programs end with the thread that started them
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := mainCode(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func mainCode(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == roleArg {
		if err := runRole(ctx, args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	o, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	var r *result
	if err == nil {
		err = supported()
	}
	if err == nil {
		r, err = run(ctx, o)
	}
	if err == nil && o.json != "" {
		err = r.save(o.json)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	r.write(os.Stdout)
	if !r.good() {
		return 1
	}
	return 0
}

func parse(args []string) (options, error) {
	var o options
	var seconds float64
	var lyncpin, before string
	f := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	f.IntVar(&o.rounds, "rounds", 5, "measure each proxy so often")
	f.Float64Var(&seconds, "seconds", 3, "measure for so long, each time")
	f.IntVar(&o.polls, "polls", 5000, "hold so many polls")
	f.StringSliceVar(&o.peers, "peers", names(contestants(), func(c contestant) string { return c.name }), "the proxies; ours is always among them")
	f.StringSliceVar(&o.measures, "measures", names(measures(), func(m measure) string { return m.name }), "what to measure")
	f.StringVar(&o.json, "json", "", "write all figures to this `file`")
	f.BoolVar(&o.quick, "quick", false, "check, and measure a little, once and briefly; no goal is judged")
	f.BoolVar(&o.long, "long", false, "check a poll of 190 seconds, too")
	f.StringVar(&lyncpin, "lyncpin", "", "measure this `binary` as ours, in place of what is built from the module")
	f.StringVar(&before, "before", "", "measure this `binary`, too: an older one of ours")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.settling = 5 * time.Second
	o.seconds = time.Duration(seconds * float64(time.Second))
	o.programs = map[string]string{ours: lyncpin, older: before}
	if o.quick {
		o.rounds, o.seconds, o.polls, o.settling = 1, time.Second/2, 100, time.Second/2
		if !f.Changed("measures") {
			o.measures = []string{"get"}
		}
	}
	if o.rounds < 1 || o.seconds <= 0 || o.polls < 1 {
		return o, errors.New("--rounds, --seconds and --polls must be more than nothing")
	}
	return o, errors.Join(known("--peers", o.peers, names(contestants(), func(c contestant) string { return c.name })),
		known("--measures", o.measures, names(measures(), func(m measure) string { return m.name })))
}
