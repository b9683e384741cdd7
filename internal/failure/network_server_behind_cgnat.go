package failure

import "lyncpin/probe"

var networkServerBehindCGNAT = Mode{
	Rule: probe.Rule{
		ID:       "network.server-behind-cgnat",
		Severity: probe.Critical,
		Title:    "the public record names an address that the provider shares among customers, or that is not the firewall's own",
		Cause:    "the line has an address of the provider's own translation (100.64.0.0/10), so that nothing from outside can be forwarded to it",
		Remedy:   "Order a public IPv4 address for the line, or publish the reverse proxy at a place that has one, and set the public records to it.",
		Sources:  []string{"RFC 6598 section 4"},
	},
	Undecidable: "Which address the firewall has on its line is known only to the firewall; from outside it is the silence that network.wan-rule-missing reports. A public record with an address of 100.64.0.0/10 is found, as dns.internal-record-leaks-externally. By hand: compare the WAN address that the firewall shows with the public A record and with what a service on the Internet sees of a connection from inside; all three must be equal.",
}
