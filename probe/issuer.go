package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
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
	o.reachPage(ctx, m[1])
}

// passiveGrant is the grant type of those who log on at a page of ADFS. UCWA, "Authentication in UCWA".
const passiveGrant = "urn:microsoft.rtc:passive"

// reachPassivePage asks the token service for the page of passive sign-in, where its challenge offers that, and looks
// whether the page's server can be reached from here. Without the page's cookie the service answers 400 with its URL.
func (o *observer) reachPassivePage(ctx context.Context, challenge *Exchange) {
	if challenge == nil {
		return
	}
	c := parseChallenge(challenge.Header)
	to, err := followable(c.token)
	if !slices.Contains(c.grants, passiveGrant) || err != nil || to.scheme != "https" || !o.hasHost(to.host) {
		return
	}
	at, ok := o.endpointOf(ctx, to)
	if !ok {
		return
	}
	line := o.newClientConn(at, "passive", &secrets{})
	defer line.close()
	_, body := line.do(ctx, signedRequest{
		purpose: PostPassive, method: http.MethodPost, target: to.target, accept: acceptUCWAJSON, body: []byte(url.Values{"grant_type": {passiveGrant}}.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}},
	})
	var refusal struct {
		Page string `json:"ms_rtc_passiveauthuri"`
	}
	if json.Unmarshal(body, &refusal) == nil {
		o.reachPage(ctx, refusal.Page)
	}
}

// reachPage looks whether the server of a page can be reached from here, as far as TLS.
func (o *observer) reachPage(ctx context.Context, page string) {
	l, err := followable(page)
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
