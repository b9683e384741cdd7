package failure

func meetingModes() []Mode {
	return []Mode{
		meetingSimpleUrlDnsMissing,
		meetingSimpleUrlNotPublished,
		meetingPerDomainMeetMissing,
		meetingDialinNotPublished,
		meetingLandsOnInternalSite,
		meetingWacUnpublished,
		meetingWacWrongPortOrOffload,
		meetingAnonymousDesktopJoinRefused,
	}
}
