package failure

import "lyncpin/probe"

var hybridSecondDomainOnlineOnly = Mode{
	Rule: probe.Rule{
		ID:       "hybrid.second-domain-online-only",
		Severity: probe.Medium,
		Title:    "users of one SIP domain on premises and of another online do not see each other's presence",
		Cause:    "the domain that lives online was never added to the on-premises topology, so messages between the domains are not routed as inside one organisation",
		Remedy:   "Add the domain that lives online as an additional supported SIP domain in Topology Builder, publish, and set the hosting provider for it.",
		Sources:  []string{"Plan hybrid connectivity"},
	},
	Undecidable: "Routing between the domains happens in SIP; discovery of each domain looks right by itself. By hand: compare Get-CsSipDomain on premises with the domains of the tenant, and trace a message between two users for 403 or 404 answers.",
}
