package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lyncpin/internal/lab"
	"lyncpin/internal/peer"
	"lyncpin/internal/topology"
)

type labOptions struct {
	topologyOptions
	bind  *oneOf
	write string
	only  []string
	proxy string
	users int
	// attached makes the lab end with its standard input.
	attached bool
}

func (a *app) labCommand() *cobra.Command {
	opts := labOptions{bind: newOneOf(lab.Loopback, lab.Plan)}
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run a whole deployment on this machine for real tools and real proxies",
		Long: `Lab runs a topology until it is interrupted: a name server with an external and an internal view, Front Ends, the
servers beside them, and a reverse proxy. Everything is bound when the table of endpoints appears.

With --bind loopback everything listens on 127.0.0.1 at free ports. With --bind plan it listens on the addresses and
ports of the topology, which this machine (a network namespace, a virtual machine) must have: "lyncpin topology show
--addresses" lists them.

With --write, DIR gets the roots, the certificate and key for a proxy, the topology, and last endpoints.json, which says
where everything is. With --only dns,frontend a real proxy can take the place of the lab's. With --proxy one is started in it, with the configuration that
"lyncpin export" writes.`,
		Example: `  lyncpin lab
  lyncpin lab --fault proxy.port-not-flipped --write /tmp/lab
  lyncpin lab --only dns,frontend --write /tmp/lab`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lab(cmd.Context(), opts) },
	}
	f := cmd.Flags()
	opts.flags(cmd)
	f.StringVar(&opts.file, "topology", "", "YAML `file` of the topology, in place of the healthy one")
	f.Var(opts.bind, "bind", "where to listen")
	f.StringVar(&opts.write, "write", "", "write certificates and endpoints.json into this `directory`")
	f.StringSliceVar(&opts.only, "only", nil, "run these `parts` alone: dns, frontend, proxy")
	f.StringVar(&opts.proxy, "proxy", "", "put a real proxy in the place of the lab's own: a `product` of "+strings.Join(peer.Products(), ", "))
	f.IntVar(&opts.users, "users", 0, "add a `number` of accounts, load1@DOMAIN and so on, for clients of \"lyncpin load\"")
	f.BoolVar(&opts.attached, "attached", false, "end when standard input ends, too, and so with the program that started the lab")
	wordsOf(cmd, "bind", opts.bind.words)
	wordsOf(cmd, "proxy", peer.Products())
	wordsOf(cmd, "only", labParts)
	return cmd
}

var labParts = []string{lab.DNS, lab.FrontEnd, lab.Proxy}

func (a *app) lab(ctx context.Context, opts labOptions) error {
	for _, part := range opts.only {
		if !slices.Contains(labParts, part) {
			return unknownWord("--only", "part", part, labParts)
		}
	}
	t, err := opts.load()
	if err != nil {
		return err
	}
	if opts.users < 0 || opts.users > maxLabUsers {
		return usage("--users %d: want 0 to %d", opts.users, maxLabUsers)
	}
	addUsers(t, opts.users)
	run := lab.Options{Only: opts.only, Bind: opts.bind.value}
	if opts.proxy != "" {
		switch {
		case opts.bind.value == lab.Plan:
			return usage("--proxy is for --bind %s: with the addresses of the plan, start the product yourself beside --only dns,frontend", lab.Loopback)
		case opts.only != nil && !slices.Contains(opts.only, lab.Proxy):
			return usage("--proxy %s and --only %s exclude each other", opts.proxy, strings.Join(opts.only, ","))
		}
		if err := startable(opts.proxy, peer.Products()); err != nil {
			return err
		}
		run.Candidate = &lab.Candidate{Product: opts.proxy}
	}
	defer giveBack()()
	l, err := lab.Start(ctx, t, run)
	if err != nil {
		return labError(err, opts.bind.value)
	}
	defer l.Close() // also closed below, where its error counts
	dir := ""
	if opts.write != "" {
		if dir, err = filepath.Abs(opts.write); err != nil {
			return err
		}
		if err := l.WriteFiles(dir); err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "lab: "))
		}
	}
	if len(t.Paths) > 0 {
		a.env.say("note: part of this deployment is in the network between the machines; only lyncpin's own probes in "+
			"a lab pass through it, real tools do not: %s", pathWords(t.Paths))
	}
	if err := writeEndpoints(a.env.Stdout, t, l, opts, dir); err != nil {
		return err
	}
	a.env.say("running until interrupted")
	a.ready()
	if opts.attached {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		go func() {
			io.Copy(io.Discard, a.env.Stdin) // an error is an end as well
			end()
		}()
	}
	<-ctx.Done()
	return l.Close()
}

// maxLabUsers is more than one machine can sign in.
const maxLabUsers = 100_000

