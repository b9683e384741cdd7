package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridHostingProviderAutodiscoverURLMissing = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.hosting-provider-autodiscover-url-missing",
		Severity: probe.High,
		Title:    "the Front End takes the user's ticket and does not know where the user is homed",
		Cause:    "the user is homed online, and the hosting provider has no discovery URL to send such users on to",
		Remedy:   "Set-CsHostingProvider -Identity <provider> -AutodiscoverUrl https://webdir.online.lync.com/Autodiscover/AutodiscoverService.svc/root; for a user who should be homed here see Get-CsUser | ft HostingProvider, RegistrarPool.",
		Sources:  []string{"[MS-OCDISCWS] section 3.1.5.3", "Deploy and configure mobility for Skype for Business Server", "Set-CsHostingProvider"},
		Reads:    probe.Exchanges | probe.SignIns,
		Detect:   detectHybridHostingProviderAutodiscoverURLMissing,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.user-not-enabled", "hybrid.lyncdiscover-points-online"},
	Cases: []Case{
		{Name: "online-user", Edit: func(t *topology.Topology) { t.Users[0].Online = true }},
	},
	Near: []Case{
		{Name: "sent-on", Edit: func(t *topology.Topology) {
			onlineService(t)
			t.Plan.Hybrid = true
			homedOnline(t)
		}},
	},
	MoreNear: []Case{
		{Name: "somebody-else-online", Edit: func(t *topology.Topology) { t.Users[2].Online = true }},
	},
}

// homedOnline homes the first user online, and says where that is.
func homedOnline(t *topology.Topology) {
	t.Users[0].Online = true
	t.Directory.HostingProviderURL = "https://" + onlineHost + "/Autodiscover/AutodiscoverService.svc/root"
}

func detectHybridHostingProviderAutodiscoverURLMissing(v *probe.View) probe.Verdict {
	return judgeFailures(v, func(s step) string {
		if s.answer.Status == 404 && s.answer.Size == 0 && fromFrontEnd(s.answer) {
			return fmt.Sprintf("%s is answered 404 with an empty body by %s for the ticket of %s: its home is not known", s.answer.URL, machineOf(s.answer), s.account)
		}
		return ""
	}, probe.StepUser, probe.StepPool)
}
