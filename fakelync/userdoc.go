package fakelync

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// The user document, and the links that it shares with the domain document ([MS-OCDISCWS] 3.1.5.3 and 3.1.5.4; TechNet
// "Understanding Autodiscover in Lync Server 2013" for the tokens; UCWA SDK "Create an application" for the newer form).

const (
	userPath       = rootPath + "/user"
	ticketUCWAPath = "/ucwa/v1/applications"
	oauthUCWAPath  = "/ucwa/oauth/v1/applications"
)

// user answers with the user document. Who has a ticket but no home gets 404 with an empty body. A user homed elsewhere gets
// a Redirect in the legacy forms; the newer forms name the applications of the home pool straight away, where the ticket
// of this pool is worth nothing (published traces across pools).
func (s *site) user(q *query, oauth bool) response {
	c, refusal := s.caller(q, oauth)
	if c == nil {
		return refusal
	}
	o := negotiate(q.header["Accept"], s.offers)
	legacy := o.document == LegacyXML || o.document == LegacyJSON
	home, ok := s.homeOf(c.user)
	hosting := s.organisation.cfg.HostingProviderURL
	switch {
	case c.user != nil && c.user.Online && hosting != "":
		return s.userRedirect(o, q.carry(hosting))
	case !ok:
		return s.aspNet(http.StatusNotFound, "text/html", "private")
	case legacy && !strings.EqualFold(home.Name, s.pool()):
		return s.userRedirect(o, q.carry(s.conf.url(s.sameKind(home), userPath)))
	}
	if legacy {
		return s.legacyUser(o, home)
	}
	host := s.sameKind(home)
	applications := ticketUCWAPath
	if q.header.Get("X-MS-WebTicket") == "" {
		applications = oauthUCWAPath
	}
	// self is without oauth and without originalDomain in the published captures, whatever was asked.
	self := s.conf.url(host, userPath)
	links := []link{{"applications", s.conf.url(host, applications)}, {"xframe", s.conf.url(host, xframePath)}}
	if o.document == UCWAXML {
		return s.document(o.contentType, ucwaXML("user", self, links))
	}
	return s.document(o.contentType, ucwaJSON(append([]link{{"self", self}}, links...)))
}

// homeOf is the user's home pool, false for those who have none here. An organisation without pools is this machine.
func (s *site) homeOf(u *User) (Pool, bool) {
	switch {
	case u == nil || u.Online:
		return Pool{}, false
	case len(s.organisation.cfg.Pools) == 0:
		return s.ownPool(), true
	}
	home := s.organisation.home(u)
	if home == nil {
		return Pool{}, false
	}
	if strings.EqualFold(home.Name, s.pool()) {
		return s.ownPool(), true
	}
	return *home, true
}

// ownPool is the machine's pool with the web FQDNs that the machine itself was told.
func (s *site) ownPool() Pool {
	p := Pool{Name: s.pool(), Product: s.machine.Product}
	if known := s.organisation.pool(p.Name); known != nil {
		p = *known
	}
	p.InternalWeb, p.ExternalWeb = s.machine.Internal.WebFQDN, s.machine.External.WebFQDN
	return p
}

// sameKind is the web FQDN of a pool for the kind of site that answers.
func (s *site) sameKind(p Pool) string {
	if s.name == InternalSite {
		return p.InternalWeb
	}
	return p.ExternalWeb
}

// userRedirect is a user document that only leads on.
func (s *site) userRedirect(o offer, target string) response {
	switch o.document {
	case LegacyXML:
		return s.document(o.contentType, s.legacyXML("User", []link{{"Redirect", target}}))
	case LegacyJSON:
		return s.document(o.contentType, s.legacyJSON("User", []link{{"Redirect", target}}))
	case UCWAXML:
		return s.document(o.contentType, ucwaXML("user", s.url(userPath), []link{{"redirect", target}}))
	}
	return s.document(o.contentType, ucwaJSON([]link{{"redirect", target}}))
}

