package pfsense

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Options say what a backup does not. The zero Options are enough for most.
type Options struct {
	// SIPDomains are the domains of sign-in addresses. None means those that the backup names.
	SIPDomains []string
	// ExternalWeb are the external web services FQDNs. None means those that can be told.
	ExternalWeb []string
}

// names are the public names of a deployment, as one of the two proxies shows them.
type names struct {
	domains                      []string
	discovery, meet, dialin, web []string
	// anyWeb says that an external web FQDN may be among names that are not spelled out.
	anyWeb bool
}

// all are the names, discovery first.
func (n *names) all() []string { return slices.Concat(n.discovery, n.web, n.meet, n.dialin) }

// target is a web server that a request may get to.
type target struct {
	where    string
	address  string
	port     int
	tls      bool
	line     int
	portLine int
}

// router is a reverse proxy that requests can be sent through in thought.
type router interface {
	// spelled are the hosts that its configuration names, "*.x" for those below x; its certificates' among them.
	spelled() (published, certified []string)
	// targets are where a request may go. Taken tells whether it is let in at all, also when nobody is there to answer it.
	targets(request) (to []target, taken bool)
}

// other are the first labels of names that are published beside Lync's and belong to something else.
var other = regexp.MustCompile(`^(autodiscover|mail\d*|e?mx\d*|webmail|owa|outlook|exchange|smtp|imap|pop|www|wac|owas?|oos|office.*|sip|sipexternal|sipinternal|webconf|av|.*edge.*|` +
	`adfs|sts|fs|sso|login|enterpriseregistration|crl|pki|ocsp|sharepoint|intranet|portal|remote|rdg?|rdweb|vpn|citrix|ftp|ns\d*|lyncdiscoverinternal|mobile|mdm|git|cloud|nextcloud)$`)

var lyncWord = regexp.MustCompile(`lync|sfb|skype|ucweb|cswebext`)

var insideWord = regexp.MustCompile(`(^|[-_.])int(ern|ernal)?([-_.]|$)|internal`)

func firstLabel(host string) (label, rest string) {
	label, rest, _ = strings.Cut(host, ".")
	return label, rest
}

// namesOf tells the public names of the deployment behind a router; nil when it is none of Lync's.
func (b *Backup) namesOf(r router, opts Options) *names {
	published, certified := r.spelled()
	known := slices.Concat(published, certified)
	for _, o := range b.overrides {
		known = append(known, o.name)
	}
	n := &names{}
	add := func(list *[]string, name string) {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); hostLike(name) && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for _, d := range opts.SIPDomains {
		add(&n.domains, d)
	}
	evidence := len(opts.SIPDomains)+len(opts.ExternalWeb) > 0
	for _, h := range slices.Concat(published, certified) {
		if label, rest := firstLabel(h); label == "lyncdiscover" {
			evidence = true
			add(&n.domains, rest)
		}
	}
	evidence = evidence || b.leadsToExternalSite(r, published)
	if !evidence {
		return nil
	}
	for _, h := range known {
		label, rest := firstLabel(h)
		if label == "lyncdiscoverinternal" || label == "lyncdiscover" {
			add(&n.domains, rest)
		}
	}
	for _, h := range slices.Concat(published, certified) {
		if label, rest := firstLabel(h); len(n.domains) == 0 && (label == "meet" || label == "dialin") {
			add(&n.domains, rest)
		}
	}
	if len(n.domains) == 0 && hostLike(b.domain) {
		add(&n.domains, b.domain)
	}
	for _, d := range n.domains {
		add(&n.discovery, "lyncdiscover."+d)
	}
	for _, h := range known {
		switch label, _ := firstLabel(h); label {
		case "meet", "join":
			add(&n.meet, h)
		case "dialin":
			add(&n.dialin, h)
		}
	}
	for _, w := range opts.ExternalWeb {
		add(&n.web, w)
	}
	if len(n.web) == 0 {
		n.web = b.webNames(r, n, published, certified)
	}
	if len(n.web) == 0 {
		for _, d := range append(slices.Clone(n.domains), b.domain) {
			_, taken := r.targets(request{host: "any-name-at-all." + d, path: "/", https: true})
			n.anyWeb = n.anyWeb || taken
		}
	}
	return n
}

