package probe

import (
	"slices"
	"strings"
)

// onlineDomains are where Microsoft runs the online service. No credentials of an account on premises belong there.
var onlineDomains = []string{
	"lync.com", "skypeforbusiness.us", "lync.cn", "lync.de", "skype.com", "microsoft.com", "office.com", "office365.com",
	"microsoftonline.com", "microsoftonline.us", "microsoftonline.de", "partner.microsoftonline.cn", "windows.net", "outlook.com",
}

// vouched are the hosts that may be sent credentials and tickets of a user: those of the SIP domain, the declared ones,
// and those that a verified answer of such a host named. UCWA, "Root URL", leaves the check to the client.
type vouched struct {
	domain string // the user's SIP domain
	hosts  []string
}

func newVouched(domain string, e Expected) *vouched {
	v := &vouched{domain: domain}
	for _, h := range slices.Concat(e.ExternalWeb, e.InternalWeb) {
		v.hosts = append(v.hosts, strings.ToLower(h))
	}
	return v
}

// has tells whether the host may be sent credentials.
func (v *vouched) has(host string) bool {
	return !below(host, onlineDomains...) && (below(host, v.domain) || slices.Contains(v.hosts, host))
}

// add notes hosts that an answer of a host named. The caller has verified who answered.
func (v *vouched) add(from string, named ...string) {
	if !v.has(from) {
		return
	}
	for _, h := range named {
		if h != "" && !v.has(h) && len(v.hosts) < maxHosts {
			v.hosts = append(v.hosts, h)
		}
	}
}

// why is the reason not to send a host credentials.
func (v *vouched) why(host string) string { return host + " is not vouched for by " + v.domain }

// below tells whether a host is one of the domains or in one.
func below(host string, domains ...string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}
