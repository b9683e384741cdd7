package failure

func hybridModes() []Mode {
	return []Mode{hybridLyncdiscoverPointsOnline, hybridRedirectLoop, hybridSecondDomainOnlineOnly}
}
