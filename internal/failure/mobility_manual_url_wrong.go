package failure

import "lyncpin/probe"

var mobilityManualURLWrong = Mode{
	Rule: probe.Rule{
		ID:       "mobility.manual-url-wrong",
		Severity: probe.Low,
		Title:    "sign-in works by itself and fails where somebody typed the server's address",
		Cause:    "the typed URL has the wrong path (autodiscover.svc in place of autodiscoverservice.svc), the internal host in the field for the external one, or http in place of https",
		Remedy:   "Turn Auto-Detect Server on again. If the address must be typed: https://<external web FQDN>/Autodiscover/autodiscoverservice.svc/Root as the external URL, and https://<internal web FQDN>/Autodiscover/autodiscoverservice.svc/Root as the internal one.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Advanced Edge Server DNS planning"},
	},
	Undecidable: "What users typed into their phones is on the phones: no server sees it before it is used. By hand: compare Settings > Advanced on the phone, letter by letter, with the URL in the fix; the log of the reverse proxy shows requests for /autodiscover/autodiscover.svc with 404.",
}
