// Package peer runs real reverse proxy products (nginx, HAProxy, Squid, Apache httpd, Caddy) as children of this process, for labs
// and tests: with a configuration as an administrator writes it, on loopback and free ports, without privileges.
//
//	p, err := peer.Start(ctx, peer.Config{Product: "nginx", Text: text, Files: files, Listen: listeners, WebServer: where})
//	…
//	defer p.Close()
//	p.Addr(netip.MustParseAddrPort("203.0.113.10:443")) // where it really listens
//
// # Model
//
// The text is the product's whole configuration, with the addresses of a plan. Start runs a copy in which only that is changed
// which the place asks for: addresses (listeners to free ports of loopback, web servers to where they really are), the paths of
// certificates, the times of the product's time-outs when the lab's time runs faster, and what a process in the foreground with its
// own directory needs (pid, logs, temporary files). [Peer.Text] is that copy.
//
// The child has a process group and a temporary directory of its own. Both are gone after Close, and also when this process is
// killed: a guard waits for the end of a pipe.
//
// # Limits
//
// Linux and macOS. The product's own defaults, which no line of the text states, are not made faster. Caddy with several addresses
// needs 127.0.0.2 and so on, which macOS lacks.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config says what to run. Product and Text are required.
type Config struct {
	// Product is one of Products.
	Product string
	// Text is the whole configuration.
	Text string
	// Files are the certificates, keys and roots that the text names, by the path that stands in it.
	Files map[string][]byte
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

// Products are those that Start knows, in the order in which they are shown.
func Products() []string {
	return []string{"nginx", "nginx-stream", "haproxy", "squid", "apache", "caddy"}
}

// Find returns the path of an installed product, else a *MissingError.
func Find(product string) (path string, err error) {
	d, ok := drivers[product]
	if !ok {
		return "", fmt.Errorf("unknown product %q (known are %s)", product, strings.Join(Products(), ", "))
	}
	for _, f := range d.needs {
		if _, err := os.Stat(f); err != nil {
			return "", &MissingError{Product: product, Package: d.deb}
		}
	}
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(dir + d.binary); err == nil {
			return path, nil
		}
	}
	return "", &MissingError{Product: product, Package: d.deb}
}

// Version is what an installed product says of itself, as "nginx/1.22.1"; empty when it says nothing.
func Version(ctx context.Context, product string) (string, error) {
	path, err := Find(product)
	if err != nil {
		return "", err
	}
	d := drivers[product]
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, d.version).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", path, d.version, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return d.versionIn(line), nil
}

// Peer is a running product. Its methods may be called by several goroutines.
type Peer struct {
	dir   string
	text  string
	where map[netip.AddrPort]netip.AddrPort
	child *child

	closeOnce sync.Once
	closeErr  error
	lastWords string // of a log whose directory is gone
}

const (
	// readyTime is how long a product may take until it accepts connections.
	readyTime = 10 * time.Second
	// stopTime is how long it may take to end when it is asked to; nobody is left to wait for.
	stopTime = 2 * time.Second
	// poll is how often it is looked whether it accepts them.
	poll = 5 * time.Millisecond
	// attempts are how often other ports are tried when somebody was faster.
	attempts = 5
	// logTail is how much of a log is shown.
	logTail = 64 << 10
)

// Start runs a product and returns when it takes connections. The caller must Close it. The end of ctx ends the start, not
// the product. An error holds the product's last words. A product that is not there is a *MissingError.
func Start(ctx context.Context, cfg Config) (*Peer, error) {
	path, err := Find(cfg.Product)
	if err != nil {
		return nil, err
	}
	for range attempts {
		var p *Peer
		if p, err = start(ctx, path, &cfg); err == nil {
			return p, nil
		}
		if _, taken := errors.AsType[*portTakenError](err); !taken {
			break
		}
	}
	return nil, fmt.Errorf("%s: %w", cfg.Product, err)
}

// portTakenError says that somebody else got a port first.
type portTakenError struct{ log string }

func (e *portTakenError) Error() string { return "no port is free: " + e.log }

