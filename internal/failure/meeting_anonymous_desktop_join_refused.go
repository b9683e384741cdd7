package failure

import "lyncpin/probe"

var meetingAnonymousDesktopJoinRefused = Mode{
	Rule: probe.Rule{
		ID:       "meeting.anonymous-desktop-join-refused",
		Severity: probe.Medium,
		Title:    "guests with the desktop client cannot join a meeting that opens in the browser",
		Cause:    "SIP refuses the guest (403): the organiser has no external access or federation policy, or the guest's own network blocks the host's names; the web services have no part in it",
		Remedy:   "Give the organiser an external access policy that allows federation and anonymous users (Grant-CsExternalAccessPolicy, Set-CsAccessEdgeConfiguration -AllowAnonymousUsers $true), and install the latest cumulative update.",
		Sources:  []string{"Anonymous join failure when organizer is disabled for federation", "Why SfB fails to join meetings"},
	},
	Undecidable: "The refusal is in SIP at the Access Edge, which no web request shows. By hand: open the meeting link with ?sl=1, which forces the web app; when that works and the desktop client does not, read the SIP answer in the client's trace (403 with ms-diagnostics), and check Get-CsExternalAccessPolicy of the organiser.",
}
