package failure

import "lyncpin/probe"

var networkForwardProxyRequired = Mode{
	Rule: probe.Rule{
		ID:       "network.forward-proxy-required",
		Severity: probe.Medium,
		Title:    "clients in this network reach the Internet only through an explicit proxy",
		Cause:    "the network lets no direct connection out; desktop clients may find the proxy by its settings, phones mostly cannot log in to one",
		Remedy:   "Let TCP 443 to the addresses of the reverse proxy and the Access Edge pass without the proxy, and exempt these names in the proxy settings (PAC file).",
		Sources:  []string{"HttpProxyControlFlags", "Troubleshooting Skype for Business for Android", "Why SfB fails to join meetings"},
	},
	Undecidable: "The probe connects directly and knows of no explicit proxy, so such a network looks like one whose servers are down. By hand, from the same machine: curl -v https://<external web FQDN>/ must hang while curl -v -x http://<proxy>:<port> https://<external web FQDN>/ answers, or gives 407; and any other site on the Internet behaves in the same way.",
}
