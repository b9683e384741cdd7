package fakelync

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// site is one of the machine's web sites, ready to answer.
type site struct {
	machine *Config
	// organisation is never nil.
	organisation *Organisation
	conf         *Site
	other        *Site // the machine's other site
	name         SiteName
	traits       traits
	vdirs        map[string]vdir
	routes       []ucwaRoute
	offers       []offer
	limits       RequestFiltering
}

type poolState int

const (
	poolRunning poolState = iota
	poolStopped
	poolFailed
)

func newSites(cfg *Config) (internal, external *site) {
	organisation := cfg.Organisation
	if organisation == nil {
		organisation = NewOrganisation(OrganisationConfig{})
	}
	internal = newSite(cfg, InternalSite, &cfg.Internal, &cfg.External, organisation)
	external = newSite(cfg, ExternalSite, &cfg.External, &cfg.Internal, organisation)
	return internal, external
}

func newSite(cfg *Config, name SiteName, conf, other *Site, organisation *Organisation) *site {
	t, _ := cfg.Product.traits() // validate knows the product
	standard := cfg.DefaultDocument
	if standard == "" {
		standard = t.standard
	}
	s := &site{
		machine: cfg, organisation: organisation, conf: conf, other: other, name: name, traits: t,
		vdirs: installed(name, t.rank), routes: ucwaRoutes(), offers: offersOf(t.ucwa, standard), limits: conf.Filtering,
	}
	if s.limits.MaxBody == 0 {
		s.limits.MaxBody = 30_000_000
	}
	if s.limits.MaxURL == 0 {
		s.limits.MaxURL = 4096
	}
	if s.limits.MaxQuery == 0 {
		s.limits.MaxQuery = 2048
	}
	return s
}

// appPool is the state of the application pool that carries app.
func (s *site) appPool(app string) poolState {
	named := func(n string) bool { return n == allApps || strings.EqualFold(n, app) }
	switch {
	case slices.ContainsFunc(s.conf.StoppedAppPools, named):
		return poolStopped
	case slices.ContainsFunc(s.conf.FailedApps, named):
		return poolFailed
	}
	return poolRunning
}

// answer is what the machine says to a request that came in by this site.
func (s *site) answer(q *query) response {
	switch {
	case q.headerBytes > maxHeaderBytes:
		return headerTooLong()
	case len(s.conf.HostNames) > 0 && !slices.ContainsFunc(s.conf.HostNames, func(h string) bool { return strings.EqualFold(h, q.host) }):
		return invalidHostname()
	}
	t := s.route(q)
	pool := s.appPool(t.app)
	if pool == poolStopped {
		return serviceUnavailable()
	}
	if sub := s.filter(q); sub != 0 {
		return s.page(http.StatusNotFound, sub)
	}
	if !q.https && (s.conf.RequireSSL || !t.plain) {
		return s.page(http.StatusForbidden, 4)
	}
	if pool == poolFailed {
		r := s.page(http.StatusInternalServerError, 0)
		r.set("X-AspNet-Version", s.traits.aspNet)
		return r
	}
	return t.answer()
}

// filter returns the sub-status of the request filtering rule that q breaks, 0 if none does.
func (s *site) filter(q *query) int {
	escapedTwice, err := url.PathUnescape(q.path)
	switch {
	case slices.ContainsFunc(s.limits.DenySequences, func(seq string) bool { return strings.Contains(q.folded, strings.ToLower(seq)) }):
		return 5
	case slices.ContainsFunc(s.limits.DenyVerbs, func(v string) bool { return strings.EqualFold(v, q.method) }):
		return 6
	case !s.limits.AllowDoubleEscaping && err == nil && escapedTwice != q.path:
		return 11
	case q.tooLarge:
		return 13
	case len(q.rawPath) > s.limits.MaxURL:
		return 14
	case len(q.rawQuery) > s.limits.MaxQuery:
		return 15
	}
	return 0
}

// target is where a request ends up.
type target struct {
	app    string
	plain  bool // answers over plain HTTP too
	answer func() response
}

// route finds the target of a request: a simple URL below a path, a virtual directory, a simple URL that is a whole
// host, the discovery names, the root. The order is inferred from the URL rewriting the products install in IIS, where
// the named directories stay reachable under every host.
func (s *site) route(q *query) target {
	if v, rest, ok := s.simpleURL(q, true); ok {
		return s.targetOf(v, q, rest)
	}
	if v, rest, ok := s.find(q.path); ok {
		return s.targetOf(v, q, rest)
	}
	if v, rest, ok := s.simpleURL(q, false); ok {
		return s.targetOf(v, q, rest)
	}
	if _, ok := discoveryDomain(q.host); ok {
		switch q.folded {
		case "/", "":
			return s.targetOf(s.vdirs["/autodiscover/autodiscoverservice.svc/root"], q, "")
		case "/xframe":
			if v, ok := s.vdirs["/autodiscover/xframe/xframe.html"]; ok {
				return s.targetOf(v, q, "")
			}
		}
	}
	if (q.folded == "/" || q.folded == "") && s.ownName(q.host) {
		return target{answer: func() response { return s.page(http.StatusForbidden, 14) }}
	}
	return target{answer: func() response { return s.page(http.StatusNotFound, 0) }}
}

func (s *site) targetOf(v vdir, q *query, rest string) target {
	t := target{app: v.app, plain: v.plain.has(s.name), answer: func() response { return v.serve(s, q, rest) }}
	if v.app == "autodiscover" && strings.Trim(rest, "/") != "" {
		t.plain = false // only the root itself answers without SSL
	}
	return t
}

// simpleURL finds the registered simple URL a request is for, and the virtual directory behind it. below chooses between
// those with a path and those that are a whole host.
func (s *site) simpleURL(q *query, below bool) (v vdir, rest string, ok bool) {
	for _, u := range s.machine.SimpleURLs {
		if (u.Path != "") != below || !strings.EqualFold(u.Host, q.host) {
			continue
		}
		if len(q.path) < len(u.Path) || !strings.EqualFold(q.path[:len(u.Path)], u.Path) {
			continue
		}
		rest := q.path[len(u.Path):]
		if rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		if v, ok := s.vdirs[u.Kind.path()]; ok {
			return v, rest, true
		}
	}
	return vdir{}, "", false
}

// path is the virtual directory behind a simple URL.
func (k Kind) path() string {
	if k == Admin {
		return "/cscp"
	}
	return "/" + string(k)
}

// ownName reports whether a bare host is a name or address of this machine. Its root lists nothing: 403. That the root
// of other hosts is 404 is inferred; a registered simple URL or discovery name has been served before.
func (s *site) ownName(host string) bool {
	return host == "" || isAddress(host) || slices.ContainsFunc([]string{s.machine.FQDN, s.conf.WebFQDN, s.other.WebFQDN},
		func(n string) bool { return strings.EqualFold(n, host) })
}

// url is an absolute URL on this site's web FQDN.
func (s *site) url(path string) string { return s.conf.url(s.conf.WebFQDN, path) }

// ticketURL is an absolute URL of this site's ticket service.
func (s *site) ticketURL(path string) string {
	if s.conf.WebTicketHost != "" {
		return s.conf.url(s.conf.WebTicketHost, path)
	}
	return s.url(path)
}

func (s *Site) url(host, path string) string {
	if s.PublishedPort != 0 && s.PublishedPort != 443 {
		host += ":" + strconv.Itoa(s.PublishedPort)
	}
	return "https://" + host + path
}
