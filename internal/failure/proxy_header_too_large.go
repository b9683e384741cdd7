package failure

import (
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var proxyHeaderTooLarge = Mode{
	Rule: probe.Rule{
		ID:       "proxy.header-too-large",
		Severity: probe.Medium,
		Title:    "the reverse proxy refuses requests with long headers",
		Cause:    "its limit of header lines is below what tickets need: Kerberos tickets of users in many groups, and SAML assertions, take 12 KB and more",
		Remedy:   "Raise the limit of request headers to 64 KB for the Lync hosts.",
		Settings: requestSizes(),
		Sources:  []string{"RFC 6585 section 5", "nginx: large_client_header_buffers", "Apache: LimitRequestFieldSize"},
		Reads:    probe.SignIns | probe.Exchanges | probe.Handshakes,
		Detect: unusual{
			purpose: probe.UploadHeader, what: "with a header of 12 KB", own: []int{431, 494}, plain: probe.SignInUCWA,
		}.judge,
	},
	SignsIn: true, InFull: true,
	Confused: []probe.ID{"proxy.body-size-413"},
	Cases: []Case{
		{Name: "eight-kilobytes", Edit: func(t *topology.Topology) { t.Proxy.MaxHeader = 8 << 10 }},
	},
	Near: []Case{
		{Name: "sixty-four-kilobytes", Edit: func(t *topology.Topology) { t.Proxy.MaxHeader = 64 << 10 }},
	},
}