func start(ctx context.Context, path string, cfg *Config) (*Peer, error) {
	d := drivers[cfg.Product]
	dir, err := os.MkdirTemp("", "lyncpin-"+cfg.Product+"-")
	if err != nil {
		return nil, err
	}
	p := &Peer{dir: dir}
	// Servers that drop root must still get at their directory.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.where, err = allocate(cfg.Listen, d.samePort); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.text, err = p.prepare(d, cfg); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	main := filepath.Join(dir, "proxy.conf")
	if err := os.WriteFile(main, []byte(p.text), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if p.child, err = spawn(path, d.args(dir, main), d.env(dir), dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := p.awaitReady(ctx); err != nil {
		p.Close()
		log := p.Log()
		if taken(log) {
			return nil, &portTakenError{log}
		}
		if log = strings.TrimSpace(log); log != "" {
			err = fmt.Errorf("%w; it said: %s", err, tail(log, 2000))
		}
		return nil, err
	}
	return p, nil
}

// taken tells whether a product's log says that a port is in use.
func taken(log string) bool {
	low := strings.ToLower(log)
	return strings.Contains(low, "address already in use") || strings.Contains(low, "cannot bind socket") || strings.Contains(low, "address in use")
}

// prepare writes the files that the text names, and changes the text as the place asks.
func (p *Peer) prepare(d *driver, cfg *Config) (string, error) {
	text, err := p.placeFiles(cfg.Text, cfg.Files)
	if err != nil {
		return "", err
	}
	where := func(plan netip.AddrPort) netip.AddrPort {
		if real, ok := p.where[plan]; ok {
			return real
		}
		if cfg.WebServer == nil {
			return netip.AddrPort{}
		}
		return cfg.WebServer(plan)
	}
	text = d.place(text, p.where, where)
	if cfg.Speed > 0 && cfg.Speed != 1 {
		text = d.hasten(text, cfg.Speed)
	}
	return d.settle(text, p.dir), nil
}

// placeFiles writes files into the directory and leads the text to them.
func (p *Peer) placeFiles(text string, files map[string][]byte) (string, error) {
	var pairs []string
	n := 0
	for path, data := range files {
		n++
		real := filepath.Join(p.dir, fmt.Sprintf("%d-%s", n, filepath.Base(path)))
		if err := os.WriteFile(real, data, 0o600); err != nil {
			return "", err
		}
		pairs = append(pairs, path, real)
	}
	return replaceLongest(text, pairs), nil
}

// awaitReady returns when every listener takes connections.
func (p *Peer) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, fmt.Errorf("it took no connections within %v", readyTime))
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for _, real := range p.where {
		if !strings.Contains(p.text, ":"+strconv.Itoa(int(real.Port()))) {
			continue // the text listens there no more
		}
		for !accepts(ctx, real) {
			select {
			case <-p.child.ended:
				return fmt.Errorf("it ended at once: %w", p.child.err())
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-tick.C:
			}
		}
	}
	select {
	case <-p.child.ended: // somebody else answers at these ports
		return &portTakenError{p.Log()}
	default:
		return nil
	}
}

func accepts(ctx context.Context, addr netip.AddrPort) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// Addr is where a listener of the plan really is; the zero AddrPort when there is none.
func (p *Peer) Addr(plan netip.AddrPort) netip.AddrPort { return p.where[plan] }

// Text is the configuration as it was started.
func (p *Peer) Text() string { return p.text }

// Log is what the product has said so far, the last 64 KiB of it. It can be read after Close, too.
func (p *Peer) Log() string {
	data, err := os.ReadFile(filepath.Join(p.dir, logName))
	if err != nil {
		return p.lastWords
	}
	return tail(string(data), logTail)
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

// Close stops the product and removes its directory. It may be called more than once.
func (p *Peer) Close() error {
	p.closeOnce.Do(func() {
		p.child.stop(stopTime)
		p.lastWords = p.Log()
		p.closeErr = os.RemoveAll(p.dir)
		p.child.release()
	})
	return p.closeErr
}
