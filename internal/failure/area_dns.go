package failure

// dnsModes are about names: records that are missing, wrong, or seen from the wrong side.
func dnsModes() []Mode {
	return []Mode{
		dnsServfail,
		dnsLyncdiscoverMissing,
		dnsLyncdiscoverMissingOneSipDomain,
		dnsCnameChainBroken,
		dnsLyncdiscoverPointsToAccessEdge,
		dnsLyncdiscoverPointsToCompanyWebsite,
		dnsInternalRecordLeaksExternally,
		dnsExternalWebFqdnMissing,
		dnsSplitZoneShadowMissingNames,
		dnsExternalWebFqdnUnresolvableInternally,
		dnsExternalWebFqdnResolvesToFrontEndInternally,
		dnsLyncdiscoverinternalMissingInternally,
		dnsLyncdiscoverinternalPublishedExternally,
		dnsWildcardAnswersLyncdiscoverinternalExternally,
		dnsCnameToOtherDomain,
		dnsMultipleAOneDead,
		dnsAaaaPresentV6Unreachable,
		dnsInternalWebFqdnExposed,
	}
}
