package failure

import "lyncpin/probe"

var mobilityPushNotificationsBroken = Mode{
	Rule: probe.Rule{
		ID:       "mobility.push-notifications-broken",
		Severity: probe.Medium,
		Title:    "phones get no alerts while the app is in the background",
		Cause:    "push notifications are off, the federation with the push clearing house is missing, or outbound 5061 from the Edge (or 5223 from the Wi-Fi, for Lync 2010 on iOS) is blocked",
		Remedy:   "Set-CsPushNotificationConfiguration -EnableApplePushNotificationService $true -EnableMicrosoftPushNotificationService $true; allow the hosting provider push.lync.com and federation with it; open TCP 5061 from the Edge to the Internet and 5223 from the Wi-Fi; set the time-out of the reverse proxy to 960 s.",
		Sources:  []string{"Plan for Mobility for Skype for Business Server", "Deploy and configure mobility for Skype for Business Server", "Lync push notifications: 504"},
	},
	Undecidable: "Push goes from the servers over SIP federation to the clearing house, and from there to the phone: no web request touches it. By hand: Test-CsFederatedPartner -TargetFqdn <Edge> -Domain push.lync.com, Test-CsMcxPushNotification -AccessEdgeFqdn <Edge>, and look for 504 towards push.lync.com in the Edge's log; _sipfederationtls._tcp must exist in the public DNS.",
}
