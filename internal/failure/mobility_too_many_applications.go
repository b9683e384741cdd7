package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityTooManyApplications = Mode{
	Rule: probe.Rule{
		ID:       "mobility.too-many-applications",
		Severity: probe.Low,
		Title:    "a user has more devices signed in than the servers allow",
		Cause:    "applications of devices that went away without signing out count until they expire, 15 minutes after their last request; test tools that do not clean up leave many",
		Remedy:   "Sign out on devices that are not used, and wait a quarter of an hour. Tools that sign in must delete the application when they are done.",
		Sources:  []string{"UCWA: Errors and informational messages"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect: func(v *probe.View) probe.Verdict {
			return creationRefused(v, "the user has too many already", "TooManyApplications")
		},
	},
	SignsIn:  true,
	Confused: []probe.ID{"mobility.client-version-blocked"},
	Cases: []Case{
		{Name: "one-for-each-user", Edit: func(t *topology.Topology) { t.Directory.MaxApplications = 1 }},
	},
	Near: []Case{
		{Name: "fifty-for-each-user", Edit: func(t *topology.Topology) { t.Directory.MaxApplications = 50 }},
	},
}
