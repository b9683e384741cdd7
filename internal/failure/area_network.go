package failure

// networkModes are about the way of the packets.
func networkModes() []Mode {
	return []Mode{
		networkWANRuleMissing,
		networkNATMissing,
		networkServerBehindCGNAT,
		networkAsymmetricPathDrop,
		networkBlockRFC1918OnWAN,
		networkForwardProxyRequired,
		networkSharedIP443Conflict,
		networkMTUBlackhole,
		networkCaptivePortal,
		networkGuestIsolation,
		networkHairpinNATRefused,
		networkHairpinAsymmetric,
		networkNATToWrongHost,
		networkPort80FilteredByISP,
		networkFirewallProxyToFEBlocked,
		networkFirewallStateTimeout,
	}
}