// addUsers adds accounts to the main SIP domain.
func addUsers(t *topology.Topology, n int) {
	domain := t.SIPDomains[0]
	windows, _, _ := strings.Cut(domain, ".")
	for i := range n {
		name := fmt.Sprintf("load%d", i+1)
		t.Users = append(t.Users, topology.User{
			SIP: name + "@" + domain, Login: strings.ToUpper(windows) + `\` + name, Password: fmt.Sprintf("lab-only-Anchor-%d", i+1),
		})
	}
}

// ready tells whoever waits that a command can be used.
func (a *app) ready() {
	if a.env.Ready != nil {
		a.env.Ready()
	}
}

func labError(err error, bind string) error {
	out := errors.New(strings.TrimPrefix(err.Error(), "lab: "))
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case bind == lab.Plan && errors.Is(err, syscall.EADDRNOTAVAIL):
		return hint(out, `this machine lacks the address; "lyncpin topology show --addresses" lists all that are needed`)
	case errors.Is(err, syscall.EACCES):
		return hint(out, "ports below 1024 need the privilege to bind them; --bind loopback needs none")
	}
	return out
}

func pathWords(paths []topology.Path) string {
	var out []string
	for _, p := range paths {
		words := p.Action + " " + p.To
		if p.Port != 0 {
			words += fmt.Sprintf(" port %d", p.Port)
		}
		if p.From != "" {
			words += " from " + p.From
		}
		out = append(out, words)
	}
	return strings.Join(out, "; ")
}

// writeEndpoints writes where everything is, and commands to try it with.
func writeEndpoints(w io.Writer, t *topology.Topology, l *lab.Lab, opts labOptions, dir string) error {
	e := l.Endpoints()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what, addr string) {
		if addr == "" {
			addr = "not bound"
		}
		fmt.Fprintf(table, "%s\t%s\n", what, addr)
	}
	if e.DNS != nil {
		line("name server, external view", e.DNS.External)
		line("name server, internal view", e.DNS.Internal)
	}
	if e.Proxy != nil {
		line("reverse proxy, HTTPS", e.Proxy.HTTPS)
		line("reverse proxy, HTTP", e.Proxy.HTTP)
	}
	for _, fe := range e.FrontEnds {
		line(fe.Name+", internal site, HTTPS", fe.InternalHTTPS)
		line(fe.Name+", internal site, HTTP", fe.InternalHTTP)
		line(fe.Name+", external site, HTTPS", fe.ExternalHTTPS)
		line(fe.Name+", external site, HTTP", fe.ExternalHTTP)
	}
	for i, u := range e.Users {
		if i == shownUsers {
			line(fmt.Sprintf("and %d more users", len(e.Users)-i), "in the topology and in endpoints.json")
			break
		}
		line("user "+u.SIP, u.Login+"  "+u.Password)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	trial := commands(t, e, dir)
	if len(trial) > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(trial, "\n"))
	}
	if dir != "" {
		fmt.Fprintf(w, "\nfiles are in %s\n", dir)
	}
	return nil
}

// shownUsers bounds the table.
const shownUsers = 20

// commands are lines that work when they are pasted into a shell.
func commands(t *topology.Topology, e lab.Endpoints, dir string) []string {
	var out []string
	discovery, inside := t.Discovery(0), t.InternalDiscovery(0)
	dig := func(server, name string) {
		if host, port, err := net.SplitHostPort(server); err == nil {
			out = append(out, fmt.Sprintf("dig @%s -p %s %s", host, port, name))
		}
	}
	curl := func(scheme, name, addr, root, more string) {
		if addr == "" {
			return
		}
		port := map[string]string{"https": "443", "http": "80"}[scheme]
		trust := ""
		if scheme == "https" {
			trust = "--insecure "
			if dir != "" {
				trust = "--cacert " + quote(filepath.Join(dir, root)) + " "
			}
		}
		out = append(out, fmt.Sprintf("curl --noproxy \"*\" %s--connect-to %s:%s:%s %s%s://%s/", trust, name, port, addr, more, scheme, name))
	}
	if e.DNS != nil {
		dig(e.DNS.External, discovery)
		dig(e.DNS.Internal, inside)
	}
	const ucwa, legacy = `-H "Accept: application/json" `, `-H "Accept: application/vnd.microsoft.rtc.autodiscover+xml;v=1" `
	if e.Proxy != nil {
		curl("https", discovery, e.Proxy.HTTPS, "public-roots.pem", ucwa)
		curl("http", discovery, e.Proxy.HTTP, "", legacy)
	}
	if len(e.FrontEnds) > 0 {
		fe := e.FrontEnds[0]
		curl("https", inside, fe.InternalHTTPS, "enterprise-roots.pem", ucwa)
		curl("https", discovery, fe.ExternalHTTPS, "enterprise-roots.pem", ucwa)
	}
	return out
}

// quote makes one word of text for a POSIX shell.
func quote(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:\\", r)
	}) || strings.Contains(text, `\`) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}
