package failure

// networkModes are about the way of the packets.
func networkModes() []Mode {
	return []Mode{
		networkWANRuleMissing,
		networkCaptivePortal,
		networkHairpinNATRefused,
		networkNATToWrongHost,
		networkFirewallProxyToFEBlocked,
	}
}
