package failure

func dnsModes() []Mode {
	return []Mode{dnsLyncdiscoverMissing}
}
