package cli

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"lyncpin/dns"
	"lyncpin/fakelync"
)

// partOptions are those of a part that runs alone.
type partOptions struct {
	config string
	check  bool
}

// partCommand is a command that reads a file and serves until it is interrupted.
func partCommand(name, short, long string, run func(context.Context, partOptions) error) *cobra.Command {
	var opts partOptions
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.config == "" {
				return usage("%s needs --config FILE", nameOf(cmd))
			}
			return run(cmd.Context(), opts)
		},
	}
	cmd.Flags().StringVar(&opts.config, "config", "", "read the configuration from this YAML `file`")
	cmd.Flags().BoolVar(&opts.check, "check", false, "check the configuration and stop")
	return cmd
}

func (a *app) dnsCommand() *cobra.Command {
	const long = `Dns runs the stub name server until it is interrupted. Its configuration has views, each with addresses to listen
on, zones (in zone-file text, a file, or single records) and behaviours for some names:

  views:
    - name: external
      listen: ["127.0.0.1:5353"]
      zones:
        - name: contoso.example
          records: ["lyncdiscover A 203.0.113.10"]
      behaviours:
        - {name: meet.contoso.example, rcode: SERVFAIL}

It answers for its zones alone and is never an open resolver.`
	return partCommand("dns", "Run the stub name server alone", long, func(ctx context.Context, opts partOptions) error {
		data, err := readFile(opts.config)
		if err != nil {
			return err
		}
		cfg, err := dns.LoadConfig(opts.config, data)
		if err != nil || opts.check {
			return a.checked(err)
		}
		srv, err := dns.Start(ctx, cfg)
		if err != nil {
			return startError(err, "dns: ")
		}
		for _, v := range cfg.Views {
			fmt.Fprintf(a.env.Stdout, "%s  %s\n", orDefault(v.Name), srv.Addr(v.Name))
		}
		a.ready()
		<-ctx.Done()
		return srv.Close()
	})
}

func (a *app) fakelyncCommand() *cobra.Command {
	const long = `Fakelync runs one Front End with its two web sites until it is interrupted: the internal one on 80 and 443, the
external one on 8080 and 4443, or where its configuration says:

  product: sfb-2015
  fqdn: fe1.contoso.example
  sip_domains: [contoso.example]
  internal: {http: 8000, https: 8443, web_fqdn: lyncweb-int.contoso.example, certificate: fe1.pem, key: fe1.key}
  external: {http: 8080, https: 4443, web_fqdn: lyncweb-ext.contoso.example, certificate: fe1.pem, key: fe1.key}`
	return partCommand("fakelync", "Run a fake Front End alone", long, func(ctx context.Context, opts partOptions) error {
		data, err := readFile(opts.config)
		if err != nil {
			return err
		}
		cfg, err := fakelync.LoadConfig(opts.config, data)
		if err != nil || opts.check {
			return a.checked(err)
		}
		cfg.Log = newJournal(a.env.Stderr, "text").log
		defer giveBack()()
		srv, err := fakelync.Start(ctx, cfg)
		if err != nil {
			return startError(err, "fakelync: ")
		}
		at := srv.Addrs()
		for _, l := range []struct{ what, addr string }{
			{"internal site, http ", at.InternalHTTP}, {"internal site, https", at.InternalHTTPS},
			{"external site, http ", at.ExternalHTTP}, {"external site, https", at.ExternalHTTPS},
		} {
			if l.addr != "" {
				fmt.Fprintf(a.env.Stdout, "%s  %s\n", l.what, l.addr)
			}
		}
		a.ready()
		<-ctx.Done()
		return srv.Close()
	})
}

// checked ends --check.
func (a *app) checked(err error) error {
	if err == nil {
		a.env.say("the configuration can be used")
	}
	return err
}

// orDefault is what a view without a name is called.
func orDefault(name string) string {
	if name == "" {
		return "default"
	}
	return name
}

// bindAdvice adds advice to an error of listening; cause is the error as it was.
func bindAdvice(shown, cause error) error {
	switch {
	case errors.Is(cause, syscall.EACCES):
		return hint(shown, "ports below 1024 need the privilege to bind them")
	case errors.Is(cause, syscall.EADDRINUSE):
		return hint(shown, "another program listens there")
	case errors.Is(cause, syscall.EADDRNOTAVAIL):
		return hint(shown, "this machine does not have that address")
	}
	return shown
}
