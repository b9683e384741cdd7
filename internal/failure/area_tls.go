package failure

// tlsModes are about certificates and the protocol below HTTP.
func tlsModes() []Mode {
	return []Mode{
		tlsPlainHTTPOn443,
		tlsOnlyTLS10,
		tlsClientCertificateRequested,
		tlsSelfSignedOrApplianceDefault,
		tlsUntrustedInternalCAExternalListener,
		tlsExpired,
		tlsNotYetValid,
		tlsMissingIntermediate,
		tlsMissingSANLyncdiscover,
		tlsMissingSANExternalWeb,
		tlsSANMissingSecondSIPDomain,
		tlsMissingSANSimpleURL,
		tlsInternalCALyncdiscoverinternalBYOD,
		tlsBackendExpired,
		tlsBackendUntrusted,
		tlsBackendNameMismatch,
		tlsSNIMissingGetsDefaultCert,
		tlsEKUMissing,
		tlsWrongChainOrder,
		tlsWildcardCommonName,
		tlsALPNH2Offered,
	}
}
