package failure

func meetingModes() []Mode {
	return []Mode{}
}
