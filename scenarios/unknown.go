package scenarios

import "fmt"

// UnknownError is a word that names nothing.
type UnknownError struct {
	// What the word should have named, "mode" or "scenario".
	What string
	Word string
	// Nearest is the valid word most like it, empty when none is.
	Nearest string
}

func (e *UnknownError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("unknown %s %q", e.What, e.Word)
	}
	return fmt.Sprintf("unknown %s %q: did you mean %q?", e.What, e.Word, e.Nearest)
}
