package failure

// tlsModes are about certificates and the protocol below HTTP.
func tlsModes() []Mode {
	return []Mode{
		tlsPlainHttpOn443,
		tlsOnlyTls10,
		tlsClientCertificateRequested,
		tlsSelfSignedOrApplianceDefault,
		tlsUntrustedInternalCaExternalListener,
		tlsExpired,
		tlsNotYetValid,
		tlsMissingIntermediate,
		tlsMissingSanLyncdiscover,
		tlsMissingSanExternalWeb,
		tlsSanMissingSecondSipDomain,
		tlsMissingSanSimpleUrl,
		tlsInternalCaLyncdiscoverinternalByod,
		tlsBackendExpired,
		tlsBackendUntrusted,
		tlsBackendNameMismatch,
		tlsSniMissingGetsDefaultCert,
		tlsEkuMissing,
		tlsWrongChainOrder,
		tlsWildcardCommonName,
	}
}
