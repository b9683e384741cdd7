package pfsense

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// endpoint is an address and port at which one of the proxies listens.
type endpoint struct {
	who  string
	addr netip.Addr // invalid when the backup does not say it
	name string     // of the interface
	port int
	line int
}

// endpoints are those of Squid and HAProxy that are written.
func (b *Backup) endpoints() (squid, haproxy []endpoint) {
	if s := b.squid; s != nil && (s.enabled == nil || *s.enabled) {
		for _, l := range []struct {
			on    bool
			port  int
			field string
		}{{s.https, s.httpsPort, "reverse_https_port"}, {s.http || s.exchangeHTTP, s.httpPort, "reverse_http_port"}} {
			line := max(s.general.child(l.field).line, s.general.line)
			if !l.on {
				continue
			}
			for _, name := range list(orWAN(s.general.value("reverse_interface")), ",") {
				squid = append(squid, endpoint{"Squid", b.addressOf(name), name, l.port, line})
			}
			for _, text := range list(s.general.value("reverse_ip"), ";") {
				squid = append(squid, endpoint{"Squid", b.addressOf(strings.Trim(text, "[]")), text, l.port, line})
			}
		}
	}
	if h := b.haproxy; h != nil && h.enabled {
		for _, l := range h.listeners() {
			for _, x := range l.binds {
				haproxy = append(haproxy, endpoint{l.where(), x.addr, strings.TrimSuffix(x.name, "_ipv4"), x.port, x.line})
			}
		}
	}
	return squid, haproxy
}

func orWAN(name string) string {
	if name = clean(name); name != "" {
		return name
	}
	return "wan"
}

// same tells whether two endpoints are one.
func (e endpoint) same(o endpoint) bool {
	if e.port != o.port || e.port == 0 {
		return false
	}
	if e.addr.IsValid() && o.addr.IsValid() {
		return e.addr == o.addr || e.addr.IsUnspecified() || o.addr.IsUnspecified()
	}
	return e.name == o.name
}

// checkClash finds two listeners in one place.
func (c *checker) checkClash() {
	squid, haproxy := c.endpoints()
	all := append(squid, haproxy...)
	if len(c.found) == 0 && c.names.domains == nil {
		return // neither proxy publishes Lync
	}
	for i, e := range all {
		for _, o := range all[:i] {
			if e.same(o) && (e.who != o.who || e.addr.IsUnspecified()) {
				c.add("PFS-13", place{line: e.line, where: e.who},
					fmt.Sprintf("%s and %s both listen at port %d of %s: the one that starts last cannot, and says so in its log only.", o.who, e.who, e.port, e.name),
					"another address or port for one of them, or switch one off")
				break
			}
		}
	}
}

// checkBase judges what of the firewall decides whether a proxy works.
func (c *checker) checkBase(r router) {
	squid, haproxy := c.endpoints()
	listening := haproxy
	_, isSquid := r.(squidRouter)
	if isSquid {
		listening = squid
	}
	c.checkOverrides(r)
	c.checkGUI(listening)
	c.checkForwards(listening)
	c.checkWANRules(listening)
	if isSquid {
		c.checkLowPorts(squid)
		if c.squid.general != nil && c.squid.general.has("reverse_uri") {
			c.add("PFS-12", place{line: c.squid.general.line, where: "Squid reverse proxy"},
				"Packages since 3.1 read other settings: what they convert on installation lacks the addresses of web servers and the rows of mappings.",
				"enter web servers and mappings again after the upgrade")
		}
	}
}

func (c *checker) checkOverrides(r router) {
	servers := map[string]bool{}
	for _, h := range c.names.all() {
		for _, t := range targetsOf(r, h, "/") {
			servers[t.address] = true
		}
	}
	var covered, open []string
	line := 0
	for _, h := range c.names.all() {
		o, ok := c.override(h)
		if !ok {
			open = append(open, h)
			continue
		}
		covered, line = append(covered, h), o.line
		simple := slices.Contains(c.names.meet, h) || slices.Contains(c.names.dialin, h)
		if servers[o.addr.String()] && !simple { // simple URLs may go to the internal site
			c.add("PFS-01", place{o.line, "host override " + h, fieldAt("ip", o.addr.String())},
				fmt.Sprintf("Machines that ask this firewall reach %s at the Front End, port 443, which is the internal web site: phones on the office network must come through the reverse proxy.", h),
				"<ip> of the reverse proxy: its own address inside, or the public one with NAT reflection")
		}
	}
	if len(covered) > 0 && len(open) > 0 {
		c.add("PFS-03", place{line: line, where: "host overrides"},
			fmt.Sprintf("%s are answered for machines inside, and %s are not: these come from the public zone, and clients reach them another way, or not.", and(covered), and(open)),
			"a host override, or an alias of one, for each public name, or for none")
	}
	for _, o := range c.overrides {
		if label, _ := firstLabel(o.name); label != "lyncdiscoverinternal" {
			continue
		}
		if p := slices.IndexFunc(c.rules, func(p passRule) bool {
			return p.iface == "wan" && c.covers(p.port, 53) && p.port != "" && c.self(p.to, "wan")
		}); p >= 0 {
			c.add("PFS-02", place{c.rules[p].line, "firewall rule on WAN", fieldAt("port", c.rules[p].port)},
				o.name+" is answered to anybody who asks this firewall from outside: clients on the Internet take it for a sign that they are inside.",
				"no rule on WAN that lets port 53 in")
		}
	}
}

