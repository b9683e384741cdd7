package failure

import "lyncpin/probe"

var networkNATMissing = Mode{
	Rule: probe.Rule{
		ID:       "network.nat-missing",
		Severity: probe.Critical,
		Title:    "the public address belongs to an outer device that does not forward the ports to the reverse proxy",
		Cause:    "a router of the provider or a second firewall stands in front, and lacks the port forward",
		Remedy:   "On the device that owns the public address, forward TCP 443 and 80 to the reverse proxy.",
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy"},
	},
	Undecidable: "From outside a missing forward and a missing firewall rule are the same silence, which network.wan-rule-missing reports. By hand: capture on the outer interface of the firewall before the reverse proxy while somebody outside tries (tcpdump -n 'tcp port 443'). No SYN arrives: look at the device in front; SYNs arrive and get no answer: look at the firewall's own rules.",
}
