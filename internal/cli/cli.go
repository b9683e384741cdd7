// Package cli is the command line: one file for each subcommand.
//
//	os.Exit(cli.Main(ctx, os.Args[1:], cli.System()))
//
// # Model
//
// Results go to standard output, talk to standard error. [Main] returns the exit code and ends no process itself:
//
//	0  clear: nothing at or above --fail-on was found
//	1  something was found, or a scenario failed
//	2  wrong usage or bad input; nothing was done
//	3  could not tell: nothing was found, but something could not be decided
//
// What the system gives a process comes in with [Env], so that tests run commands side by side.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"lyncpin/internal/nearest"
	"lyncpin/scenarios"
)

// Exit codes.
const (
	exitClear   = 0
	exitFound   = 1
	exitUsage   = 2
	exitUnknown = 3
)

// Env is what a command gets from the system.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv reads a variable of the environment.
	Getenv func(string) string
	// StdoutTerminal and StderrTerminal say that a person reads there.
	StdoutTerminal, StderrTerminal bool
	// ReadPassword asks a person for a password without showing it. Nil means that nobody is there to be asked.
	ReadPassword func(prompt string) (string, error)
	// CacheDir is where programs keep what they need from run to run; empty means that there is no such place.
	CacheDir string
	// Width is the terminal's, in characters; zero means that it is not known.
	Width int
	// Ready is told when a command that runs until it is interrupted is ready to be used. Nil means nobody is.
	Ready func()
	// Reload, when it yields, makes a running proxy read its configuration again. Nil means the signal SIGHUP, where
	// the system has it.
	Reload <-chan struct{}
}

// System is the environment of the process.
func System() Env {
	env := Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		StdoutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		env.ReadPassword = func(prompt string) (string, error) {
			fmt.Fprint(os.Stderr, prompt)
			password, err := term.ReadPassword(stdin)
			fmt.Fprintln(os.Stderr)
			return string(password), err
		}
	}
	if dir, err := os.UserCacheDir(); err == nil {
		env.CacheDir = dir
	}
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		env.Width = w
	}
	return env
}

// color says whether standard output gets colours: https://no-color.org.
func (e *Env) color() bool {
	return e.StdoutTerminal && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
}

// say writes one line of talk.
func (e *Env) say(format string, args ...any) {
	fmt.Fprintf(e.Stderr, "lyncpin: "+format+"\n", args...)
}

// exitError ends a command with an exit code and without another word.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// hinted is an error with a line of advice.
type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

func hint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// Main runs a command and returns its exit code. The end of ctx interrupts it.
func Main(ctx context.Context, args []string, env Env) int {
	a := &app{env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitClear
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		env.say("interrupted")
		return exitUnknown
	}
	a.complain(cmd, err)
	return exitUsage
}

// app is one invocation.
type app struct {
	env Env
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lyncpin",
		Short: "Find what is wrong with the discovery and web services of Lync and Skype for Business Server",
		Long: `lyncpin shows whether a Lync or Skype for Business Server deployment can be discovered and used from inside,
from the Internet and from a phone, and if not, which one thing is wrong and what to change.

Start with:
  lyncpin probe USER@DOMAIN                     troubleshooting: what is wrong with a real deployment, seen from here
  lyncpin lab --only dns,frontend --write DIR   lab validation: a whole deployment around your own proxy, to be probed
  lyncpin run --proxy nginx                     the same with a real nginx (HAProxy, Squid, Apache, Caddy) in the lab
  lyncpin export haproxy; lyncpin lint FILE     a configuration that is right; the mistakes in one that exists
  lyncpin run --format junit                    CI: every known fault in a lab of its own, and each must be named

Exit codes: 0 clear, 1 something was found, 2 wrong usage or bad input, 3 could not tell.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		a.runCommand(),
		a.probeCommand(),
		a.diagnoseCommand(),
		a.lintCommand(),
		a.labCommand(),
		a.loadCommand(),
		a.proxyCommand(),
		a.dnsCommand(),
		a.fakelyncCommand(),
		a.listCommand(),
		a.explainCommand(),
		a.gridCommand(),
		a.topologyCommand(),
		a.exportCommand(),
		a.importCommand(),
		a.versionCommand(),
	)
	return root
}

// complain writes an error on one line, and advice on another.
func (a *app) complain(cmd *cobra.Command, err error) {
	text := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(a.env.Stderr, "lyncpin: %s\n", text)
	if h, ok := errors.AsType[*hinted](err); ok {
		fmt.Fprintf(a.env.Stderr, "hint: %s\n", h.hint)
		return
	}
	if u, ok := errors.AsType[*usageError](err); ok && u.hint == "" {
		fmt.Fprintf(a.env.Stderr, "hint: %s --help shows what there is\n", cmd.CommandPath())
	} else if ok {
		fmt.Fprintf(a.env.Stderr, "hint: %s\n", u.hint)
	}
}

// usageError is a wrong command line.
type usageError struct {
	text, hint string
}

func (e *usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return &usageError{text: fmt.Sprintf(format, args...)} }

// flagError words what the flag library complains about, with the nearest flag for an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	out := &usageError{text: err.Error()}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			out.text = fmt.Sprintf("unknown flag -%s of %s: flags have whole names", name, nameOf(cmd))
			return out
		}
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		out.text = fmt.Sprintf("unknown flag --%s of %s", name, nameOf(cmd))
		if near := nearest.Word(name, known); near != "" {
			out.text += fmt.Sprintf(": did you mean --%s?", near)
		}
	}
	return out
}

// nameOf is a command's name without the program's.
func nameOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), "lyncpin ")
}

// noArgs refuses arguments. For a command that only holds others, the argument is an unknown subcommand.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return usage("%s takes no argument, and got %q", nameOf(cmd), args[0])
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	return usage("%v", &scenarios.UnknownError{What: "command", Word: args[0], Nearest: nearest.Word(args[0], known)})
}

// needCommand is what a command does that only holds others.
func needCommand(cmd *cobra.Command, _ []string) error {
	var known []string
	for _, c := range cmd.Commands() {
		known = append(known, c.Name())
	}
	return usage("%s needs one of %s", nameOf(cmd), strings.Join(known, ", "))
}

// oneOf is a flag that takes one of some words.
type oneOf struct {
	value string
	words []string
}

func newOneOf(value string, more ...string) *oneOf {
	return &oneOf{value: value, words: append([]string{value}, more...)}
}

// String, Set and Type implement pflag.Value.
func (o *oneOf) String() string { return o.value }
func (o *oneOf) Type() string   { return strings.Join(o.words, "|") }

func (o *oneOf) Set(word string) error {
	for _, w := range o.words {
		if w == word {
			o.value = w
			return nil
		}
	}
	if near := nearest.Word(word, o.words); near != "" {
		return fmt.Errorf("did you mean %q? Known are %s", near, strings.Join(o.words, ", "))
	}
	return fmt.Errorf("known are %s", strings.Join(o.words, ", "))
}

// chosen tells whether it is another word than the one it begins with.
func (o *oneOf) chosen() bool { return o.value != o.words[0] }

// wordsOf registers completion of a flag's words.
func wordsOf(cmd *cobra.Command, flag string, words []string) {
	// The only error is an unknown flag, which every test of the command would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
