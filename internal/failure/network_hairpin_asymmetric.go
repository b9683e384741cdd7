package failure

import "lyncpin/probe"

var networkHairpinAsymmetric = Mode{
	Rule: probe.Rule{
		ID:       "network.hairpin-asymmetric",
		Severity: probe.High,
		Title:    "phones on the office network get answers from another address than the one they called",
		Cause:    "the firewall translates the destination of connections from inside to the public address, but not their source: the server answers the phone directly, and the phone drops what it did not ask for",
		Remedy:   "Translate the source as well (outbound NAT for reflected connections), or give the external names an inside address of the reverse proxy in the internal DNS.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Network and security considerations for Lync 2013 mobility"},
	},
	Undecidable: "A client sees only that no connection comes about, which network.hairpin-nat-refused reports. By hand: capture on the reverse proxy while a phone tries (tcpdump -n 'tcp port 443 and host <phone>'). SYNs that arrive with the phone's own address, answered past the firewall, are this mode; no SYN at all is network.hairpin-nat-refused.",
}
