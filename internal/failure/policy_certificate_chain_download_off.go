package failure

import "lyncpin/probe"

var policyCertificateChainDownloadOff = Mode{
	Rule: probe.Rule{
		ID:       "policy.certificate-chain-download-off",
		Severity: probe.Low,
		Title:    "desk phones cannot fetch the enterprise's certificates from the Front End",
		Cause:    "the download of the certificate chain is switched off for the web services, so that phones which know no enterprise root trust neither registrar nor Edge",
		Remedy:   "Set-CsWebServiceConfiguration -EnableCertChainDownload $true (and -InferCertChainFromSSL $true, unless TrustedCACerts lists the chain).",
		Sources:  []string{"Set-CsWebServiceConfiguration", "Certificates of Lync phones"},
	},
	Undecidable: "How phones ask for the chain, and how a Front End says no, is in no document that we know; the service's page answers alike with the switch on and off. By hand: Get-CsWebServiceConfiguration | ft Identity, EnableCertChainDownload, InferCertChainFromSSL, and start a phone that was reset.",
}
