package failure

func meetingModes() []Mode {
	return []Mode{
		meetingSimpleURLDnsMissing,
		meetingSimpleURLNotPublished,
		meetingPerDomainMeetMissing,
		meetingDialinNotPublished,
		meetingLandsOnInternalSite,
		meetingWacUnpublished,
		meetingWacWrongPortOrOffload,
		meetingAnonymousDesktopJoinRefused,
	}
}
