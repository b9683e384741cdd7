package failure

func frontendModes() []Mode {
	return []Mode{
		frontendExternalSiteStopped,
		frontendExternalSiteBindingMissing,
		frontendWebCertificateUnassignedOrWrong,
		frontendHlbVipMapsToInternalPort,
		frontendOneNodeDown,
		frontendAppPoolStopped503,
		frontendExternalWebFQDNEqualsInternal,
		frontendExternalWebFQDNWrongInTopology,
		frontendHttp8080RequiresSsl,
		frontendSimpleURLNotRegistered,
	}
}
