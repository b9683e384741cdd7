package failure

import (
	"regexp"
	"slices"
	"strings"

	"lyncpin/probe"
)

// Verdicts for what only those who sign in can see.
var (
	nobodySignedIn = probe.NotApplicable("nobody signed in")
)

// signedInAt tells whether somebody signed in from the place, or tried to.
func signedInAt(p *probe.Place) bool { return len(p.SignIns()) > 0 }

// signingPlaces are the places from which somebody signed in, or tried to.
func signingPlaces(v *probe.View) []*probe.Place {
	return slices.DeleteFunc(v.Places(), func(p *probe.Place) bool { return !signedInAt(p) })
}

// step is a step of somebody's sign-in, and what it came to.
type step struct {
	*probe.SignInStep
	at      *probe.Place
	client  string
	account string
	// answer is the last exchange; nil when it came to none.
	answer *probe.Exchange
}

// stepsNamed are the steps of those names that somebody made, well or not.
func stepsNamed(v *probe.View, names ...string) []step {
	var out []step
	for _, p := range signingPlaces(v) {
		for _, s := range p.SignIns() {
			for i := range s.Steps {
				if one := &s.Steps[i]; slices.Contains(names, one.Name) && one.Result != probe.StepSkipped {
					out = append(out, step{one, p, s.Client, s.Account, p.Exchange(one.Exchange)})
				}
			}
		}
	}
	return out
}

// judgeFailures finds what say has to say of the steps of those names that failed with an answer, one sentence for each
// account and place, and none twice at a place. Nothing said is clear.
func judgeFailures(v *probe.View, say func(step) string, names ...string) probe.Verdict {
	if len(signingPlaces(v)) == 0 {
		return nobodySignedIn
	}
	steps := stepsNamed(v, names...)
	if len(steps) == 0 {
		return nothingToJudge
	}
	var evidence []probe.Evidence
	told := map[string]bool{}
	for _, s := range steps {
		who := s.at.Name() + " " + s.account
		if s.Result != probe.StepFailed || s.answer == nil || !s.answer.Outcome.OK() || told[who] {
			continue
		}
		what := say(s)
		if same := s.at.Name() + " " + what; what != "" && !told[same] {
			told[who], told[same] = true, true
			evidence = append(evidence, s.at.SawStep(s.SignInStep, "%s", what))
		}
	}
	return verdict(evidence)
}

// diagnosis reads X-Ms-diagnostics: the number and the reason. [MS-OCAUTHWS] IssueToken. Both are empty when the header
// is missing.
func diagnosis(x *probe.Exchange) (id, reason string) {
	id, rest, _ := strings.Cut(x.Header.Get("X-Ms-Diagnostics"), ";")
	if m := reasonPattern.FindStringSubmatch(rest); m != nil {
		reason = strings.TrimSuffix(m[1], ".")
	}
	return strings.TrimSpace(id), reason
}

var reasonPattern = regexp.MustCompile(`reason="([^"]*)"`)

// challenge is what the Front End's 401 at the user resource offers. UCWA, "Authentication in UCWA".
type challenge struct {
	// ticket is the URL of the ticket or token service.
	ticket string
	// grants are the grant types of MsRtcOAuth; nil when there is no such line.
	grants []string
	// issuer is where modern authentication leads; empty when it does not.
	issuer string
}

var (
	tokenPattern  = regexp.MustCompile(`(?i)MsRtcOAuth\s[^\n]*?href=(?:"([^"]*)"|([^",\s]+))`)
	grantsPattern = regexp.MustCompile(`(?i)MsRtcOAuth\s[^\n]*?grant_type="([^"]*)"`)
	issuerPattern = regexp.MustCompile(`(?i)Bearer\s[^\n]*?authorization_uri="([^"]*)"`)

	tokenErrorPattern = regexp.MustCompile(`"error"\s*:\s*"([a-z_]+)"`) // RFC 6749 section 5.2
)

