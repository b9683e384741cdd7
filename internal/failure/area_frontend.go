package failure

func frontendModes() []Mode {
	return []Mode{
		frontendExternalSiteStopped,
		frontendExternalSiteBindingMissing,
		frontendWebCertificateUnassignedOrWrong,
		frontendHlbVipMapsToInternalPort,
		frontendOneNodeDown,
		frontendAppPoolStopped503,
		frontendExternalWebFqdnEqualsInternal,
		frontendExternalWebFqdnWrongInTopology,
		frontendHttp8080RequiresSsl,
		frontendSimpleUrlNotRegistered,
	}
}
