package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lyncpin/probe"
	"lyncpin/proxy"
)

type proxyOptions struct {
	config     string
	check      bool
	logFormat  *oneOf
	https      []string
	http       []string
	webServers []string
	hosts      []string
	cert, key  string
	ca         string
}

func (a *app) proxyCommand() *cobra.Command {
	opts := proxyOptions{logFormat: newOneOf("text", "json")}
	cmd := &cobra.Command{
		Use:   "proxy",
		Short: "Run the reverse proxy alone",
		Long: `Proxy runs a reverse proxy for web services until it is interrupted. It reads its configuration from a file again on
SIGHUP; a file with a mistake is refused with its place, and the old configuration stays in use.

Without a file, flags publish some hosts to one or several web servers. Those for https want 4443 and those for http
8080, the external web site of a Front End, when they give no port.`,
		Example: `  lyncpin proxy --config proxy.yaml
  lyncpin proxy --listen-https :443 --cert fullchain.pem --key key.pem \
      --web-server https://fe1.contoso.example --ca enterprise-root.pem \
      --host lyncdiscover.contoso.example --host lyncweb-ext.contoso.example`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.proxy(cmd, opts) },
	}
	f := cmd.Flags()
	f.StringVar(&opts.config, "config", "", "read the configuration from this YAML `file`")
	f.BoolVar(&opts.check, "check", false, "check the configuration, say what deserves a second look, and stop")
	f.Var(opts.logFormat, "log-format", "how to write the log, on standard error")
	f.StringArrayVar(&opts.https, "listen-https", nil, "listen for HTTPS at this `address`, such as :443 or 203.0.113.10:443; may be repeated")
	f.StringArrayVar(&opts.http, "listen-http", nil, "listen for HTTP at this `address`, such as :80; may be repeated")
	f.StringArrayVar(&opts.webServers, "web-server", nil, "forward to the web server of this `URL`, such as https://10.10.10.11:4443; may be repeated")
	f.StringArrayVar(&opts.hosts, "host", nil, "publish this `name`, or *.suffix; may be repeated")
	f.StringVar(&opts.cert, "cert", "", "PEM `file` of the certificate with its intermediates")
	f.StringVar(&opts.key, "key", "", "PEM `file` of the certificate's key; left out: that of --cert")
	f.StringVar(&opts.ca, "ca", "", "PEM `file` of the roots that web servers are verified against, in place of the system's")
	wordsOf(cmd, "log-format", opts.logFormat.words)
	return cmd
}

// simpleFlags are those that --config replaces.
var simpleFlags = []string{"listen-https", "listen-http", "web-server", "host", "cert", "key", "ca"}

func (a *app) proxy(cmd *cobra.Command, opts proxyOptions) error {
	cfg, err := opts.load(cmd.Flags())
	if err != nil {
		return err
	}
	if opts.check {
		warnings := cfg.Check()
		for _, w := range warnings {
			fmt.Fprintln(a.env.Stdout, w)
		}
		a.env.say("the configuration can be used; %s a second look", probe.Count(len(warnings), "setting deserves", "settings deserve"))
		return nil
	}
	journal := newJournal(a.env.Stderr, opts.logFormat.value)
	defer journal.flush()
	log := journal.log
	cfg.Log, cfg.Access = log, journal.request
	reload, stop := a.reloads()
	defer stop()
	srv, err := proxy.Start(cmd.Context(), cfg)
	if err != nil {
		return startError(err, "proxy: ")
	}
	for _, addr := range srv.HTTPSAddrs() {
		fmt.Fprintf(a.env.Stdout, "https  %s\n", addr)
	}
	for _, addr := range srv.HTTPAddrs() {
		fmt.Fprintf(a.env.Stdout, "http   %s\n", addr)
	}
	defer giveBack()()
	a.ready()
	for {
		select {
		case <-cmd.Context().Done():
			return srv.Close()
		case <-reload:
			reloadProxy(srv, opts, cmd.Flags(), log)
		}
	}
}

