package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lyncpin/internal/grid"
	"lyncpin/internal/nearest"
	"lyncpin/internal/peer"
)

type gridOptions struct {
	proxies, requests []string
	format            *oneOf
	output            string
}

func (a *app) gridCommand() *cobra.Command {
	opts := gridOptions{format: newOneOf("text", "json", "html")}
	cmd := &cobra.Command{
		Use:   "grid",
		Short: "Send telling requests through several reverse proxies and show what each makes of them",
		Long: `Grid sends requests, byte for byte, straight to a web server, through the proxy of lyncpin, and through every reverse
proxy product that is installed here, as "lyncpin export" configures it. It shows what the web server received and what the client
got: what is the same, what differs, what was refused, what broke, and what lets one client speak for another.

It is information about proxies, not a test of a deployment. Exit codes: 0 it ran, 1 the proxy of lyncpin broke something or was
unsafe, 2 wrong usage, 3 a product that was named is not installed.`,
		Example: `  lyncpin grid
  lyncpin grid --proxy nginx,haproxy --requests 'url-*'
  lyncpin grid --format html --output grid.html`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.grid(cmd, opts) },
	}
	cmd.Flags().StringSliceVar(&opts.proxies, "proxy", []string{"all"}, "the `products`, with commas between them: "+strings.Join(grid.Proxies(), ", ")+"; all are those that are installed")
	cmd.Flags().StringSliceVar(&opts.requests, "requests", nil, "only requests whose ID or group fits the `glob`")
	cmd.Flags().Var(opts.format, "format", "how to write the grid")
	cmd.Flags().StringVar(&opts.output, "output", "", "write to this `file`, not to standard output")
	wordsOf(cmd, "format", opts.format.words)
	wordsOf(cmd, "proxy", append([]string{"all"}, grid.Proxies()...))
	return cmd
}

func (a *app) grid(cmd *cobra.Command, opts gridOptions) error {
	run := grid.Options{Requests: opts.requests}
	if !slices.Contains(opts.proxies, "all") {
		run.Proxies = []string{}
		for _, p := range opts.proxies {
			if p == grid.Direct {
				continue // it is always there
			}
			if !slices.Contains(grid.Proxies(), p) {
				return unknownProxy(p)
			}
			run.Proxies = append(run.Proxies, p)
		}
	}
	shown := false
	run.OnDone = func(done, total int) {
		if a.env.StderrTerminal {
			fmt.Fprintf(a.env.Stderr, "\r\x1b[K%d of %d", done, total)
			shown = true
		}
	}
	res, err := grid.Run(cmd.Context(), run)
	if shown {
		fmt.Fprint(a.env.Stderr, "\r\x1b[K")
	}
	if none, ok := errors.AsType[*grid.NoRequestError](err); ok {
		return unknownRequest(none)
	}
	if missing, ok := errors.AsType[*peer.MissingError](err); ok {
		a.env.say("%v", missing)
		return exitError(exitUnknown)
	}
	if err != nil {
		return err
	}
	if run.Proxies == nil {
		a.sayLeftOut(res)
	}
	if err := a.writeGrid(res, opts); err != nil {
		return err
	}
	if res.Bad(grid.Ours) {
		return exitError(exitFound)
	}
	return nil
}

// sayLeftOut names the products that "all" did not mean.
func (a *app) sayLeftOut(res *grid.Result) {
	var out []string
	for _, p := range grid.Proxies() {
		if !slices.ContainsFunc(res.Proxies, func(c grid.Column) bool { return c.Name == p }) {
			out = append(out, p)
		}
	}
	if len(out) > 0 {
		a.env.say("not installed, and so not asked: %s", strings.Join(out, ", "))
	}
}

func (a *app) writeGrid(res *grid.Result, opts gridOptions) (err error) {
	var w io.Writer = a.env.Stdout
	if opts.output != "" {
		file, err := os.Create(opts.output)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		w = file
	}
	switch opts.format.value {
	case "json":
		return res.JSON(w)
	case "html":
		return res.HTML(w)
	}
	return res.Text(w)
}

func unknownProxy(word string) error {
	known := append([]string{"all"}, grid.Proxies()...)
	text := fmt.Sprintf("--proxy %s: ", word)
	if near := nearest.Word(word, known); near != "" {
		text += fmt.Sprintf("did you mean %q? ", near)
	}
	return usage("%sknown are %s", text, strings.Join(known, ", "))
}

func unknownRequest(none *grid.NoRequestError) error {
	var known []string
	for _, c := range grid.Cases() {
		known = append(known, c.ID, c.Group)
	}
	if near := nearest.Word(none.Glob, known); near != "" {
		return usage("--requests %s fits no request: did you mean %q?", none.Glob, near)
	}
	return usage("--requests %s fits no request", none.Glob)
}
