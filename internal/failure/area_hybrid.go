package failure

// hybridModes are about users and domains that live in the online service.
func hybridModes() []Mode {
	return []Mode{
		hybridLyncdiscoverPointsOnline,
		hybridRedirectLoop,
		hybridRedirectTargetBlocked,
		hybridRetiredOnlineService,
		hybridHostingProviderAutodiscoverURLMissing,
		hybridModernAuthIssuerUnreachable,
		hybridSecondDomainOnlineOnly,
	}
}
