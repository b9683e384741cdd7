package failure

import "lyncpin/probe"

var frontendExchangeOrMCUUnavailable = Mode{
	Rule: probe.Rule{
		ID:       "frontend.exchange-or-mcu-unavailable",
		Severity: probe.Medium,
		Title:    "search, photos or conferences fail for people who have signed in",
		Cause:    "the Front Ends do not reach Exchange's web services, or the conferencing servers of the pool are down; everything that they do themselves works",
		Remedy:   "Test-CsExStorageConnectivity -SipUri user1@contoso.example, and Get-CsWindowsService on every Front End for RTCIMMCU, RTCDATAMCU, RTCAVMCU and RTCCAA; the Lync Server event log names the server that was not reached.",
		Sources:  []string{"UCWA: Errors and informational messages (ExchangeServiceFailure)"},
	},
	Confused:    []probe.ID{"policy.ews-not-published"},
	Undecidable: "The probe asks for nothing that Exchange or a conferencing server would have to answer: that would open mailboxes and meetings of the account. By hand: search for a contact on a phone and look at the answer in the client's log; 503 with ExchangeServiceFailure or Unavailable in JSON is the Front End's own word, while an HTML page would be the proxy's.",
}
