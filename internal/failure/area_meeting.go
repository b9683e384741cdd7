package failure

// meetingModes are about joining meetings: the simple URLs, the page behind them, and what it needs.
func meetingModes() []Mode {
	return []Mode{
		meetingSimpleURLDnsMissing,
		meetingSimpleURLNotPublished,
		meetingPerDomainMeetMissing,
		meetingDialinNotPublished,
		meetingLandsOnInternalSite,
		meetingWacUnpublished,
		meetingWacWrongPortOrOffload,
		meetingPathAltered,
		meetingQuerySlDropped,
		meetingJoinLauncherUserAgent,
		meetingWebAppAssetsBlocked,
		meetingAnonymousTicketRefused,
		meetingADFSPassiveUnreachable,
		meetingContentUploadLimit,
		meetingAnonymousDesktopJoinRefused,
	}
}
