package lint

// squidRules are all of them, by ID.
func squidRules() []rule[*squidConfig] {
	r := func(id, severity, mode, title string, find func(*squidConfig) []Finding) rule[*squidConfig] {
		return rule[*squidConfig]{Rule{ID: id, Product: Squid, Title: title, Severity: severity, Mode: mode}, find}
	}
	return []rule[*squidConfig]{
		// Where it goes.
		r("SQD-01", Critical, "proxy.port-not-flipped", "HTTPS leads to the Front End's internal web site", squidInternalTLS),
		r("SQD-02", High, "proxy.port-80-not-flipped", "HTTP leads to the Front End's internal web site", squidInternalPlain),
		r("SQD-03", Critical, "proxy.peer-protocol-wrong", "plain HTTP is spoken to a port for TLS, or TLS to one for plain HTTP", squidScheme),
		r("SQD-04", High, "proxy.mixed-scheme-peers-round-robin", "the same requests go to both ports of the Front End", squidMixed),
		r("SQD-05", High, "proxy.tls-offload-to-8080", "what came over TLS goes on without TLS", squidOffload),
		r("SQD-06", Low, "", "what came over HTTP goes on over TLS", squidUpgrade),
		r("SQD-07", High, "", "requests may go past the peers, to where the public name leads", squidDirect),
		r("SQD-08", Critical, "proxy.peer-protocol-wrong", "the Front End is spoken to as if it were a proxy", squidOrigin),
		// Listeners.
		r("SQD-10", Critical, "proxy.service-not-enabled", "the listener is no reverse proxy", squidNoAccel),
		r("SQD-11", Critical, "proxy.host-header-rewritten", "the Host header is changed", squidHostChanged),
		r("SQD-12", Low, "", "the name for requests without one is none that is published", squidDefaultSite),
		r("SQD-13", High, "", "a TLS listener has no certificate", squidNoCertificate),
		r("SQD-14", Critical, "tls.plain-http-on-443", "port 443 speaks plain HTTP", squidPlain443),
		r("SQD-15", Low, "proxy.http80-closed", "discovery over HTTP is not published", squidNo80),
		r("SQD-16", High, "tls.only-tls10", "TLS 1.2 is switched off", squidNoTLS12),
		r("SQD-17", High, "tls.client-certificate-requested", "clients are asked for a certificate", squidClientCertificate),
		r("SQD-18", Low, "", "TLS below 1.2 is allowed", squidOldTLS),
		// Log-ons.
		r("SQD-20", Critical, "proxy.authorization-stripped", "the Authorization header is removed or replaced", squidLogin),
		r("SQD-21", Critical, "proxy.www-authenticate-stripped", "the offer to log on is removed from answers", squidOffer),
		r("SQD-22", High, "proxy.ntlm-multiplexed", "connections end after each request, and NTLM with them", squidPersistence),
		r("SQD-23", Critical, "proxy.preauth-401", "the proxy asks for a log-on itself", squidAuth),
		r("SQD-24", High, "proxy.cookies-stripped", "cookies are removed", squidCookies),
		r("SQD-25", High, "proxy.x-ms-headers-stripped", "headers of Lync's own are removed", squidOwnHeaders),
		r("SQD-26", Medium, "proxy.origin-or-referer-filtered", "Origin or Referer is removed", squidOriginHeader),
		// Towards the Front End.
		r("SQD-30", Low, "", "the Front End's certificate is not verified", squidVerifyNone),
		r("SQD-31", Medium, "tls.backend-untrusted", "a certificate is to be verified without roots", squidNoRoots),
		r("SQD-32", High, "tls.backend-name-mismatch", "the Front End's certificate is compared with an address", squidNoName),
		r("SQD-33", High, "", "two peers have one name", squidTwice),
		r("SQD-34", Medium, "frontend.hlb-affinity-lost-mcx", "requests of a client go to any Front End", squidAffinity),
		// Time-outs and limits.
		r("SQD-40", High, "mobility.long-poll-cut-by-idle-timeout", "a time-out below 200 s cuts long polls", squidShortTimeouts),
		r("SQD-41", Medium, "mobility.long-poll-cut-by-idle-timeout", "a time-out below 900 s cuts the long polls of phones", squidMediumTimeouts),
		r("SQD-42", Medium, "proxy.session-max-time", "connections end after a time, busy or not", squidLifetime),
		r("SQD-43", Medium, "proxy.body-size-413", "uploads are limited", squidBody),
		r("SQD-44", Medium, "proxy.header-too-large", "requests with large headers are refused", squidHeaders),
		r("SQD-45", Medium, "proxy.connection-limit", "few connections are allowed", squidDescriptors),
		r("SQD-46", Medium, "proxy.expect-100-417", "clients that wait for 100 Continue wait in vain", squidExpect),
		r("SQD-47", Low, "proxy.ntlm-multiplexed", "an idle connection is closed within seconds", squidIdle),
		// Caching and changes.
		r("SQD-50", Medium, "proxy.caches-discovery", "answers may be kept and given to others", squidCaching),
		r("SQD-51", Low, "", "\"cache deny all\" makes Squid grow", squidCacheDeny),
		r("SQD-52", Medium, "meeting.path-altered", "a program rewrites addresses", squidRewrite),
		// Who is let in.
		r("SQD-60", High, "proxy.default-vhost-answers", "a name of the web services is refused or leads nowhere", squidNameLost),
		r("SQD-61", High, "meeting.simple-url-not-published", "the name for meetings is refused or leads nowhere", squidMeetLost),
		r("SQD-62", Medium, "meeting.dialin-not-published", "the dial-in name is refused or leads nowhere", squidDialinLost),
		r("SQD-63", High, "proxy.path-allowlist-missing-ucwa", "paths that sign-in needs lead nowhere", squidSignInPaths),
		r("SQD-64", Medium, "proxy.path-allowlist-missing-content-services", "paths of features lead nowhere", squidFeaturePaths),
		r("SQD-65", Medium, "proxy.case-sensitive-path", "capitals in a path decide", squidPathCase),
		r("SQD-66", Low, "", "a pattern is not anchored and matches other addresses, too", squidUnanchored),
		r("SQD-67", Low, "", "dots in a pattern stand for any character", squidDots),
		r("SQD-68", Medium, "proxy.method-blocked", "methods that clients use are refused", squidMethods),
		r("SQD-69", Medium, "dns.lyncdiscoverinternal-published-externally", "the internal discovery name is published", squidInternalName),
		r("SQD-70", High, "", "a name is used that is defined nowhere", squidUndefined),
		r("SQD-71", Low, "", "a list with Lync's names is used nowhere", squidUnused),
		r("SQD-72", Medium, "proxy.rate-limit-429", "connections or requests of an address are counted and refused", squidRate),
		r("SQD-73", High, "proxy.default-vhost-answers", "lists of one line exclude one another", squidExclusive),
		r("SQD-74", Medium, "proxy.mixed-scheme-peers-round-robin", "names are led to peers with a word that Squid no longer reads", squidObsolete),
	}
}
