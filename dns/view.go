package dns

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"sync/atomic"

	miekg "github.com/miekg/dns"
)

// localNetworks are the clients of a view that names none: whatever is not the public Internet.
var localNetworks = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("10.0.0.0/8"),      // private use, RFC 1918
	netip.MustParsePrefix("172.16.0.0/12"),   // private use, RFC 1918
	netip.MustParsePrefix("192.168.0.0/16"),  // private use, RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),   // shared, RFC 6598
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, RFC 3927
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation, RFC 5737
	netip.MustParsePrefix("198.51.100.0/24"), // documentation, RFC 5737
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation, RFC 5737
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarking, RFC 2544
	netip.MustParsePrefix("::1/128"),         // loopback
	netip.MustParsePrefix("fc00::/7"),        // private use, RFC 4193
	netip.MustParsePrefix("fe80::/10"),       // link-local
	netip.MustParsePrefix("2001:db8::/32"),   // documentation, RFC 3849
	netip.MustParsePrefix("3fff::/20"),       // documentation, RFC 9637
	netip.MustParsePrefix("2001:2::/48"),     // benchmarking, RFC 5180
}

// view is a View made ready: read-only but for the counters of its rules.
type view struct {
	name    string
	clients []netip.Prefix // masked
	zones   map[string]*zone
	rules   []*rule
}

// rule is a Behaviour made ready.
type rule struct {
	Behaviour
	name   string // a normal name
	below  bool   // matches below name, not name itself
	qtype  uint16 // TypeNone: any
	rcode  int    // if forced
	forced bool
	left   atomic.Int64 // with Times: how often it still applies
}

// endpoint is an address with the views behind it.
type endpoint struct {
	addr    netip.AddrPort
	udpOnly bool
	views   []*view
}

// configError is a mistake in a Config, and where it is.
type configError struct {
	path string // in the words of the configuration file, e.g. "views[0].listen[1]"
	err  error
}

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// compile checks cfg and makes it ready.
func (cfg Config) compile() ([]*endpoint, error) {
	if len(cfg.Views) == 0 {
		return nil, &configError{"views", errors.New("no views: there is nothing to serve")}
	}
	var endpoints []*endpoint
	names := map[string]bool{}
	for i, v := range cfg.Views {
		path := fmt.Sprintf("views[%d]", i)
		fail := func(field, format string, args ...any) error {
			return &configError{path + field, fmt.Errorf("view %q: %w", v.Name, fmt.Errorf(format, args...))}
		}
		if names[v.Name] {
			return nil, fail(".name", "the name is used twice")
		}
		names[v.Name] = true
		out := &view{name: v.Name, zones: map[string]*zone{}}
		for j, p := range v.Clients {
			if !p.IsValid() {
				return nil, fail(fmt.Sprintf(".clients[%d]", j), "client network %d is not valid", j+1)
			}
			out.clients = append(out.clients, p.Masked())
		}
		for j, z := range v.Zones {
			made, err := newZone(z)
			if err != nil {
				field := ""
				if ze, ok := errors.AsType[*zoneError](err); ok {
					field = "." + ze.field
				}
				return nil, fail(fmt.Sprintf(".zones[%d]%s", j, field), "%w", err)
			}
			if out.zones[made.name] != nil {
				return nil, fail(fmt.Sprintf(".zones[%d].name", j), "zone %s is there twice", z.Name)
			}
			out.zones[made.name] = made
		}
		for j, b := range v.Behaviours {
			made, field, err := newRule(b)
			if err != nil {
				return nil, fail(fmt.Sprintf(".behaviours[%d].%s", j, field), "behaviour for %q: %w", b.Name, err)
			}
			out.rules = append(out.rules, made)
		}
		if len(v.Addrs) == 0 {
			return nil, fail("", "no address to listen at")
		}
		for j, text := range v.Addrs {
			field := fmt.Sprintf(".listen[%d]", j)
			addr, err := netip.ParseAddrPort(text)
			if err != nil {
				return nil, fail(field, "address %q is not ip:port, such as 127.0.0.1:53", text)
			}
			if endpoints, err = join(endpoints, addr, out, v.UDPOnly); err != nil {
				return nil, fail(field, "address %s: %w", text, err)
			}
		}
	}
	return endpoints, nil
}

