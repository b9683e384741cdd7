package failure

import "lyncpin/probe"

var mobilitySipPortsFirewalled = Mode{
	Rule: probe.Rule{
		ID:       "mobility.sip-ports-firewalled",
		Severity: probe.Medium,
		Title:    "phones are accepted and then fail, because servers cannot reach each other's mobility ports",
		Cause:    "the internal firewall blocks the ports on which the mobility services talk SIP to the registrar or the Survivable Branch Appliance: 5086 and 5087 (Mcx), 5088 and 5089 (UCWA)",
		Remedy:   "Open TCP 5086 to 5089 between all Front End pools, Directors and Survivable Branch Appliances.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Lync 2010 mobility sign-in internals"},
	},
	Undecidable: "The traffic is between servers inside, after sign-in; from outside it shows at most as JSON errors ServiceTimeout after about 30 s. By hand: Test-NetConnection <server> -Port 5089 (and 5086 to 5088) from one Front End to the others and to the Survivable Branch Appliance, and the Lync Server event log for mobility errors.",
}