// leadsToExternalSite tells whether a published host goes to port 4443, which is the external web site's and hardly anybody else's.
func (b *Backup) leadsToExternalSite(r router, published []string) bool {
	return slices.ContainsFunc(published, func(h string) bool {
		to, _ := r.targets(request{host: strings.Replace(h, "*.", "any-name.", 1), path: "/", https: true})
		return slices.ContainsFunc(to, func(t target) bool { return t.port == 4443 })
	})
}

// webNames are the external web services FQDNs: what else leads to the servers of the names that are certain. Where nothing
// does, a name in the certificate that sounds like one (inferred).
func (b *Backup) webNames(r router, n *names, published, certified []string) []string {
	servers := map[string]bool{}
	for _, h := range n.all() {
		to, _ := r.targets(request{host: h, path: "/", https: true})
		for _, t := range to {
			servers[t.address] = true
		}
	}
	var out []string
	for _, h := range published {
		label, _ := firstLabel(h)
		if strings.HasPrefix(h, "*.") || other.MatchString(label) || slices.Contains(n.all(), h) || slices.Contains(out, h) {
			continue
		}
		to := slices.Concat(targetsOf(r, h, "/"), targetsOf(r, h, "/ucwa/"), targetsOf(r, h, "/Autodiscover/"))
		if slices.ContainsFunc(to, func(t target) bool { return servers[t.address] || t.port == 4443 }) {
			out = append(out, h)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, h := range slices.Concat(published, certified) {
		label, _ := firstLabel(h)
		if lyncWord.MatchString(label) && !other.MatchString(label) && label != "lyncdiscover" && !insideWord.MatchString(label) && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

func targetsOf(r router, host, path string) []target {
	to, _ := r.targets(request{host: host, path: path, https: true})
	return to
}

// telling are paths of the web services that clients need, with what fails without each.
type telling struct{ path, what string }

var discoveryPaths = []telling{
	{"/", "discovery"},
	{"/?sipuri=user1@contoso.example", "discovery with an address"},
	{"/Autodiscover/AutodiscoverService.svc/root", "discovery"},
}

var webPaths = []telling{
	{"/Autodiscover/AutodiscoverService.svc/root/user", "discovery"},
	{"/Autodiscover/XFrame/XFrame.html", "web applications"},
	{"/WebTicket/WebTicketService.svc", "signing in"},
	{"/WebTicket/oauthtoken", "signing in on phones"},
	{"/ucwa/oauth/v1/applications", "phones"},
	{"/Mcx/McxService.svc", "phones of Lync 2010"},
	{"/Reach/sip.svc", "the web app"},
	{"/lwa/WebPages/LwaClient.aspx", "the web app"},
	{"/abs/handler", "the address book"},
	{"/GroupExpansion/service.svc", "distribution groups"},
	{"/CertProv/CertProvisioningService.svc", "signing in by certificate"},
	{"/DataCollabWeb/wopi/files/1", "sharing in meetings"},
}

var meetPaths = []telling{{"/", "the join page"}, {"/user1/ABC123DE", "joining meetings"}}

var dialinPaths = []telling{{"/", "the dial-in page"}}

// pathsOf are the paths that must get through for a host.
func (n *names) pathsOf(host string) []telling {
	switch {
	case slices.Contains(n.discovery, host):
		return discoveryPaths
	case slices.Contains(n.meet, host):
		return meetPaths
	case slices.Contains(n.dialin, host):
		return dialinPaths
	case len(n.meet) == 0: // simple URLs may live below the web services FQDN
		return append(slices.Clone(webPaths), telling{"/meet/user1/ABC123DE", "joining meetings"}, telling{"/dialin/", "the dial-in page"})
	}
	return webPaths
}

// squidRouter is Squid as a router.
type squidRouter struct {
	*squid
	backup *Backup
}

func (s squidRouter) spelled() (published, certified []string) {
	for i := range s.mappings {
		for _, p := range s.mappings[i].patterns {
			published = append(published, p.hosts...)
		}
	}
	for i := range s.redirects {
		for _, h := range s.redirects[i].hosts {
			if strings.HasPrefix(h, ".") {
				h = "*" + h
			}
			published = append(published, h)
		}
	}
	if s.fqdn != "" {
		published = append(published, s.fqdn)
	}
	return published, namesOf(s.backup.certificateOf(s.certificate).leaf())
}

func (s squidRouter) targets(r request) ([]target, bool) {
	allowed, peers := s.route(r.url())
	var out []target
	for _, p := range peers {
		out = append(out, target{where: p.where(), address: p.ip, port: p.port, tls: p.protocol == "HTTPS", line: p.line, portLine: p.portLine})
	}
	return out, allowed
}

// haproxyRouter is the HAProxy package as a router.
type haproxyRouter struct {
	*haproxy
	backup *Backup
}

func (h haproxyRouter) spelled() (published, certified []string) {
	for _, l := range h.listeners() {
		for _, m := range l.members {
			for _, a := range m.acls {
				published = append(published, a.hosts()...)
			}
			for _, ref := range m.certificates {
				certified = append(certified, namesOf(h.backup.certificateOf(ref).leaf())...)
			}
		}
	}
	return published, certified
}

// hosts are those that an ACL names.
func (a *acl) hosts() []string {
	how, values := "", a.value
	if rest, ok := strings.CutPrefix(a.expression, "host_"); ok {
		how = rest
	} else if rest, ok := strings.CutPrefix(a.expression, "ssl_sni_"); ok {
		how = rest
	} else if fields := strings.Fields(a.value); a.expression == "custom" && len(fields) > 1 && strings.HasSuffix(fields[0], "(host)") {
		how, values = ways[strings.TrimPrefix(strings.TrimSuffix(fields[0], "(host)"), "hdr")], strings.Join(fields[1:], " ")
	}
	var out []string
	switch how {
	case "regex":
		return haproxyPattern(values, false).hosts
	case "matches", "starts_with", "contains":
		for _, v := range strings.Fields(strings.ToLower(values)) {
			if hostLike(v) {
				out = append(out, v)
			}
		}
	case "ends_with":
		for _, v := range strings.Fields(strings.ToLower(values)) {
			if v = strings.TrimPrefix(v, "."); hostLike(v) {
				out = append(out, "*."+v)
			}
		}
	}
	return out
}

// serves tells whether a listener takes requests of the scheme, as far as its addresses say.
func (l *listener) serves(https bool) bool {
	return slices.ContainsFunc(l.binds, func(b bind) bool {
		if l.kind == "http" {
			return b.tls == https
		}
		return (b.port != 80) == https
	})
}

// backendsFor are the backends that a request may get to, with the listeners that send it there.
func (h *haproxy) backendsFor(r request) (out []*backend, through []listener, taken bool) {
	for _, l := range h.listeners() {
		if !l.serves(r.https) {
			continue
		}
		d := l.decide(r)
		taken = taken || d.backend != "" || d.unsure
		if d.backend == "" {
			continue
		}
		if b := h.backend(d.backend); b != nil {
			out, through = append(out, b), append(through, l)
		}
	}
	return out, through, taken
}

func (h haproxyRouter) targets(r request) ([]target, bool) {
	backends, _, taken := h.backendsFor(r)
	var out []target
	for _, b := range backends {
		for i := range b.servers {
			if s := &b.servers[i]; s.live() && s.forwardTo == "" {
				out = append(out, target{where: b.where() + ", server " + s.name, address: s.address, port: s.port, tls: s.tls, line: s.line, portLine: s.portLine})
			}
		}
	}
	return out, taken
}

// private tells whether an address is one of a network inside.
func private(a netip.Addr) bool { return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() }
