//go:build !unix

package peer

import (
	"errors"
	"time"
)

// child is a product's process: there is none on this system.
type child struct{ ended chan struct{} }

func spawn(string, []string, []string, string) (*child, error) {
	return nil, errors.New("real proxies are started on Linux and macOS only: run them there, or use a proxy at an address")
}

func (c *child) err() error         { return nil }
func (c *child) stop(time.Duration) {}
func (c *child) release()           {}