func (c *checker) checkGUI(listening []endpoint) {
	for _, e := range listening {
		if c.gui.port != 0 && e.port == c.gui.port {
			c.add("PFS-06", place{c.gui.line, "web interface", fieldAt("port", fmt.Sprint(c.gui.port))},
				fmt.Sprintf("The firewall's own web interface has port %d on all addresses, and %s is to listen there: clients get the log-in page, or the proxy does not start.", e.port, e.who),
				"System > Advanced > Admin Access: TCP port 8443")
		}
	}
}

// covers tells whether a port, a range or an alias of a rule is for a port; empty is for all.
func (c *checker) covers(text string, want int) bool {
	if alias, ok := c.ports[text]; ok {
		return slices.ContainsFunc(strings.Fields(alias), func(p string) bool { return p != text && c.covers(strings.Replace(p, ":", "-", 1), want) })
	}
	switch text {
	case "":
		return true
	case "https":
		return want == 443
	case "http":
		return want == 80
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		return port(text) == want || port(text) == 0 // an alias that the backup does not have
	}
	return port(from) <= want && want <= port(to)
}

// self tells whether a rule's destination is the firewall's address on an interface, or cannot be told apart from it.
func (c *checker) self(to, iface string) bool {
	if to == "" || to == "(self)" || to == iface || to == iface+"ip" {
		return true
	}
	a, err := netip.ParseAddr(to)
	if err != nil {
		prefix, err := netip.ParsePrefix(to)
		if err == nil {
			return prefix.Contains(c.addressOf(iface))
		}
		return !strings.HasSuffix(to, "ip") // an alias
	}
	return a == c.addressOf(iface) || !c.addressOf(iface).IsValid()
}

func (c *checker) checkForwards(listening []endpoint) {
	for _, f := range c.forwards {
		for _, e := range listening {
			if e.addr.IsLoopback() || f.iface != e.name && !c.sameAddress(f, e) || f.port == "" || !c.covers(f.port, e.port) || c.ownTarget(f.target) {
				continue
			}
			if to, err := netip.ParseAddr(f.to); err == nil && e.addr.IsValid() && to != e.addr && !e.addr.IsUnspecified() {
				continue // another public address
			}
			c.add("PFS-04", place{f.line, "port forward", fieldAt("target", f.target)},
				fmt.Sprintf("Port %d of the address at which %s listens is forwarded to %s, port %s: the reverse proxy never sees a request.", e.port, e.who, f.target, f.localPort),
				"Firewall > NAT > Port Forward: delete or disable the entry")
		}
	}
}

func (c *checker) sameAddress(f forward, e endpoint) bool {
	return e.addr.IsValid() && f.to == e.addr.String()
}

// ownTarget tells whether a port forward leads to the firewall itself.
func (c *checker) ownTarget(target string) bool {
	a, err := netip.ParseAddr(target)
	if err != nil {
		return false
	}
	if a.IsLoopback() {
		return true
	}
	for _, own := range c.interfaces {
		if own == a {
			return true
		}
	}
	_, virtual := c.virtual[a.String()]
	return virtual
}

func (c *checker) checkWANRules(listening []endpoint) {
	if !c.hasFilter {
		return
	}
	for _, e := range listening {
		if e.name != "wan" && !(e.addr.IsValid() && !private(e.addr) && !e.addr.IsUnspecified()) {
			continue
		}
		open := slices.ContainsFunc(c.rules, func(p passRule) bool {
			ours := p.floating || p.iface == "" || slices.Contains(strings.Split(p.iface, ","), "wan") || p.iface == e.name || !c.known(p.iface)
			return ours && c.covers(p.port, e.port) && (c.self(p.to, "wan") || e.addr.IsValid() && p.to == e.addr.String())
		})
		if !open {
			severity := "critical"
			if e.port == 80 {
				severity = "medium"
			}
			c.add("PFS-05", place{line: e.line, where: e.who},
				fmt.Sprintf("No rule on WAN lets port %d in to the firewall's own address, and neither package adds one: clients outside get no answer.", e.port),
				fmt.Sprintf("Firewall > Rules > WAN: pass, TCP, destination WAN address, port %d", e.port)).Rule.Severity = severity
		}
	}
}

// known tells whether the backup has an interface of the name; groups are not among them.
func (c *checker) known(iface string) bool {
	_, ok := c.interfaces[iface]
	return ok || iface == "lan" || strings.HasPrefix(iface, "opt")
}

func (c *checker) checkLowPorts(listening []endpoint) {
	if !c.hasTunables || len(listening) == 0 {
		return
	}
	for _, e := range listening {
		if e.port > 1023 {
			continue
		}
		if c.reservedHigh == nil {
			c.add("PFS-07", place{line: e.line, where: "Squid reverse proxy"},
				fmt.Sprintf("Squid is to listen at port %d, and the tunable net.inet.ip.portrange.reservedhigh is not set: the package's page refuses ports up to its default, 1023.", e.port),
				"System > Advanced > System Tunables: net.inet.ip.portrange.reservedhigh, value 0").Rule.Severity = "medium"
			return
		}
		if high := port(c.reservedHigh.text); high >= e.port {
			c.add("PFS-07", place{c.reservedHigh.line, "system tunable net.inet.ip.portrange.reservedhigh", fieldAt("value", fmt.Sprint(high))},
				fmt.Sprintf("Squid is to listen at port %d, and may not at any port up to %d.", e.port, high), "<value>0</value>")
			return
		}
	}
}
