package failure

// networkModes are about the way of the packets.
func networkModes() []Mode {
	return []Mode{
		networkWanRuleMissing,
		networkCaptivePortal,
		networkHairpinNatRefused,
		networkNatToWrongHost,
		networkFirewallProxyToFeBlocked,
	}
}
