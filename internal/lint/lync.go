package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What a name tells of Lync.
type kinship int

const (
	stranger kinship = iota
	officeWebApps
	// maybe is a name that Lync uses and others use too: meet, dialin. It counts where something else in the file is of Lync.
	maybe
	lync
)

var (
	// lyncName are words in names of hosts, groups and back ends that nothing but Lync and its successors use.
	lyncName   = regexp.MustCompile(`(?i)lync|skype|sfb|s4b|ucwa|lsweb|lswac|csweb|^dirweb|^ocs[-_.]|rtcweb`)
	maybeLync  = regexp.MustCompile(`(?i)^(meet|meeting|meetings|dialin|dial-in|conf|join|scheduler|webext|extweb|web-ext|ext-web|webconf|pool\d*|fe\d*|frontend\d*)$`)
	officeName = regexp.MustCompile(`(?i)^(wac|oos|owas|officewebapps?|office|officeonline|webapps?)\d*$|lyncwac|wac-?(ext|int)?$`)
)

// kinshipOf judges the name of a host, a group of servers or a virtual host.
func kinshipOf(name string) kinship {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(name, "*."), "."))
	first, _, _ := strings.Cut(name, ".")
	switch {
	case officeName.MatchString(first):
		return officeWebApps
	case lyncName.MatchString(name):
		return lync
	case maybeLync.MatchString(first):
		return maybe
	}
	return stranger
}

// directories are the virtual directories of the external web site which a list of allowed paths must have, with the mode
// that the absence of each leads to. The spelling is that of the documents; clients write others, too.
var directories = []struct{ name, mode string }{
	{"Autodiscover", "proxy.path-allowlist-missing-autodiscover"},
	{"WebTicket", "proxy.path-allowlist-missing-webticket"},
	{"Ucwa", "proxy.path-allowlist-missing-ucwa"},
	{"Mcx", "proxy.path-allowlist-missing-mcx"},
	{"Abs", "proxy.path-allowlist-missing-content-services"},
	{"CertProv", "proxy.path-allowlist-missing-content-services"},
	{"GroupExpansion", "proxy.path-allowlist-missing-content-services"},
	{"Meet", "proxy.path-allowlist-missing-content-services"},
	{"Dialin", "proxy.path-allowlist-missing-content-services"},
	{"Reach", "proxy.path-allowlist-missing-content-services"},
	{"DataCollabWeb", "proxy.path-allowlist-missing-content-services"},
	{"Lwa", "proxy.path-allowlist-missing-content-services"},
	{"Scheduler", "proxy.path-allowlist-missing-content-services"},
}

// isDirectory tells whether a path begins with a virtual directory that only Lync has.
func isDirectory(path string) bool {
	path = strings.ToLower(strings.TrimLeft(path, "^~*/ ("))
	only := []string{"ucwa", "webticket", "mcx", "groupexpansion", "certprov", "datacollabweb", "reach", "autodiscover/autodiscoverservice.svc"}
	return slices.ContainsFunc(only, func(d string) bool { return strings.HasPrefix(path, d) })
}

// Ports of the two web sites of a Front End.
const (
	portInternal      = 443
	portInternalPlain = 80
	portExternal      = 4443
	portExternalPlain = 8080
	// portUnknown is one that a variable holds.
	portUnknown = -1
)

// target is a web server that a proxy leads to.
type target struct {
	scheme string // http or https
	host   string
	// port is zero where none is written; number then has the scheme's. One that a variable holds is portUnknown.
	port int
	// path is what follows the host, with its slash; empty for none.
	path string
}

var targetURL = regexp.MustCompile(`(?i)^(https?)://(\[[^\]]*\]|\$\{?\w+\}?[\w.-]*|[^/:?\s$]*)(?::(\d{1,5}|\$\{?\w+\}?))?([/?$].*)?$`)

// parseTarget reads the address of a web server. Variables are kept as they are.
func parseTarget(url string) (target, bool) {
	if scheme, rest, ok := strings.Cut(url, "://"); ok { // a name and password in it are nobody's business
		if at := strings.IndexByte(rest, '@'); at >= 0 && !strings.Contains(rest[:at], "/") {
			url = scheme + "://" + rest[at+1:]
		}
	}
	m := targetURL.FindStringSubmatch(url)
	if m == nil {
		return target{}, false
	}
	t := target{scheme: strings.ToLower(m[1]), host: strings.ToLower(m[2]), path: m[4]}
	if t.port = atoi(m[3]); strings.HasPrefix(m[3], "$") {
		t.port = portUnknown
	}
	return t, true
}

func (t target) number() int {
	switch {
	case t.port != 0:
		return t.port
	case t.scheme == "https":
		return portInternal
	}
	return portInternalPlain
}

// atoi is a number of a few digits; zero for anything else.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

func isNumeric(text string) bool {
	_, err := strconv.Atoi(text)
	return err == nil
}
