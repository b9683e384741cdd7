package probe

import (
	"context"
	"net/netip"
	"regexp"
	"strings"
)

// issuerOf finds the issuer of modern authentication in a Bearer challenge: RFC 6750 section 3; the parameter is
// Microsoft's.
var issuerOf = regexp.MustCompile(`(?i)\bBearer\s[^\n]*?\bauthorization_uri="([^"]*)"`)

// reachIssuer looks whether the log-in page that a challenge names can be reached from here, as far as TLS. Nothing is
// asked of it. A nil challenge names none.
func (o *observer) reachIssuer(ctx context.Context, challenge *Exchange) {
	if challenge == nil {
		return
	}
	m := issuerOf.FindStringSubmatch(strings.Join(challenge.Header["Www-Authenticate"], "\n"))
	if m == nil {
		return
	}
	l, err := followable(m[1])
	if err != nil || l.scheme != "https" {
		return
	}
	for _, a := range o.resolve(ctx, l.host) {
		s := o.take(ctx, l.scheme, l.host, netip.AddrPortFrom(a, l.port))
		reached := s.conn != nil
		s.release()
		if reached {
			return
		}
	}
}
