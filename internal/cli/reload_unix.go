//go:build unix

package cli

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reloadSignal yields at each SIGHUP until stop is called.
func reloadSignal() (reload <-chan struct{}, stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	out := make(chan struct{})
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			select {
			case <-done:
				return
			case out <- struct{}{}:
			}
		}
	})
	return out, func() {
		signal.Stop(signals)
		close(done)
		running.Wait()
	}
}
