package lint

// haproxyRules are all of them, by ID.
func haproxyRules() []rule[*haproxyConfig] {
	r := func(id, severity, mode, title string, find func(*haproxyConfig) []Finding) rule[*haproxyConfig] {
		return rule[*haproxyConfig]{Rule{ID: id, Product: HAProxy, Title: title, Severity: severity, Mode: mode}, find}
	}
	return []rule[*haproxyConfig]{
		// Where it goes.
		r("HAP-01", Critical, "proxy.port-not-flipped", "HTTPS leads to the Front End's internal web site", haproxyInternalTLS),
		r("HAP-02", High, "proxy.port-80-not-flipped", "HTTP leads to the Front End's internal web site", haproxyInternalPlain),
		r("HAP-03", Critical, "proxy.peer-protocol-wrong", "plain HTTP is spoken to a port for TLS, or TLS to one for plain HTTP", haproxyScheme),
		r("HAP-04", High, "proxy.mixed-scheme-peers-round-robin", "one backend holds both ports of the Front End", haproxyMixed),
		r("HAP-05", High, "proxy.tls-offload-to-8080", "what came over TLS goes on without TLS", haproxyOffload),
		r("HAP-06", Low, "", "what came over HTTP goes on over TLS", haproxyUpgrade),
		r("HAP-07", High, "tls.untrusted-internal-ca-external-listener", "TLS is passed through, so phones see the Front End's certificate", haproxyPassThrough),
		r("HAP-08", Critical, "proxy.peer-protocol-wrong", "the PROXY protocol is spoken to IIS", haproxySendProxy),
		// Time-outs and limits.
		r("HAP-10", High, "mobility.long-poll-cut-by-idle-timeout", "a time-out below 200 s cuts long polls", haproxyShortTimeouts),
		r("HAP-11", Medium, "mobility.long-poll-cut-by-idle-timeout", "a time-out below 960 s cuts the long polls of phones", haproxyMediumTimeouts),
		r("HAP-12", Low, "", "there is no time-out for clients or servers", haproxyNoTimeouts),
		r("HAP-13", Low, "proxy.ntlm-multiplexed", "an idle connection is closed within two seconds", haproxyKeepAlive),
		r("HAP-14", Medium, "proxy.connection-limit", "few connections are allowed", haproxyMaxconn),
		r("HAP-15", Low, "proxy.header-too-large", "requests with large headers are refused", haproxyBufsize),
		r("HAP-16", Medium, "proxy.rate-limit-429", "requests are counted and refused", haproxyRate),
		r("HAP-17", Low, "proxy.chunked-upload-411", "requests are held back until their bodies are whole", haproxyBufferRequest),
		// Connections and log-ons.
		r("HAP-20", High, "proxy.ntlm-multiplexed", "the connection ends after each answer, and NTLM with it", haproxyClose),
		r("HAP-21", Low, "proxy.ntlm-multiplexed", "server connections are shared between clients", haproxyReuse),
		r("HAP-22", Critical, "proxy.preauth-401", "the proxy asks for a log-on itself", haproxyAuth),
		r("HAP-23", Critical, "proxy.authorization-stripped", "the Authorization header is removed or replaced", haproxyAuthorization),
		r("HAP-24", Critical, "proxy.www-authenticate-stripped", "the offer to log on is removed from answers", haproxyOffer),
		r("HAP-25", High, "proxy.cookies-stripped", "cookies are removed", haproxyCookiesGone),
		r("HAP-26", High, "proxy.x-ms-headers-stripped", "headers of Lync's own are removed from answers", haproxyOwnHeaders),
		r("HAP-27", Medium, "proxy.origin-or-referer-filtered", "Origin or Referer decides, or is removed", haproxyOrigin),
		r("HAP-28", High, "tls.client-certificate-requested", "clients are asked for a certificate", haproxyClientCertificate),
		r("HAP-29", Medium, "proxy.http2-frontend-breaks-ntlm", "HTTP/2 is offered", haproxyHTTP2),
		// What is changed on the way.
		r("HAP-30", Critical, "proxy.host-header-rewritten", "the Host header is changed", haproxyHostChanged),
		r("HAP-31", High, "meeting.path-altered", "the path is changed", haproxyPathChanged),
		r("HAP-32", High, "proxy.query-string-dropped", "the query is changed", haproxyQueryChanged),
		r("HAP-33", Low, "proxy.http80-redirects-to-https", "discovery over HTTP is redirected to HTTPS", haproxyRedirect80),
		r("HAP-34", High, "meeting.path-altered", "requests over TLS are redirected", haproxyRedirectTLS),
		r("HAP-35", Medium, "proxy.compression-broken", "answers are compressed on the way", haproxyCompression),
		r("HAP-36", Medium, "proxy.retries-non-idempotent", "requests are sent a second time, POST as well", haproxyRetries),
		r("HAP-37", Medium, "proxy.error-page-with-200", "the proxy answers with 200 itself", haproxyOwnAnswer),
		// Who is let in.
		r("HAP-40", High, "proxy.default-vhost-answers", "a name of the web services leads nowhere", haproxyNameLost),
		r("HAP-41", High, "meeting.simple-url-not-published", "the name for meetings leads nowhere", haproxyMeetLost),
		r("HAP-42", Medium, "meeting.dialin-not-published", "the dial-in name leads nowhere", haproxyDialinLost),
		r("HAP-43", High, "proxy.waf-rule-block", "requests for Lync are refused", haproxyDenied),
		r("HAP-44", Medium, "proxy.method-blocked", "methods that clients use are refused", haproxyMethods),
		r("HAP-45", High, "proxy.path-allowlist-missing-ucwa", "paths that sign-in needs lead nowhere", haproxySignInPaths),
		r("HAP-46", Medium, "proxy.path-allowlist-missing-content-services", "paths of features lead nowhere", haproxyFeaturePaths),
		r("HAP-47", Medium, "proxy.case-sensitive-path", "capitals in a path decide", haproxyPathCase),
		r("HAP-48", High, "proxy.default-vhost-answers", "a list compares hosts with capitals and never matches", haproxyHostCase),
		r("HAP-49", Low, "", "a list of hosts also matches others", haproxyBroadHost),
		r("HAP-50", High, "", "a name is used that is defined nowhere", haproxyUndefined),
		r("HAP-51", Low, "", "a list with Lync's names is used nowhere", haproxyUnused),
		r("HAP-52", High, "proxy.default-vhost-answers", "a list cannot see what it compares", haproxyBlind),
		r("HAP-53", Low, "proxy.http80-closed", "discovery over HTTP is not published", haproxyNo80),
		r("HAP-54", Medium, "dns.lyncdiscoverinternal-published-externally", "the internal discovery name is published", haproxyInternalName),
		r("HAP-55", Medium, "proxy.listener-on-4443-publicly", "the listener has the Front End's port instead of 443", haproxyListen4443),
		r("HAP-56", High, "proxy.default-vhost-answers", "lists of one condition exclude one another", haproxyExclusive),
		// TLS.
		r("HAP-60", Critical, "tls.plain-http-on-443", "port 443 speaks plain HTTP", haproxyPlain443),
		r("HAP-61", High, "", "a TLS listener has no certificate", haproxyNoCertificate),
		r("HAP-62", High, "tls.only-tls10", "TLS 1.2 is switched off", haproxyNoTLS12),
		r("HAP-63", Low, "", "TLS below 1.2 is allowed", haproxyOldTLS),
		r("HAP-64", High, "tls.backend-untrusted", "a certificate is to be verified without roots", haproxyNoRoots),
		r("HAP-65", Low, "tls.backend-name-mismatch", "the Front End's certificate is verified, its name is not", haproxyNoName),
		r("HAP-66", Low, "", "the Front End's certificate is not verified", haproxyVerifyNone),
		// Several Front Ends.
		r("HAP-70", Medium, "frontend.hlb-affinity-lost-mcx", "requests of a client go to any Front End", haproxyAffinity),
		r("HAP-71", Medium, "proxy.upstream-down-502", "a health check asks what a healthy Front End refuses", haproxyHealth),
		r("HAP-72", Medium, "frontend.one-node-down", "a Front End that is down is used on", haproxyNoCheck),
		r("HAP-80", Low, "", "a word stops current versions of HAProxy", haproxyObsolete),
	}
}