// join puts v behind addr, at an endpoint that is there or a new one.
func join(endpoints []*endpoint, addr netip.AddrPort, v *view, udpOnly bool) ([]*endpoint, error) {
	for _, e := range endpoints {
		if e.addr != addr || addr.Port() == 0 {
			continue
		}
		if e.udpOnly != udpOnly {
			return nil, fmt.Errorf("view %q there has TCP, and this one not, or the other way round", e.views[0].name)
		}
		for _, other := range e.views {
			switch {
			case other == v:
				return nil, errors.New("the address is there twice")
			case len(other.clients) == 0 && len(v.clients) == 0:
				return nil, fmt.Errorf("view %q has it too, and neither names its clients", other.name)
			}
			for _, p := range v.clients {
				for _, q := range other.clients {
					if p == q {
						return nil, fmt.Errorf("view %q has it too, and both have the clients %s", other.name, p)
					}
				}
			}
		}
		e.views = append(e.views, v)
		return endpoints, nil
	}
	return append(endpoints, &endpoint{addr: addr, udpOnly: udpOnly, views: []*view{v}}), nil
}

// newRule checks b. With an error it names the field at fault.
func newRule(b Behaviour) (r *rule, field string, err error) {
	r = &rule{Behaviour: b}
	name := b.Name
	switch rest, ok := strings.CutPrefix(name, "*."); {
	case name == "*" || name == "*.":
		r.below, name = true, "."
	case ok:
		r.below, name = true, rest
	}
	if r.name, err = normalName(name); err != nil {
		return nil, "name", fmt.Errorf("name %q: %w", b.Name, err)
	}
	if b.Type != "" {
		known := false
		if r.qtype, known = miekg.StringToType[strings.ToUpper(b.Type)]; !known || r.qtype == miekg.TypeNone {
			return nil, "type", fmt.Errorf("unknown record type %q", b.Type)
		}
	}
	if b.RCode != "" {
		// Codes past 15 need EDNS (RFC 6891 section 6.1.3), which the query may not have.
		r.rcode, r.forced = miekg.StringToRcode[strings.ToUpper(b.RCode)]
		if !r.forced || r.rcode > 15 {
			return nil, "rcode", fmt.Errorf("unknown response code %q (known are NXDOMAIN, SERVFAIL, REFUSED …)", b.RCode)
		}
	}
	if b.Delay < 0 {
		return nil, "delay", fmt.Errorf("delay %s is negative", b.Delay)
	}
	if b.Times < 0 {
		return nil, "times", fmt.Errorf("times %d is negative", b.Times)
	}
	r.left.Store(int64(b.Times))
	return r, "", nil
}

// view returns the view for a client, or nil. It is a matter of the longest prefix; the view without clients comes
// last, and for local networks only.
func (e *endpoint) view(client netip.Addr) *view {
	client = client.Unmap().WithZone("")
	var best, fallback *view
	bits := -1
	for _, v := range e.views {
		if len(v.clients) == 0 {
			fallback = v
		}
		for _, p := range v.clients {
			if p.Contains(client) && p.Bits() > bits {
				best, bits = v, p.Bits()
			}
		}
	}
	if best != nil || fallback == nil {
		return best
	}
	for _, p := range localNetworks {
		if p.Contains(client) {
			return fallback
		}
	}
	return nil
}

// rule returns the behaviour for a question and counts it, or nil.
func (v *view) rule(q miekg.Question) *rule {
	name, err := normalName(q.Name)
	if err != nil {
		return nil
	}
	for _, r := range v.rules {
		if r.matches(name, q.Qtype) && (r.Times == 0 || r.left.Add(-1) >= 0) {
			return r
		}
	}
	return nil
}

func (r *rule) matches(name string, qtype uint16) bool {
	switch {
	case r.qtype != miekg.TypeNone && r.qtype != qtype:
		return false
	case r.below:
		return name != r.name && miekg.IsSubDomain(r.name, name)
	}
	return name == r.name
}

// zone returns the zone of the view that holds name, a normal name, or nil: the one with the longest name.
func (v *view) zone(name string) *zone {
	for n := range withUpwards(name) {
		if z := v.zones[n]; z != nil {
			return z
		}
	}
	return nil
}

// withUpwards yields name and then the names above it.
func withUpwards(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if yield(name) {
			upwards(name)(yield)
		}
	}
}
