package probe

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// DryRun is what a run would do before it has heard of anything.
type DryRun struct {
	// Names are the host names that are asked for, sorted. Documents may name more.
	Names []string `json:"names"`
	// Ports are the TCP ports that are connected to, in rising order. Documents may name more.
	Ports []int `json:"ports"`
	// Accounts are the sign-in addresses of those who sign in, in order, each once.
	Accounts []string `json:"accounts,omitempty"`
	// Logons is the most log-ons with a right password that the run makes, of all accounts, clients and places together.
	Logons int `json:"logons"`
	// Wrong is the most log-ons that it makes with a wrong password: one for each account.
	Wrong int `json:"wrong"`
	// Unclear is the most log-ons that it makes when no answer tells whether the password is right.
	Unclear int `json:"unclear"`
}

// Attempts says what Observe would do, without asking anybody. It is an error when Observe would not begin.
func Attempts(target Target, vantages []*Vantage) (DryRun, error) {
	target, err := checked(target, vantages)
	if err != nil {
		return DryRun{}, err
	}
	names, ports := hostSet{}, map[int]bool{}
	var observers []*observer
	for _, v := range vantages {
		o := newObserver(v, nil, target, Limits{}, &hostSet{}, &hostSet{})
		observers = append(observers, o)
		if v.Seen == nil {
			o.foresee(&names, ports)
		}
	}
	var out DryRun
	ways := waysOf(observers)
	for _, o := range observers {
		for _, w := range ways[o] {
			out.Logons += maxLogons
			if !slices.Contains(out.Accounts, w.account.SIP) {
				out.Accounts = append(out.Accounts, w.account.SIP)
			}
		}
	}
	out.Wrong, out.Unclear = len(out.Accounts), len(out.Accounts)*maxUnclear
	out.Names = names.all()
	for p := range ports {
		out.Ports = append(out.Ports, p)
	}
	slices.Sort(out.Ports)
	return out, nil
}

// foresee notes the names and ports that a place asks for whatever it hears.
func (o *observer) foresee(names *hostSet, ports map[int]bool) {
	add := func(hosts ...string) {
		for _, h := range hosts {
			names.add(strings.ToLower(h))
		}
	}
	e := o.target.Expected
	if o.v.Name == Proxy {
		for _, w := range e.WebServers {
			if host, port, err := net.SplitHostPort(w.Address); err == nil {
				add(host)
				if n, err := strconv.ParseUint(port, 10, 16); err == nil {
					ports[int(n)] = true
				}
			}
		}
		for _, fe := range e.FrontEnds {
			add(fe)
			ports[443], ports[4443] = true, true
		}
		return
	}
	for _, d := range o.target.SIPDomains {
		add("lyncdiscoverinternal."+d, "lyncdiscover."+d, "sip."+d, unknownLabel+"."+d)
		for _, srv := range srvNames {
			add(srv + d)
		}
	}
	meet, dialin := o.simpleHosts()
	add(slices.Concat(e.ExternalWeb, e.InternalWeb, meet, dialin, e.OfficeWebApps)...)
	ports[80], ports[443] = true, true
	if o.v.Name == External {
		ports[4443] = true
	}
}
