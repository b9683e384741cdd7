package probe

// stepsOf shows a record as trees of steps, one for each vantage.
func stepsOf(rec *Record) []Step {
	return []Step{}
}
