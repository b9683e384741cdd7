package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/lint"
	"lyncpin/internal/nearest"
	"lyncpin/internal/pfsense"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	product, format, failOn *oneOf
	installed               *oneOf
	ignore                  []string
	withProduct, files      bool
	listRules               bool
	names                   pfsense.Options
}

func (a *app) lintCommand() *cobra.Command {
	o := &lintOptions{
		product:   &oneOf{words: []string{lint.Nginx, lint.Apache, lint.HAProxy, lint.Squid, lint.PfSense}},
		installed: &oneOf{words: []string{lint.Nginx, lint.Apache, lint.HAProxy, lint.Squid}},
		format:    newOneOf("text", "json", "sarif"),
		failOn:    newOneOf("low", "medium", "high", "critical"),
	}
	o.failOn.value = "medium"
	cmd := &cobra.Command{
		Use:   "lint FILE ...",
		Short: "Find mistakes in the configuration of a reverse proxy, without running it",
		Long: `Lint reads configurations of nginx, Apache httpd, HAProxy and Squid, and backups of pfSense, and says what in them breaks
Lync or Skype for Business: the lines, the reason, and what to write instead. It looks only at what concerns Lync. "-" is
standard input. It reads included files, and what the products write themselves: nginx -T, apache2 -t -D DUMP_CONFIG.

A comment on the line of a finding, or above it, leaves the finding out: "# lyncpin: ignore NGX-07 REASON".

The severity "limit" is for what no configuration of the product cures. It is said, and never changes the exit code.
The exit code is 3 when nothing in the files concerns Lync, or one ends in the middle: not checked is not fine.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !o.listRules && o.installed.value == "" {
				return usage("lint needs the file of a configuration, or - for standard input")
			}
			if len(args) > 0 && o.installed.value != "" {
				return usage("--installed reads the configuration of this machine, and takes no file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.listRules {
				return a.listRules(o)
			}
			return a.lint(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.Var(o.product, "product", "the product whose configuration it is (default: the text tells)")
	flags.Var(o.format, "format", "how to write what was found")
	flags.Var(o.failOn, "fail-on", "severity from which a finding makes the exit code 1")
	flags.StringArrayVar(&o.ignore, "ignore", nil, "leave out what a rule finds, as `RULE=REASON` says; may be repeated")
	flags.Var(o.installed, "installed", "read the configuration of this product on this machine, and run its own check")
	flags.BoolVar(&o.withProduct, "with-product", false, "have the product itself check each file as well")
	flags.BoolVar(&o.files, "files", false, "read the certificates that the configuration names")
	flags.StringSliceVar(&o.names.SIPDomains, "sip-domain", nil, "the `name` of a SIP domain, where a backup of pfSense does not show it; may be repeated")
	flags.StringSliceVar(&o.names.ExternalWeb, "external-web", nil, "the `name` of external web services, where a backup of pfSense does not tell it; may be repeated")
	flags.BoolVar(&o.listRules, "list-rules", false, "list the rules and do nothing else")
	for name, flag := range map[string]*oneOf{"product": o.product, "format": o.format, "fail-on": o.failOn, "installed": o.installed} {
		wordsOf(cmd, name, flag.words)
	}
	return cmd
}

func (a *app) lint(ctx context.Context, args []string, o *lintOptions) error {
	opts, err := o.options()
	if err != nil {
		return err
	}
	var results []lint.Result
	if product := o.installed.value; product != "" {
		r, err := lintInstalled(ctx, product, opts)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	for _, name := range args {
		data, err := a.readInput(name)
		if err != nil {
			return err
		}
		if name == "-" {
			name = "standard-input"
		}
		r, err := o.text(name, data, opts)
		if err != nil {
			return err
		}
		if o.withProduct {
			if name == "standard-input" {
				return usage("--with-product needs a file: the product reads it itself")
			}
			out, err := ownCheck(ctx, r.Product, name)
			if err != nil {
				return err
			}
			r.Findings = slices.Concat(out.findings, r.Findings)
		}
		results = append(results, r)
	}
	if err := a.writeLint(results, o.format.value); err != nil {
		return err
	}
	return lintCode(results, o.failOn.value)
}

// text judges one file: a backup of pfSense, or a configuration.
func (o *lintOptions) text(name string, data []byte, opts lint.Options) (lint.Result, error) {
	if product := o.product.value; product == lint.PfSense || product == "" && pfsense.IsBackup(data) {
		return lintBackup(name, data, o.names, opts)
	}
	return lintText(name, data, o.product.value, opts)
}

// lintText judges the text of one configuration.
func lintText(name string, data []byte, product string, opts lint.Options) (lint.Result, error) {
	f, err := lint.Read(name, data, lint.ReadOptions{Product: product, Include: readIncluded})
	if err != nil {
		if _, ok := errors.AsType[*lint.UnknownProductError](err); ok {
			return lint.Result{}, hint(err, "--product says which one it is")
		}
		return lint.Result{}, err
	}
	return lint.ResultOf(f, opts), nil
}

// lintBackup judges a backup of pfSense.
func lintBackup(name string, data []byte, names pfsense.Options, opts lint.Options) (lint.Result, error) {
	b, err := pfsense.Parse(name, data)
	if err != nil {
		return lint.Result{}, err
	}
	r := lint.Result{File: name, Product: lint.PfSense, Lync: b.ConcernsLync(names), Notes: b.Notes}
	r.Findings = b.Check(name, names, time.Now())
	for i := range r.Findings {
		r.Findings[i].Suppressed = opts.Ignore[r.Findings[i].Rule.ID]
	}
	return r, nil
}

// options are what the rules need of the flags.
func (o *lintOptions) options() (lint.Options, error) {
	opts := lint.Options{Ignore: map[string]string{}}
	if o.files {
		opts.ReadFile = readFile
	}
	var known []string
	for _, r := range lintRules() {
		known = append(known, r.ID)
	}
	for _, word := range o.ignore {
		id, reason, _ := strings.Cut(word, "=")
		if strings.TrimSpace(reason) == "" {
			return opts, usage("--ignore takes RULE=REASON, and got %q", word)
		}
		if !slices.Contains(known, id) {
			text := fmt.Sprintf("unknown rule %q", id)
			if near := nearest.Word(id, known); near != "" {
				text += fmt.Sprintf(": did you mean %q?", near)
			}
			return opts, &usageError{text: text, hint: "lyncpin lint --list-rules shows what there is"}
		}
		opts.Ignore[id] = reason
	}
	return opts, nil
}

// lintRules are those of all products.
func lintRules() []lint.Rule { return slices.Concat(lint.Rules(), pfsense.Rules()) }

func (a *app) writeLint(results []lint.Result, format string) error {
	switch format {
	case "json":
		return lint.WriteJSON(a.env.Stdout, results)
	case "sarif":
		return lint.WriteSARIF(a.env.Stdout, results, lintRules(), "")
	}
	return lint.WriteText(a.env.Stdout, results, lint.TextOptions{Color: a.env.color(), Width: a.env.Width})
}

// lintCode is the exit code of results, nil for 0.
func lintCode(results []lint.Result, failOn string) error {
	looked, cut := false, false
	for _, r := range results {
		if slices.ContainsFunc(r.Findings, func(f lint.Finding) bool { return f.Fails(failOn) }) {
			return exitError(exitFound)
		}
		looked = looked || r.Lync
		cut = cut || r.Cut
	}
	if !looked || cut {
		return exitError(exitUnknown)
	}
	return nil
}

// listedRule is a rule in JSON.
type listedRule struct {
	ID       string `json:"id"`
	Product  string `json:"product"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
	Mode     string `json:"mode,omitempty"`
}

func (a *app) listRules(o *lintOptions) error {
	all := []listedRule{}
	for _, r := range lintRules() {
		if o.product.value == "" || r.Product == o.product.value {
			all = append(all, listedRule{r.ID, r.Product, r.Severity, r.Title, r.Mode})
		}
	}
	if o.format.value != "text" {
		return writeJSON(a.env.Stdout, all)
	}
	table := tabwriter.NewWriter(a.env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.Title, cmp.Or(r.Mode, "-"))
	}
	return table.Flush()
}

// maxIncluded is how many files one include may bring.
const maxIncluded = 500

// readIncluded returns the files that an include stands for.
func readIncluded(pattern string) ([]lint.Source, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var found []lint.Source
	for _, name := range names[:min(len(names), maxIncluded)] {
		info, err := os.Stat(name)
		if err != nil {
			return found, plainFileError(name, err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		data, err := readFile(name)
		if err != nil {
			return found, err
		}
		found = append(found, lint.Source{Name: name, Data: data})
	}
	return found, nil
}
