package failure

import (
	"net/url"
	"regexp"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var meetingADFSPassiveUnreachable = Mode{
	Rule: probe.Rule{
		ID:       "meeting.adfs-passive-unreachable",
		Severity: probe.High,
		Title:    "the web app sends people to a log-in page that cannot be reached from here",
		Cause:    "passive sign-in is on, and its page (ADFS, or the passive site of the web services) is not published, or has no record here; the web app goes round in circles or shows a dead link",
		Remedy:   "Publish ADFS through its own proxy (Web Application Proxy), with a record in this network's DNS, and let the reverse proxy pass /passiveauth. Get-CsWebServiceConfiguration: WsFedPassiveMetadataUri names the ADFS server.",
		Sources:  []string{"UCWA 2.0: Authentication in UCWA"},
		Reads:    probe.Exchanges | probe.Lookups | probe.Dials | probe.Handshakes,
		Detect:   detectMeetingADFSPassiveUnreachable,
	},
	Confused: []probe.ID{"proxy.preauth-forms-page", "hybrid.modern-auth-issuer-unreachable"},
	Cases: []Case{
		{Name: "not-in-dns", Edit: func(t *topology.Topology) {
			passiveSignIn(t)
			t.External.Remove(issuerHost)
		}},
	},
	More: []Case{
		{Name: "blocked-outside", Edit: func(t *topology.Topology) {
			passiveSignIn(t)
			t.Paths = append(t.Paths, topology.Path{From: probe.External, To: issuerAddress.String(), Action: topology.Drop})
		}},
	},
	Near: []Case{
		{Name: "published", Edit: passiveSignIn},
	},
}

// passiveSignIn has ADFS, and people log on at its page.
func passiveSignIn(t *topology.Topology) {
	modernAuthentication(t, "windows", "anonmeeting", "password", "passive")
	p := t.FrontEndPool()
	p.AuthorizationURI, p.PassiveURI = "", "https://"+issuerHost+"/adfs/ls/"
}

var passivePagePattern = regexp.MustCompile(`"ms_rtc_passiveauthuri"\s*:\s*"([^"]*)"`)

func detectMeetingADFSPassiveUnreachable(v *probe.View) probe.Verdict {
	judged := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		for _, x := range p.Exchanges(probe.PostPassive) {
			m := passivePagePattern.FindStringSubmatch(x.Body)
			if m == nil {
				continue
			}
			page, err := url.Parse(m[1])
			if err != nil || page.Hostname() == "" {
				continue
			}
			tried, what := unreachable(p, page)
			judged = judged || tried
			if what != nil {
				evidence = append(evidence, p.SawExchange(x, "%s sends people for their log-in to %s", x.URL, page), *what)
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}
