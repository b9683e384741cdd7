package failure

import "lyncpin/probe"

var mobilityCachedEndpointStale = Mode{
	Rule: probe.Rule{
		ID:       "mobility.cached-endpoint-stale",
		Severity: probe.Medium,
		Title:    "only users who signed in before a change of servers or names fail",
		Cause:    "clients keep the URLs of their last sign-in until these fail hard (no connection, 403 or 502); an old host name that still answers with anything else is used for ever",
		Remedy:   "Remove the old name from the DNS, or let the reverse proxy refuse its connections. On clients that are stuck: sign out and delete the sign-in information; on the desktop, delete EndpointConfiguration.cache below %LocalAppData%.",
		Sources:  []string{"UCWA 2.0: Root URL", "Lync 2010 pool / Lync 2013 client coexistence, endpoint cache"},
	},
	Undecidable: "The probe signs in afresh and keeps nothing, and which names were in use before nobody told it. By hand, for every former external web FQDN: curl -i https://<former name>/ucwa/v1/applications must fail to connect or give 403 or 502; any other answer keeps old clients there.",
}
