package failure

import (
	"slices"
	"strings"

	"lyncpin/probe"
)

// Front Ends of 2010 keep the sessions of phones and of the web app on the machine where they began, and want a
// balancer's cookie to find it again. Load balancing requirements for Skype for Business; later releases do without.

// notOf2010 is the verdict where the servers are newer.
var notOf2010 = probe.NotApplicable("the Front Ends are newer than Lync Server 2010 and need no affinity")

// affinityCookie is the name that the balancer's cookie must have.
const affinityCookie = "ms-wsman"

// affinityCookies begin the names that balancers give their own cookies. Inferred: general knowledge of products.
var affinityCookies = []string{"bigipserver", "nsc_", "serverid", "routeid", "arraffinity", "srv_id", "lb-", "balancer", "sticky"}

// isOf2010 tells whether Front Ends answer, and none of them knows UCWA.
func isOf2010(v *probe.View) bool {
	return !knowsUCWA(v) && slices.ContainsFunc(clientPlaces(v), func(p *probe.Place) bool {
		return slices.ContainsFunc(p.Exchanges(), func(x *probe.Exchange) bool {
			return x.Document != nil && strings.HasPrefix(x.Document.Form, "legacy") && fromFrontEnd(x) && !isOnline(x.Host)
		})
	})
}

// cookie is one that an answer sets, without its value.
type cookie struct {
	name string
	// attributes are in lower case, with their values.
	attributes []string
}

// cookiesIn are the cookies that an answer sets.
func cookiesIn(x *probe.Exchange) []cookie {
	var out []cookie
	for _, line := range x.Header["Set-Cookie"] {
		parts := strings.Split(line, ";")
		name, _, _ := strings.Cut(parts[0], "=")
		c := cookie{name: strings.TrimSpace(name)}
		for _, p := range parts[1:] {
			c.attributes = append(c.attributes, strings.ToLower(strings.TrimSpace(p)))
		}
		out = append(out, c)
	}
	return out
}

func (c cookie) isAffinity() bool { return strings.EqualFold(c.name, affinityCookie) }

// looksLikeAffinity tells whether the name is one that balancers choose by themselves.
func (c cookie) looksLikeAffinity() bool {
	return slices.ContainsFunc(affinityCookies, func(prefix string) bool { return strings.HasPrefix(strings.ToLower(c.name), prefix) })
}
