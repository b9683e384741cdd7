package failure

import "lyncpin/probe"

var networkBlockRFC1918OnWAN = Mode{
	Rule: probe.Rule{
		ID:       "network.block-rfc1918-on-wan",
		Severity: probe.High,
		Title:    "the reverse proxy is reached from the Internet, and not from a private network on its outer side",
		Cause:    "the firewall drops sources in private address ranges on its WAN interface (pfSense: Block private networks), and clients arrive there with such sources: another site, a transit network, or a router in front that translates sources",
		Remedy:   "Allow the private ranges that really arrive there. pfSense: Interfaces > WAN: untick Block private networks and loopback addresses, when the network in front of it is private.",
		Sources:  []string{"pfSense squid package: reverse proxy generator", "RFC 1918 section 3"},
	},
	Undecidable: "What source address the firewall sees is known only to the firewall; to the client it is the silence that network.wan-rule-missing or network.hairpin-nat-refused report. By hand: look for blocks of the rule \"Block private networks\" on WAN in the firewall's log (pfSense: Status > System Logs > Firewall) while a client of that network tries.",
}
