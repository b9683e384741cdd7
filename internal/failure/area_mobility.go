package failure

func mobilityModes() []Mode {
	return []Mode{mobilityPushNotificationsBroken, mobilitySipPortsFirewalled}
}
