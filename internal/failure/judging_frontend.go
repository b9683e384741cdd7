package failure

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"lyncpin/probe"
)

// startSite is how the external web site of a Front End is started again.
const startSite = "On every Front End: Start-Website 'Skype for Business Server External Web Site' (IIS Manager shows the exact name), and see why it stopped in the System event log"

// behind is one address behind the proxy, as the place beside the proxy saw it.
type behind struct {
	at     *probe.Place
	ip     netip.Addr
	port   string
	scheme string
	// verified says that the proxy checks the certificate for name.
	verified bool
	name     string
	// direct says that this is a Front End's own address, and not one that the proxy forwards to.
	direct bool
	dial   *probe.Dial
	shakes []*probe.Handshake
	asked  []*probe.Exchange
}

// serversBehind are the Lync web servers that the proxy forwards to, and the Front Ends behind any balancer.
func serversBehind(v *probe.View) []behind {
	at, e := v.At(probe.Proxy), v.Expected()
	if !at.Seen() {
		return nil
	}
	var out []behind
	add := func(w probe.WebServer, direct bool) {
		host, port, ok := strings.Cut(w.Address, ":")
		if !ok || w.Application == "office-web-apps" {
			return
		}
		addrs := at.Resolve(host).Addrs
		if ip, err := netip.ParseAddr(host); err == nil {
			addrs = []netip.Addr{ip}
		}
		for _, ip := range addrs {
			b := behind{at: at, ip: ip, port: port, scheme: w.Scheme, name: w.Name, verified: w.Name != "", direct: direct}
			if slices.ContainsFunc(out, func(o behind) bool { return o.addr() == b.addr() }) {
				continue
			}
			b.dial = at.Dial(b.addr())
			for _, h := range at.Handshakes() {
				if h.Addr == b.addr() {
					b.shakes = append(b.shakes, h)
				}
			}
			for _, x := range at.Exchanges() {
				if x.Addr == b.addr() {
					b.asked = append(b.asked, x)
				}
			}
			out = append(out, b)
		}
	}
	for _, w := range e.WebServers {
		add(w, false)
	}
	for _, fe := range e.FrontEnds {
		for _, port := range []string{"443", "4443"} {
			add(probe.WebServer{Address: fe + ":" + port, Scheme: "https"}, true)
		}
	}
	return out
}

func (b *behind) addr() string {
	port, _ := strconv.ParseUint(b.port, 10, 16)
	return netip.AddrPortFrom(b.ip, uint16(port)).String()
}

// internalPort tells the ports of the internal web site.
func (b *behind) internalPort() bool { return b.port == "443" || b.port == "80" }

func (b *behind) connects() bool { return b.dial != nil && b.dial.Outcome.OK() }
func (b *behind) refuses() bool  { return b.dial != nil && b.dial.Outcome.Code == probe.Refused }
func (b *behind) silent() bool {
	return b.dial != nil && (b.dial.Outcome.Code == probe.Timeout || b.dial.Outcome.Code == probe.Unreachable)
}

// cut tells whether connections are taken and cut before TLS: a balancer without members, or a listener without
// certificate.
func (b *behind) cut() bool {
	if !b.connects() {
		return false
	}
	cut := false
	for _, h := range b.shakes {
		if h.Outcome.OK() || len(h.Chain) > 0 {
			return false
		}
		cut = cut || isCut(h.Outcome.Code)
	}
	for _, x := range b.asked {
		if x.Outcome.OK() {
			return false
		}
		cut = cut || isCut(x.Outcome.Code)
	}
	return cut
}

func isCut(code string) bool { return code == probe.Reset || code == probe.Closed }

// answer is an answer of the Lync services there that is no server error; nil when there is none.
func (b *behind) answer() *probe.Exchange {
	for _, x := range b.asked {
		if x.Outcome.OK() && x.Status < 500 && fromFrontEnd(x) {
			return x
		}
	}
	return nil
}

// failing is a server error there; nil when there is none.
func (b *behind) failing() *probe.Exchange {
	for _, x := range b.asked {
		root := x.Purpose == probe.GetRoot || x.Purpose == probe.GetRootLegacy || x.Purpose == probe.GetRootHTTP
		if root && (x.Outcome.OK() && x.Status >= 500 || isCut(x.Outcome.Code)) {
			return x
		}
	}
	return nil
}

// sawDown is evidence that nothing serves there.
func (b *behind) sawDown() probe.Evidence {
	switch x := b.failing(); {
	case !b.connects():
		return b.at.SawDial(b.dial, "%s does not take connections beside the proxy (%s)", b.addr(), b.dial.Outcome.Words())
	case x != nil && x.Outcome.OK():
		return b.at.SawExchange(x, "%s answers %d when asked straight, without the proxy", b.addr(), x.Status)
	case len(b.shakes) > 0:
		h := b.shakes[0]
		return b.at.SawHandshake(h, "%s takes the connection and cuts it (%s)", b.addr(), h.Outcome.Words())
	}
	return b.at.SawDial(b.dial, "%s takes the connection and cuts it without an answer", b.addr())
}

// sawServing is evidence of an answer there.
func (b *behind) sawServing() probe.Evidence {
	x := b.answer()
	return b.at.SawExchange(x, "%s answers %d when asked straight, without the proxy", b.addr(), x.Status)
}

// poolStopped tells the 503 that Windows gives for a stopped application pool.
func poolStopped(x *probe.Exchange) bool { return x.Status == 503 && !fromFrontEnd(x) && fromKernel(x) }

// handedOut are the hosts in the links that one of the two web sites gives, with the answer that shows it. Only the
// legacy documents say which site they are of; redirects lead to other deployments too, and user documents to both sites.
func handedOut(places []*probe.Place, site string) map[string]probe.Evidence {
	out := map[string]probe.Evidence{}
	for _, p := range places {
		for _, x := range p.Exchanges() {
			d := x.Document
			if d == nil || d.Redirect() != "" || x.Purpose == probe.SignInUser || !strings.EqualFold(d.AccessLocation, site) {
				continue
			}
			for _, h := range d.Hosts() {
				if _, ok := out[h]; !ok {
					out[h] = p.SawExchange(x, "%s at %s answers AccessLocation=%s, with links to %s", x.URL, x.Addr, d.AccessLocation, strings.Join(d.Hosts(), ", "))
				}
			}
		}
	}
	return out
}

// holdsFold tells whether the list has the name in any letter case.
func holdsFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(l string) bool { return strings.EqualFold(l, name) })
}