// challengeOf reads a challenge. It is nil when the answer is none. Some software joins the lines into one.
func challengeOf(x *probe.Exchange) *challenge {
	if x == nil || x.Status != 401 {
		return nil
	}
	lines := strings.Join(x.Header["Www-Authenticate"], "\n")
	c := &challenge{ticket: x.Header.Get("X-Ms-Webticketurl")}
	if m := tokenPattern.FindStringSubmatch(lines); m != nil {
		c.ticket = m[1] + m[2]
	}
	if m := grantsPattern.FindStringSubmatch(lines); m != nil {
		c.grants = strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })
	}
	if m := issuerPattern.FindStringSubmatch(lines); m != nil {
		c.issuer = m[1]
	}
	if c.ticket == "" && c.grants == nil {
		return nil
	}
	return c
}

// Grant types of the token service. UCWA, "Authentication in UCWA".
const (
	grantWindows  = "urn:microsoft.rtc:windows"
	grantPassive  = "urn:microsoft.rtc:passive"
	grantPassword = "password"
)

// userChallenges are the Front Ends' answers to those who ask for the user resource without a ticket, one for each host
// of a place.
func userChallenges(p *probe.Place) []*probe.Exchange {
	var out []*probe.Exchange
	for _, x := range p.Exchanges(probe.GetUser, probe.GetUserLegacy, probe.SignInChallenge) {
		if challengeOf(x) != nil && !isOnline(x.Host) {
			out = append(out, x)
		}
	}
	return out
}

// clientPlaces are the places where clients stand, and not proxies.
func clientPlaces(v *probe.View) []*probe.Place {
	return slices.DeleteFunc(v.Places(), func(p *probe.Place) bool { return p.Name() == probe.Proxy })
}

// judgeGrants finds what say has to say of the grant types that the token service offers to clients, one sentence for
// each place. Nothing said is clear.
func judgeGrants(v *probe.View, say func(*challenge) string) probe.Verdict {
	asked := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range userChallenges(p) {
			c := challengeOf(x)
			if c.grants == nil {
				continue
			}
			asked = true
			if what := say(c); what != "" {
				evidence = append(evidence, p.SawExchange(x, "the challenge of %s %s: %s", x.URL, what, strings.Join(c.grants, ", ")))
				break
			}
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// Windows authentication.

// straight tells whether a log-on met no reverse proxy: it was made beside it, or inside at another address than the
// proxy's.
func straight(v *probe.View, p *probe.Place, l *probe.Logon) bool {
	switch p.Name() {
	case probe.Proxy:
		return true
	case probe.Internal, probe.WiFi:
		return !slices.Contains(listenerOf(v).addrs, addressOf(l.Addr))
	}
	return false
}

// logon is a Windows authentication that came as far as an answer to the third leg.
type logon struct {
	*probe.Logon
	at *probe.Place
}

// logonsOf are the Windows authentications of an account that were granted or refused, split by whether the reverse
// proxy was in between.
func logonsOf(v *probe.View, account string) (direct, proxied []logon) {
	for _, p := range v.Places() {
		list := p.Logons()
		for i := range list {
			l := &list[i]
			switch {
			case l.Account != account || l.Result != probe.LogonGranted && l.Result != probe.LogonRefused:
			case straight(v, p, l):
				direct = append(direct, logon{l, p})
			default:
				proxied = append(proxied, logon{l, p})
			}
		}
	}
	return direct, proxied
}

func (l logon) granted() bool { return l.Result == probe.LogonGranted }

// oneServer is the machine that answered the legs of a log-on from the first message on; empty when they were several,
// or did not say.
func (l logon) oneServer() string {
	n := len(l.Servers)
	if n < 2 || l.Servers[n-1] != l.Servers[n-2] {
		return ""
	}
	return l.Servers[n-1]
}

// signingAccounts are the accounts that signed in, or tried to.
func signingAccounts(v *probe.View) []string {
	var out []string
	for _, p := range signingPlaces(v) {
		for _, s := range p.SignIns() {
			if !slices.Contains(out, s.Account) {
				out = append(out, s.Account)
			}
		}
	}
	return out
}

// passwordProven is evidence that the password of an account is right: a ticket for it without Windows
// authentication. It is nil when there is none.
func passwordProven(v *probe.View, account string) *probe.Evidence {
	for _, s := range stepsNamed(v, probe.StepTicket) {
		if s.account == account && s.Result == probe.StepOK && s.Logon == 0 {
			e := s.at.SawStep(s.SignInStep, "the name and password of %s are right: the token service takes them", account)
			return &e
		}
	}
	return nil
}
