//go:build !unix

package cli

// reloadSignal never yields: the system has no such signal.
func reloadSignal() (reload <-chan struct{}, stop func()) { return nil, func() {} }
