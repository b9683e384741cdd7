package fakelync

import (
	"net/http"
	"slices"
	"strings"
)

// answers is what a virtual directory says to a request without credentials.
type answers int

const (
	// windows: Windows authentication or a web ticket opens it and everything below: 401.
	windows answers = iota
	// service: a WCF service. Its page when browsed; its metadata and SOAP endpoints, which take web tickets, below.
	service
	// folder: a directory without default document: 403; what is below is not there.
	folder
	// own: a function of its own answers for it and everything below.
	own
)

// sites is the set of sites that have a virtual directory.
type sites int

const (
	onInternal sites = 1 << iota
	onExternal
	onBoth = onInternal | onExternal
)

func (s sites) has(name SiteName) bool {
	if name == InternalSite {
		return s&onInternal != 0
	}
	return s&onExternal != 0
}

// vdir is one row of the table below.
type vdir struct {
	app     string // the application, that is the unit an application pool carries
	path    string // folded
	sites   sites
	plain   sites // those sites where it does not ask for SSL
	from    int   // first product rank that has it, 0 for all
	until   int   // last product rank that has it, 0 for all
	answers answers
	own     func(s *site, q *query, rest string) response
}

// vdirs returns the virtual directories of the products: TechNet gg399038 (the directories), gg429698 (the URLs of the
// services and which site has them), gg429697 (the answers of /abs, /groupexpansion, /meet and /dialin), TechNet
// dn767950 (browsing the mobility service), UCWA SDK. For the others the answer is inferred from the documented
// authentication mode.
func vdirs() []vdir {
	return []vdir{
		// discovery
		{app: "autodiscover", path: "/autodiscover", sites: onBoth, answers: folder},
		{app: "autodiscover", path: "/autodiscover/autodiscoverservice.svc/root", sites: onBoth, plain: onBoth, answers: own, own: (*site).discovery},
		{app: "autodiscover", path: "/autodiscover/xframe/xframe.html", sites: onBoth, from: 2013, answers: own, own: (*site).xframe},

		// tickets and certificates
		{app: "webticket", path: "/webticket", sites: onBoth, answers: folder},
		{app: "webticket", path: "/webticket/webticketservice.svc", sites: onBoth, answers: own, own: (*site).webTicketService},
		{app: "webticket", path: "/webticket/oauthtoken", sites: onBoth, from: 2013, answers: own, own: (*site).oauthToken},
		{app: "certprov", path: "/certprov", sites: onBoth, answers: folder},
		{app: "certprov", path: "/certprov/certprovisioningservice.svc", sites: onBoth, plain: onInternal, answers: service},
		{app: "passiveauth", path: "/passiveauth", sites: onBoth, from: 2013, answers: folder},

		// mobility and web clients
		{app: "ucwa", path: "/ucwa", sites: onBoth, from: 2013, answers: folder},
		{app: "ucwa", path: "/ucwa/v1/applications", sites: onBoth, from: 2013, answers: own, own: (*site).ucwaTicket},
		{app: "ucwa", path: "/ucwa/oauth/v1/applications", sites: onBoth, from: 2013, answers: own, own: (*site).ucwaOAuth},
		{app: "mcx", path: "/mcx", sites: onBoth, until: 2015, answers: folder},
		{app: "mcx", path: "/mcx/mcxservice.svc", sites: onBoth, until: 2015, answers: own, own: (*site).mcx},
		{app: "reach", path: "/reach", sites: onBoth, answers: folder},
		{app: "reach", path: "/reach/sip.svc", sites: onBoth, answers: service},
		{app: "lwa", path: "/lwa", sites: onBoth, from: 2013, answers: own, own: (*site).webAppPage},

		// address book, groups, response groups, persistent chat
		{app: "abs", path: "/abs", sites: onBoth, answers: windows},
		{app: "groupexpansion", path: "/groupexpansion", sites: onBoth, answers: windows},
		{app: "rgsclients", path: "/rgsclients", sites: onBoth, answers: windows},
		{app: "rgsconfig", path: "/rgsconfig", sites: onInternal, answers: windows},
		{app: "persistentchat", path: "/persistentchat", sites: onBoth, from: 2013, answers: windows},

		// meetings
		{app: "meet", path: "/meet", sites: onBoth, answers: own, own: (*site).meetPage},
		{app: "dialin", path: "/dialin", sites: onBoth, answers: own, own: (*site).dialinPage},
		{app: "scheduler", path: "/scheduler", sites: onBoth, from: 2013, answers: own, own: (*site).schedulerPage},
		{app: "datacollabweb", path: "/datacollabweb", sites: onBoth, answers: folder},
		{app: "collabcontent", path: "/collabcontent", sites: onBoth, answers: folder},
		{app: "meetingcontent", path: "/meetingcontent", sites: onBoth, answers: folder},
		{app: "meetingfiles", path: "/meetingfiles", sites: onBoth, answers: folder},
		{app: "etc", path: "/etc/place/null", sites: onBoth, answers: folder},
		{app: "conf", path: "/conf/int", sites: onInternal, answers: folder},
		{app: "conf", path: "/conf/ext", sites: onExternal, answers: folder},
		{app: "phoneconferencing", path: "/phoneconferencing/int", sites: onInternal, answers: folder},
		{app: "phoneconferencing", path: "/phoneconferencing/ext", sites: onExternal, answers: folder},

		// devices and location
		{app: "requesthandler", path: "/requesthandler", sites: onInternal, plain: onInternal, answers: folder},
		{app: "requesthandler", path: "/requesthandler/ucdevice.upx", sites: onInternal, plain: onInternal, answers: own, own: (*site).deviceUpdate},
		{app: "requesthandler", path: "/requesthandler/files", sites: onInternal, plain: onInternal, answers: folder},
		{app: "requesthandlerext", path: "/requesthandlerext", sites: onExternal, answers: folder},
		{app: "requesthandlerext", path: "/requesthandlerext/ucdevice.upx", sites: onExternal, answers: own, own: (*site).deviceUpdate},
		{app: "requesthandlerext", path: "/requesthandlerext/files", sites: onExternal, answers: folder},
		{app: "deviceupdatefiles_int", path: "/deviceupdatefiles_int", sites: onInternal, answers: folder},
		{app: "deviceupdatefiles_ext", path: "/deviceupdatefiles_ext", sites: onExternal, answers: folder},
		{app: "autoupdate", path: "/autoupdate/int", sites: onInternal, answers: folder},
		{app: "autoupdate", path: "/autoupdate/ext", sites: onExternal, answers: folder},
		{app: "locationinformation", path: "/locationinformation", sites: onInternal, answers: folder},
		{app: "locationinformation", path: "/locationinformation/liservice.svc", sites: onInternal, answers: service},

		// administration
		{app: "cscp", path: "/cscp", sites: onInternal, answers: windows},
		{app: "ocspowershell", path: "/ocspowershell", sites: onInternal, answers: windows},
		{app: "ocspowershelloauth", path: "/ocspowershelloauth", sites: onInternal, from: 2015, answers: windows},
		{app: "ocspowershellliveid", path: "/ocspowershellliveid", sites: onInternal, from: 2015, answers: windows},
		{app: "hybridconfig", path: "/hybridconfig", sites: onBoth, from: 2013, answers: folder},

		// static files
		{app: "fonts", path: "/fonts", sites: onBoth, answers: folder},
		{app: "lmstaticdata", path: "/lmstaticdata", sites: onBoth, answers: folder},
	}
}

