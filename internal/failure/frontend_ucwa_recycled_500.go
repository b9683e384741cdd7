package failure

import (
	"fmt"
	"slices"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var frontendUCWARecycled500 = Mode{
	Rule: probe.Rule{
		ID:       "frontend.ucwa-recycled-500",
		Severity: probe.High,
		Title:    "the UCWA application of the Front Ends did not start again after a recycle",
		Cause:    "an antivirus scanner, a backup agent or IIS itself recycled the application pool, and the new process begins while the old one still runs; from then on every request ends in an error of ASP.NET until the pool is restarted",
		Remedy:   "Restart-WebAppPool LyncUcwa on the Front Ends named below, and keep it from happening: appcmd set apppool LyncUcwa /recycling.disallowOverlappingRotation:true /processModel.shutdownTimeLimit:00:00:30; exclude the web components' folder from the virus scanner. Events 1309 and 3005 of ASP.NET in the Application log tell when it began.",
		Sources:  []string{"UCWA mobility web service does not accept connections"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectFrontendUCWARecycled500,
	},
	SignsIn:  true,
	Confused: []probe.ID{"frontend.app-pool-stopped-503", "frontend.registrar-quorum-lost"},
	Cases: []Case{
		{Name: "not-started-again", Edit: func(t *topology.Topology) { t.FrontEndPool().External.FailedApps = []string{"ucwa"} }},
	},
	More: []Case{
		{Name: "on-both-sites", Edit: func(t *topology.Topology) {
			t.FrontEndPool().External.FailedApps = []string{"ucwa"}
			t.FrontEndPool().Internal.FailedApps = []string{"ucwa"}
		}},
	},
	Near: []Case{
		{Name: "another-application", Edit: func(t *topology.Topology) { t.FrontEndPool().External.FailedApps = []string{"scheduler"} }},
	},
}

func detectFrontendUCWARecycled500(v *probe.View) probe.Verdict {
	return judgeFailures(v, func(s step) string {
		x := s.answer
		// UCWA's own errors have a form, and what the layer in front of it refuses has diagnostics: this has neither.
		if x.Status != 500 || !fromFrontEnd(x) && !isIISPage(x) || madeByUCWA(x) || x.Header.Get("X-Ms-Diagnostics") != "" {
			return ""
		}
		by := serverOf(x)
		if by == "" {
			by = "the Front End"
		}
		what := fmt.Sprintf("%s %s is answered 500 by %s, in the form of ASP.NET and not of UCWA", x.Method, x.URL, by)
		if slices.ContainsFunc(stepsNamed(v, probe.StepUser), func(u step) bool { return u.at == s.at && u.Result == probe.StepOK }) {
			what += "; ticket and user document are fine"
		}
		return what
	}, probe.StepApplication)
}
