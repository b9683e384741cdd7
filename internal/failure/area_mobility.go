package failure

// mobilityModes are about phones as a whole.
func mobilityModes() []Mode {
	return []Mode{
		mobilityUCWANotPublished,
		mobilityMcxAbsent2019,
		mobilityPolicyDisabled,
		mobilityClientVersionBlocked,
		mobilityTooManyApplications,
		mobilityApplicationLostBetweenNodes,
		mobilityEventGapResync,
		mobilityLongPollCutByIdleTimeout,
		mobilityPgetReplaced,
		mobilityEventsBuffered,
		mobilityManualURLWrong,
		mobilityCachedEndpointStale,
		mobilityPushNotificationsBroken,
		mobilitySipPortsFirewalled,
		// What remains to be said when nothing else was found.
		mobilityDiscoveryFails,
		mobilityWiFiCannotReachExternalFQDN,
		mobilitySignInFails,
	}
}