// sipAccess is an element of the user document: where SIP is.
type sipAccess struct{ element, host, port string }

// sipAccesses are in the order of the published sample. Those for servers are at the servers' port, which no client uses.
func sipAccesses(p Pool) []sipAccess {
	var all []sipAccess
	for _, a := range []struct{ kind, address string }{{"Internal", p.SIPInternal}, {"External", p.SIPExternal}} {
		if host, port, err := net.SplitHostPort(a.address); err == nil {
			all = append(all, sipAccess{"SipServer" + a.kind + "Access", host, "5061"}, sipAccess{"SipClient" + a.kind + "Access", host, port})
		}
	}
	return all
}

func (s *site) legacyUser(o offer, home Pool) response {
	links := slices.DeleteFunc(append(s.serviceLinks(home), s.userLinks(home)...), func(l link) bool {
		return slices.ContainsFunc(home.HiddenTokens, func(token string) bool { return strings.EqualFold(token, l.name) })
	})
	accesses := sipAccesses(home)
	if o.document == LegacyXML {
		var b strings.Builder
		for _, a := range accesses {
			b.WriteString("<" + a.element + ` fqdn="` + xmlText(a.host) + `" port="` + a.port + `"/>`)
		}
		body := s.legacyXML("User", links)
		return s.document(o.contentType, strings.Replace(body, "<User>", "<User>"+b.String(), 1))
	}
	// The data contract serializer writes members by name: that the user document is no exception is inferred.
	var b strings.Builder
	for _, name := range []string{"SipClientExternalAccess", "SipClientInternalAccess", "SipServerExternalAccess", "SipServerInternalAccess"} {
		for _, a := range accesses {
			if a.element == name {
				b.WriteString(`,"` + name + `":{"fqdn":` + jsonText(a.host) + `,"port":"` + a.port + `"}`)
			}
		}
	}
	body := strings.TrimSuffix(s.legacyJSON("User", links), "}}")
	return s.document(o.contentType, body+b.String()+"}}")
}

// serviceLinks are the services of a pool. Mobile clients get the external names on both sites, so that their URLs stay the
// same when a phone changes networks, unless the pool exposes the internal ones. A site without web FQDN has no links.
func (s *site) serviceLinks(p Pool) []link {
	traits, _ := p.Product.traits()
	external := p.ExternalWeb
	if p.HideExternalLinks {
		external = ""
	}
	exposed := external
	if p.ExposedWebInternal {
		exposed = p.InternalWeb
	}
	var links []link
	add := func(token, host, path string) {
		if host != "" {
			links = append(links, link{token, s.conf.url(host, path)})
		}
	}
	pair := func(token, path string) {
		add("Internal/"+token, p.InternalWeb, path)
		add("External/"+token, external, path)
	}
	pair("Autodiscover", rootPath)
	pair("AuthBroker", "/Reach/sip.svc")
	pair("WebScheduler", "/Scheduler")
	if traits.rank <= 2015 {
		add("Internal/Mcx", exposed, "/Mcx/McxService.svc")
		add("External/Mcx", exposed, "/Mcx/McxService.svc")
	}
	if traits.ucwa {
		pair("Ucwa", ticketUCWAPath)
		add("Ucwa", exposed, ticketUCWAPath)
		pair("XFrame", xframePath)
		add("XFrame", exposed, xframePath)
	}
	return links
}

// userLinks are those that the user document alone has. The name of the certificate service's token is inferred; no source
// has it.
func (s *site) userLinks(p Pool) []link {
	var links []link
	if traits, _ := p.Product.traits(); traits.modern {
		const certificates = "/CertProv/CertProvisioningService.svc"
		if p.InternalWeb != "" {
			links = append(links, link{"Internal/CertProvisioning", s.conf.url(p.InternalWeb, certificates)})
		}
		if p.ExternalWeb != "" && !p.HideExternalLinks {
			links = append(links, link{"External/CertProvisioning", s.conf.url(p.ExternalWeb, certificates)})
		}
	}
	return append(links, link{"Self", s.url(userPath)})
}
