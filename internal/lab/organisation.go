package lab

import (
	"fmt"
	"net"
	"strconv"

	"lyncpin/fakelync"
	"lyncpin/internal/topology"
)

var products = map[string]fakelync.Product{
	"lync2010": fakelync.Lync2010,
	"lync2013": fakelync.Lync2013,
	"sfb2015":  fakelync.SfB2015,
	"sfb2019":  fakelync.SfB2019,
}

// grants are the token service's grant types by their words in a topology.
var grants = map[string]string{
	"password":    fakelync.GrantPassword,
	"windows":     fakelync.GrantWindows,
	"anonmeeting": fakelync.GrantMeeting,
	"passive":     fakelync.GrantPassive,
}

// product is what the machines of the pool run.
func (l *Lab) product(p *topology.Pool) fakelync.Product {
	if p.Product != "" {
		return products[p.Product]
	}
	return products[l.top.Product]
}

// organisation is what the machines of all pools share.
func (l *Lab) organisation() fakelync.OrganisationConfig {
	out := fakelync.OrganisationConfig{
		HostingProviderURL: l.top.Directory.HostingProviderURL,
		DirectoryDown:      l.top.Directory.Down,
		LockoutThreshold:   l.top.Directory.LockoutThreshold,
		MaxApplications:    l.top.Directory.MaxApplications,
		DeniedUserAgents:   l.top.Directory.DeniedUserAgents,
		Speed:              l.opts.Speed,
	}
	for _, u := range l.top.Users {
		out.Users = append(out.Users, fakelync.User{
			SIP:             u.SIP,
			Login:           u.Login,
			UPN:             u.UPN,
			Password:        u.Password,
			Pool:            u.Pool,
			Online:          u.Online,
			NotEnabled:      u.NotEnabled,
			NoMobility:      u.NoMobility,
			NoOutsideAccess: u.NoOutsideAccess,
			NoRegistrar:     u.NoRegistrar,
		})
	}
	for i := range l.top.Pools {
		p := &l.top.Pools[i]
		pool := fakelync.Pool{
			Name:               p.Name,
			Product:            l.product(p),
			Director:           p.Role == topology.Director,
			InternalWeb:        p.Internal.WebFQDN,
			ExternalWeb:        p.External.WebFQDN,
			SIPExternal:        l.sipAccess(p),
			HideExternalLinks:  p.HideExternalLinks,
			HiddenTokens:       p.HiddenTokens,
			ExposedWebInternal: p.ExposedWebInternal,
		}
		if p.SIP != 0 {
			pool.SIPInternal = net.JoinHostPort(p.Name, strconv.Itoa(p.SIP))
		}
		out.Pools = append(out.Pools, pool)
	}
	return out
}

// sipAccess is the Access Edge that the pool's users come in by; empty when there is none.
func (l *Lab) sipAccess(p *topology.Pool) string {
	switch p.SIPAccess {
	case "":
		return fmt.Sprintf("sip.%s:443", l.top.SIPDomains[0])
	case "-":
		return ""
	}
	return p.SIPAccess
}
