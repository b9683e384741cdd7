package failure

func tlsModes() []Mode {
	return []Mode{}
}
