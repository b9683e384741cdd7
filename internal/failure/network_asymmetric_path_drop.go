package failure

import "lyncpin/probe"

var networkAsymmetricPathDrop = Mode{
	Rule: probe.Rule{
		ID:       "network.asymmetric-path-drop",
		Severity: probe.High,
		Title:    "connections from outside come about only sometimes, because answers leave by another line than they came in by",
		Cause:    "the firewall has several lines to the Internet and routes answers by its default route; the other provider or the firewall itself drops them",
		Remedy:   "Let answers leave by the line on which the connection came in (pfSense: a gateway on the WAN interface, so that its rules get reply-to, and no policy route before them).",
		Sources:  []string{"Port and protocol details for the Lync 2013 reverse proxy"},
	},
	Undecidable: "An answer that leaves by the other line never reaches the client: all it sees is the silence that network.wan-rule-missing reports, or nothing wrong when it comes by the line that works. By hand: capture on all outer interfaces at once while somebody outside tries (tcpdump -n -i <line> 'tcp port 443'); the SYN on one and the SYN-ACK on another is this mode. Switching the second line off for a minute must cure it.",
}