// reloadProxy reads the configuration again. A mistake in it is logged, and nothing changes.
func reloadProxy(srv *proxy.Server, opts proxyOptions, flags *pflag.FlagSet, log *slog.Logger) {
	cfg, err := opts.load(flags)
	if err == nil {
		err = srv.Reload(cfg)
	}
	if err != nil {
		log.Error("the new configuration is refused, and the old one stays in use", "error", strings.TrimPrefix(err.Error(), "proxy: "))
		return
	}
	log.Info("the configuration was read again", "file", opts.config)
}

// load makes the configuration of the file or of the flags.
func (o *proxyOptions) load(flags *pflag.FlagSet) (proxy.Config, error) {
	if o.config != "" {
		for _, name := range simpleFlags {
			if flags.Changed(name) {
				return proxy.Config{}, usage("--%s and --config exclude each other: the file says it all", name)
			}
		}
		data, err := readFile(o.config)
		if err != nil {
			return proxy.Config{}, err
		}
		return proxy.LoadConfig(o.config, data)
	}
	if len(o.webServers) == 0 || len(o.hosts) == 0 || len(o.https)+len(o.http) == 0 {
		return proxy.Config{}, usage("the proxy needs --config, or a listener, a --web-server and a --host at least")
	}
	cfg := proxy.Config{HTTPS: o.https, HTTP: o.http}
	rule := proxy.Rule{Name: "published", Hosts: o.hosts}
	if len(o.webServers) > 1 {
		rule.Balance = "source"
	}
	roots, err := rootsFrom("--ca", o.ca)
	if err != nil {
		return cfg, err
	}
	for i, text := range o.webServers {
		w, err := webServer(text, roots)
		if err != nil {
			return cfg, err
		}
		w.Alias = fmt.Sprintf("web%d", i+1)
		cfg.WebServers = append(cfg.WebServers, w)
		rule.WebServers = append(rule.WebServers, w.Alias)
	}
	cfg.Rules = []proxy.Rule{rule}
	return cfg, o.certificate(&cfg)
}

// certificate loads --cert and --key.
func (o *proxyOptions) certificate(cfg *proxy.Config) error {
	switch {
	case len(o.https) > 0 && o.cert == "":
		return usage("--listen-https needs a certificate: --cert and --key")
	case o.cert == "":
		return nil
	case o.key == "":
		o.key = o.cert
	}
	certPEM, err := readFile(o.cert)
	if err != nil {
		return err
	}
	keyPEM, err := readFile(o.key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return fmt.Errorf("--cert %s with --key %s: %s", o.cert, o.key, strings.TrimPrefix(err.Error(), "tls: "))
	}
	cfg.Certificates = []proxy.Certificate{{Certificate: pair}}
	return nil
}

// webServer reads a URL.
func webServer(text string, roots *x509.CertPool) (proxy.WebServer, error) {
	wrong := func(why string) (proxy.WebServer, error) {
		return proxy.WebServer{}, usage("--web-server %s: %s; want a URL such as https://10.10.10.11:4443", text, why)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return wrong("no host in it")
	case u.Scheme != "https" && u.Scheme != "http":
		return wrong("the scheme is neither https nor http")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return wrong("only scheme, host and port have a meaning")
	}
	w := proxy.WebServer{Scheme: u.Scheme, Address: u.Hostname(), RootCAs: roots}
	if u.Port() != "" {
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || n == 0 {
			return wrong("the port is no number up to 65535")
		}
		w.Port = int(n)
	}
	return w, nil
}

// reloads yields when a configuration is to be read again.
func (a *app) reloads() (<-chan struct{}, func()) {
	if a.env.Reload != nil {
		return a.env.Reload, func() {}
	}
	return reloadSignal()
}

// startError takes the package's name off an error of a server's start, and adds advice.
func startError(err error, prefix string) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return bindAdvice(errors.New(strings.TrimPrefix(err.Error(), prefix)), err)
}
