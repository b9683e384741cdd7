package failure

// policyModes are about what users are allowed to.
func policyModes() []Mode {
	return []Mode{
		policyExternalAccessDisabled,
		policyAutodiscoverInternalOnlyLinksHidden,
		policyCertificateChainDownloadOff,
		policyEWSNotPublished,
	}
}
