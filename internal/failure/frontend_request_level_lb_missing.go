package failure

import "lyncpin/probe"

var frontendRequestLevelLBMissing = Mode{
	Rule: probe.Rule{
		ID:       "frontend.request-level-lb-missing",
		Severity: probe.Medium,
		Title:    "one Front End carries nearly all mobile clients, and the others idle",
		Cause:    "the load balancer chooses a machine for each TCP connection, and the reverse proxy in front of it puts many clients on one",
		Remedy:   "Balance each request and not each connection where a proxy pools clients: F5 OneConnect with an HTTP profile and mask 255.255.255.255, or the like; or let the proxy itself forward to the Front Ends. Connections that log on (NTLM) must stay with their client all the same.",
		Sources:  []string{"Load balancing requirements for Skype for Business"},
	},
	Confused:    []probe.ID{"frontend.one-node-down"},
	Undecidable: "The few requests of a probe meet whichever connections the proxy has open, and a balancer that keeps clients by their address on purpose looks the same. By hand: compare the current connections and requests of the Front Ends over some minutes (Get-Counter '\\Web Service(*)\\Current Connections' on each, or the IIS logs' lines for /ucwa); when one has nearly all, look at how the balancer's virtual service for 4443 shares out.",
}
