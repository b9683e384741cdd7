package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// atPrefix begins the word of --proxy that says where a proxy is.
const atPrefix = "at="

// atLimits bound what is seen through a proxy at an address, besides the time in which a poll is held. A proxy on the bench takes as
// long as one in production.
var atLimits = probe.Limits{Repeats: 4, Total: 3 * time.Minute}

// atOptions are for a proxy at an address.
type atOptions struct {
	topology, frontEnds, authority, roots string
	hold                                  time.Duration
}

// atFlags are their names.
var atFlags = []string{"topology", "front-ends", "authority", "roots", "hold"}

func (o *atOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.topology, "topology", "", "with at= and --config: YAML `file` of the deployment around the proxy")
	f.StringVar(&o.frontEnds, "front-ends", "", "with at=: have the first Front End at this `address` of this machine, with the ports of the plan")
	f.StringVar(&o.authority, "authority", "", "with at=: keep the certification authority in this `directory`, with the certificate and key for the proxy")
	f.StringVar(&o.roots, "roots", "", "with at=: PEM `file` of roots to trust besides, for a proxy with a certificate of its own")
	f.DurationVar(&o.hold, "hold", defaultHold, "with at=: how long to hold a silent long poll; 0s means not at all")
}

// isAt tells whether the proxy is at an address. What follows the first word are its ports.
func isAt(words []string) bool { return len(words) > 0 && strings.HasPrefix(words[0], atPrefix) }

// parseAt reads HOST and what follows, as 443=8443 and 80=8080.
func parseAt(ctx context.Context, words []string) (map[int]netip.AddrPort, error) {
	host := strings.TrimPrefix(words[0], atPrefix)
	ports := map[int]int{443: 443, 80: 80}
	for _, word := range words[1:] {
		plan, real, _ := strings.Cut(word, "=")
		n, err := strconv.Atoi(plan)
		port, portErr := strconv.ParseUint(real, 10, 16)
		if _, known := ports[n]; err != nil || portErr != nil || !known || port == 0 {
			return nil, usage("--proxy at=…,%s: want 443=PORT or 80=PORT", word)
		}
		ports[n] = int(port)
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "":
		return nil, usage("--proxy at= needs a host or address")
	case err != nil && strings.ContainsAny(host, ":/"):
		return nil, usage("--proxy at=%s: want a host or address without a port; 443=PORT and 80=PORT after a comma say the ports", host)
	case err != nil:
		found, lookupErr := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if lookupErr != nil {
			return nil, fmt.Errorf("--proxy at=%s: %w", host, lookupErr)
		}
		addr = found[0]
	}
	out := map[int]netip.AddrPort{}
	for plan, real := range ports {
		out[plan] = netip.AddrPortFrom(addr.Unmap(), uint16(real))
	}
	return out, nil
}

// throughAt sets the bench up, without running anything.
func (a *app) throughAt(ctx context.Context, args []string, opts runOptions) (*bench, error) {
	at, err := parseAt(ctx, opts.proxy)
	if err != nil {
		return nil, err
	}
	o := &opts.at
	if o.hold < 0 {
		return nil, usage("--hold %s: want a duration of at least zero", o.hold)
	}
	t, err := o.deployment()
	if err != nil {
		return nil, err
	}
	c := &lab.Candidate{At: at}
	if o.frontEnds != "" {
		if c.FrontEnds, err = parseAddress("front-ends", o.frontEnds); err != nil {
			return nil, err
		}
		if left := scenarios.Reduce(t); len(left) > 0 {
			a.env.say("%s: left out, for the proxy is told of the Front End alone", strings.Join(left, ", "))
		}
	}
	if o.roots != "" {
		if _, err := rootsFrom("--roots", o.roots); err != nil {
			return nil, err
		}
		if c.Roots, err = readFile(o.roots); err != nil {
			return nil, err
		}
	}
	if err := a.canBind(ctx, c.Real(t)); err != nil {
		return nil, err
	}
	b := &bench{serial: true, run: scenarios.Options{Fresh: true, Limits: atLimits}}
	switch {
	case o.authority != "":
		authority, fresh, err := lab.Keep(o.authority, &t.Proxy)
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "lab: "))
		}
		b.run.Authority = authority
		for _, file := range fresh {
			a.env.say("a new certificate for the proxy is in %s, its key beside it: install them, and trust enterprise-roots.pem for the Front Ends", file)
		}
	case o.roots == "":
		return nil, hint(errors.New("--proxy at= needs --authority or --roots: no certificate of the proxy would be trusted"),
			"--authority DIR makes one for the proxy and keeps it; --roots FILE trusts the issuer of the one it has")
	default:
		a.env.say("the Front End's certificates are good for this run only: a proxy that verifies them needs --authority DIR")
	}
	deployment := scenarios.Deployment("deployment", t, o.hold)
	deployment.Kind, deployment.AnyFound = scenarios.KindBaseline, false // it is healthy, so that what is found is the proxy's
	list := []scenarios.Scenario{deployment}
	if len(args) > 0 {
		named, err := a.scenarios(args)
		if err != nil {
			return nil, err
		}
		list = scenarios.Around(t, named)
	}
	b.list = scenarios.Through("at", c, list)
	return b, nil
}

// deployment is the one around the proxy.
func (o *atOptions) deployment() (*topology.Topology, error) {
	if o.topology != "" {
		from := topologyOptions{file: o.topology}
		return from.load()
	}
	list, err := scenarios.Match([]string{"baseline/standard-edition"})
	if err != nil {
		return nil, err
	}
	return list[0].Topology(), nil
}

// canBind tries the addresses that the proxy forwards to.
func (a *app) canBind(ctx context.Context, real map[netip.Addr]netip.Addr) error {
	var missing, low []string
	for _, addr := range slices.SortedFunc(maps.Values(real), netip.Addr.Compare) {
		for _, port := range []uint16{0, 443, 80} {
			to := netip.AddrPortFrom(addr, port)
			ln, err := new(net.ListenConfig).Listen(ctx, "tcp", to.String())
			switch {
			case err == nil:
				ln.Close()
			case errors.Is(err, syscall.EADDRNOTAVAIL):
				missing = append(missing, addr.String())
			case errors.Is(err, syscall.EACCES):
				low = append(low, to.String())
			default:
				return fmt.Errorf("%s cannot be bound for the proxy: %w", to, err)
			}
			if err != nil && port == 0 {
				break
			}
		}
	}
	if len(missing) > 0 {
		var lines []string
		for _, addr := range missing {
			lines = append(lines, "ip addr add "+addr+" dev INTERFACE")
		}
		return hint(fmt.Errorf("this machine lacks %s, which the proxy forwards to", strings.Join(missing, ", ")),
			"%s; or --front-ends ADDRESS takes one that it has", strings.Join(lines, "; "))
	}
	if len(low) > 0 {
		how := ""
		if runtime.GOOS == "linux" {
			how = "; sysctl net.ipv4.ip_unprivileged_port_start=80 allows it"
		}
		a.env.say("this user may not bind %s: a proxy whose ports are not flipped is refused there, and not named for it%s", strings.Join(low, ", "), how)
	}
	return nil
}
