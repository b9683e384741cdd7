package failure

func frontendModes() []Mode {
	return []Mode{}
}
