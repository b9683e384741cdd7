package failure

// proxyModes are about the reverse proxy: where it forwards to, what it publishes, and what it does to requests and
// answers on the way.
func proxyModes() []Mode {
	return []Mode{
		proxyRateLimit429,
		proxyListenerOn4443Publicly,
		proxyServiceNotEnabled,
		proxyCacheMixesInternalExternal,
		proxyPortNotFlipped,
		proxyPort443NotFlipped80Is,
		proxyPort80NotFlipped,
		proxyPeerProtocolWrong,
		proxyMixedSchemePeersRoundRobin,
		proxyTLSOffloadTo8080,
		proxyPreauth401,
		proxyPreauthFormsPage,
		proxyDefaultVhostAnswers,
		proxyUnmappedTCPReset,
		proxyErrorPageWith200,
		proxyCachesDiscovery,
		proxyHostHeaderRewritten,
		proxyPathPrefixMismatch,
		proxyCaseSensitivePath,
		proxyPathAllowlistMissingAutodiscover,
		proxyPathAllowlistMissingWebticket,
		proxyPathAllowlistMissingUCWA,
		proxyPathAllowlistMissingContentServices,
		proxyMethodBlocked,
		proxyQueryStringDropped,
		proxyWWWAuthenticateStripped,
		proxyOriginOrRefererFiltered,
		proxyPercentDecodingNormalised,
		proxyURLLengthLimit,
		proxyKeepaliveRace502,
		proxyXForwardedForSideEffects,
		proxyUpstreamDown502,
		proxyHTTP80RedirectsToHTTPS,
		proxyHTTP80Closed,
	}
}
