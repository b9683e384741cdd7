package failure

// dnsModes are about names: records that are missing, wrong, or seen from the wrong side.
func dnsModes() []Mode {
	return []Mode{
		dnsServfail,
		dnsLyncdiscoverMissing,
		dnsLyncdiscoverMissingOneSIPDomain,
		dnsCNAMEChainBroken,
		dnsLyncdiscoverPointsToAccessEdge,
		dnsLyncdiscoverPointsToCompanyWebsite,
		dnsInternalRecordLeaksExternally,
		dnsExternalWebFQDNMissing,
		dnsSplitZoneShadowMissingNames,
		dnsExternalWebFQDNUnresolvableInternally,
		dnsExternalWebFQDNResolvesToFrontEndInternally,
		dnsLyncdiscoverinternalMissingInternally,
		dnsLyncdiscoverinternalPublishedExternally,
		dnsWildcardAnswersLyncdiscoverinternalExternally,
		dnsCNAMEToOtherDomain,
		dnsMultipleAOneDead,
		dnsAAAAPresentV6Unreachable,
		dnsInternalWebFQDNExposed,
	}
}
