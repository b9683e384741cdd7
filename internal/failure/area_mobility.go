package failure

// mobilityModes are about phones as a whole.
func mobilityModes() []Mode {
	return []Mode{mobilityDiscoveryFails, mobilityPushNotificationsBroken, mobilitySipPortsFirewalled}
}
