package failure

// frontendModes are about the servers and what balances them: whether they run, what they hand out, and whether they
// serve who has signed in.
func frontendModes() []Mode {
	return []Mode{
		frontendExternalSiteStopped,
		frontendExternalSiteBindingMissing,
		frontendWebCertificateUnassignedOrWrong,
		frontendHlbVipMapsToInternalPort,
		frontendOneNodeDown,
		frontendAppPoolStopped503,
		frontendUCWARecycled500,
		frontendIISRequestFiltering,
		frontendExternalWebFQDNEqualsInternal,
		frontendExternalWebFQDNWrongInTopology,
		frontendHttp8080RequiresSsl,
		frontendSimpleURLNotRegistered,
		frontendDirectorRedirectsToUnpublishedPool,
		frontendAutodiscoverLacksExternalLinks,
		frontendExternalSIPAccessMissing,
		frontendRegistrarQuorumLost,
		frontendHLBAffinityLostMcx,
		frontendAffinityCookieMalformed,
		frontendRequestLevelLBMissing,
		frontendExchangeOrMCUUnavailable,
	}
}
