package failure

import (
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var hybridRetiredOnlineService = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.retired-online-service",
		Severity: probe.Medium,
		Title:    "users are sent on to an online service that no longer serves them",
		Cause:    "the users were moved to the cloud, where Skype for Business Online has been switched off or their tenant has become Teams only",
		Remedy:   "Give these users the Teams client; those who are to stay go back with Move-CsUser -Target pool01.contoso.example. Where nobody is left online, take the discovery URL out: Set-CsHostingProvider -Identity <provider> -AutodiscoverUrl $null.",
		Sources:  []string{"[MS-OCDISCWS] section 3.1.5.2", "Skype for Business Online retirement", "Set-CsHostingProvider"},
		Reads:    probe.Exchanges,
		Detect:   detectHybridRetiredOnlineService,
	},
	SignsIn:  true,
	Confused: []probe.ID{"hybrid.redirect-target-blocked", "hybrid.lyncdiscover-points-online"},
	Cases: []Case{
		{Name: "gone", Edit: func(t *topology.Topology) {
			sentOnline(t)
			t.App(topology.OnlineService).Refuses = 410
		}},
	},
	More: []Case{
		{Name: "users-homed-online", Edit: func(t *topology.Topology) {
			onlineService(t)
			homedOnline(t)
			t.App(topology.OnlineService).Refuses = 404
		}},
		{Name: "forbidden", Edit: func(t *topology.Topology) {
			sentOnline(t)
			t.App(topology.OnlineService).Refuses = 403
		}},
	},
	Near: []Case{
		{Name: "served", Edit: sentOnline},
	},
}

func detectHybridRetiredOnlineService(v *probe.View) probe.Verdict {
	judged := false
	var evidence []probe.Evidence
	for _, p := range clientPlaces(v) {
		told := map[string]bool{}
		for _, x := range sendingOn(p) {
			next := x.Document.Redirect()
			for _, y := range p.ExchangesFor(hostIn(next)) {
				if y.URL != next || y.Status == 0 {
					continue
				}
				judged = true
				if slices.Contains([]int{403, 404, 410}, y.Status) && !told[y.Host] {
					told[y.Host] = true
					evidence = append(evidence, p.SawExchange(y, "%s answers %d", next, y.Status), p.SawExchange(x, "%s sends users on to it", x.URL))
				}
			}
		}
	}
	if !judged {
		return nothingToJudge
	}
	return verdict(evidence)
}
