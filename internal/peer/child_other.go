//go:build !unix

package peer

import (
	"errors"
	"time"
)

// guard and child are a product's processes: there are none on this system.
type (
	guard struct{}
	child struct{ ended chan struct{} }
)

func supported() error {
	return errors.New("real proxies are started on Linux and macOS only: run them there, or use a proxy at an address")
}

func newGuard(string, string) (*guard, error)                          { return nil, supported() }
func spawn(*guard, string, []string, []string, string) (*child, error) { return nil, supported() }

func (g *guard) release()           {}
func (c *child) err() error         { return nil }
func (c *child) stop(time.Duration) {}
