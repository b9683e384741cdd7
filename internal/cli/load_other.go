//go:build !unix

package cli

import "os/exec"

// openFiles is not limited here in a way that matters.
func openFiles() (limit int, known bool) { return 0, false }

// apart has nothing to do: a child gets no interrupt of its own here.
func apart(*exec.Cmd) {}