// allApps stands for every application, the root of the site included.
const allApps = "*"

// Applications returns the names of the virtual directories an application pool can be stopped for, sorted.
func Applications() []string {
	var names []string
	for _, v := range vdirs() {
		names = append(names, v.app)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// installed returns the rows a site of this name and product rank has, keyed by path.
func installed(name SiteName, rank int) map[string]vdir {
	rows := make(map[string]vdir)
	for _, v := range vdirs() {
		if v.sites.has(name) && rank >= v.from && (v.until == 0 || rank <= v.until) {
			rows[v.path] = v
		}
	}
	return rows
}

// find returns the deepest virtual directory at or above a path, and what the path has below it, in the path's own
// case, beginning with a slash or empty.
func (s *site) find(path string) (v vdir, rest string, ok bool) {
	folded := strings.ToLower(path)
	if len(folded) != len(path) {
		return vdir{}, "", false // some letter outside ASCII changed its length; no directory has such
	}
	for end := len(folded); end > 0; end = strings.LastIndexByte(folded[:end], '/') {
		if v, ok := s.vdirs[folded[:end]]; ok {
			return v, path[end:], true
		}
	}
	return vdir{}, "", false
}

// serve is the answer of the directory to a request for what rest names below it.
func (v vdir) serve(s *site, q *query, rest string) response {
	bare := strings.Trim(rest, "/") == ""
	switch {
	case v.answers == own:
		return v.own(s, q, rest)
	case v.answers == windows:
		return v.guarded(s, q, rest)
	case v.answers == folder && bare:
		return s.page(http.StatusForbidden, 14) // directory listing denied
	case v.answers == service && bare:
		return s.servicePage(v.path[strings.LastIndexByte(v.path, '/')+1:])
	case v.answers == service:
		return v.endpoint(s, q, rest)
	}
	return s.page(http.StatusNotFound, 0)
}

// servicePage is what browsing a WCF service shows.
func (s *site) servicePage(file string) response {
	r := s.html("<HTML><HEAD><TITLE>" + file + " Service</TITLE></HEAD><BODY><P>" + file + " Service</P></BODY></HTML>")
	if file == "mcxservice.svc" {
		r.set("X-AspNet-Version", "2.0.50727") // its pool stays on .NET 2.0 in every release
	}
	return r
}

// deviceUpdate answers a phone asking for firmware: anonymous, nothing to offer.
func (s *site) deviceUpdate(_ *query, rest string) response {
	if rest != "" {
		return s.page(http.StatusNotFound, 0)
	}
	return s.aspNet(http.StatusOK, "text/xml; charset=utf-8", "private")
}
