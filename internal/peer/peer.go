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
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	// Listen are the addresses of the plan that the text listens at. Each gets a free port of loopback. A text that listens
	// everywhere gets one for each port.
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
	dir     string
	remains string // pattern of what is to be removed besides
	text    string
	where   map[netip.AddrPort]netip.AddrPort
	ports   *ports
	guard   *guard
	child   *child // nil until it is started
	// patience is how long it may take to end when it is asked to.
	patience time.Duration

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
	// maxText bounds a configuration, in bytes; those of people have some hundred KB at most.
	maxText = 8 << 20
	// logTail is how much of a log is shown.
	logTail = 64 << 10 // bytes
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
	p := &Peer{}
	if err := p.begin(ctx, path, cfg); err != nil {
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

// begin does what start does; after an error, there is something to be closed.
func (p *Peer) begin(ctx context.Context, path string, cfg *Config) (err error) {
	if err := supported(); err != nil {
		return err
	}
	d := drivers[cfg.Product]
	p.patience = cmp.Or(d.patience, stopTime)
	if len(cfg.Text) > maxText {
		return fmt.Errorf("the configuration is larger than %d MiB", maxText>>20)
	}
	dir, err := newName(cfg.Product)
	if err != nil {
		return err
	}
	if p.guard, err = newGuard(dir, d.remains(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	p.dir, p.remains = dir, d.remains(dir)
	// Servers that drop root must still get at their directory, whatever the umask.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if p.ports, err = allocate(cfg.Listen, d.samePort); err != nil {
		return err
	}
	p.where = p.ports.real
	if p.text, err = p.prepare(d, cfg); err != nil {
		return err
	}
	if err := p.listens(cfg.Listen); err != nil {
		return err
	}
	main := filepath.Join(dir, "proxy.conf")
	if err := os.WriteFile(main, []byte(p.text), 0o644); err != nil {
		return err
	}
	if p.child, err = spawn(p.guard, path, d.args(dir, main), d.env(dir), dir); err != nil {
		return err
	}
	return p.awaitReady(ctx)
}

// listens refuses a text in which none of the addresses of the plan was found: nobody would ever see it work.
func (p *Peer) listens(plan []netip.AddrPort) error {
	if len(plan) == 0 || slices.ContainsFunc(plan, func(a netip.AddrPort) bool { return p.names(p.where[a]) }) {
		return nil
	}
	var words []string
	for _, a := range plan {
		words = append(words, a.String())
	}
	return fmt.Errorf("the configuration listens at none of %s", strings.Join(words, ", "))
}

// names tells whether the text has to do with the port.
func (p *Peer) names(real netip.AddrPort) bool {
	return strings.Contains(p.text, ":"+strconv.Itoa(int(real.Port())))
}

// taken tells whether a product's log says that a port is in use.
func taken(log string) bool {
	low := strings.ToLower(log)
	return strings.Contains(low, "address already in use") || strings.Contains(low, "cannot bind socket") || strings.Contains(low, "address in use")
}

// prepare writes the files that the text names, and changes the text as the place asks.
func (p *Peer) prepare(d *driver, cfg *Config) (string, error) {
	text, err := p.placeFiles(settleDown(cfg.Product, cfg.Text, cfg.Listen), cfg.Files)
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
		if !p.names(real) {
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

// Addr is where a listener of the plan really is; the zero AddrPort when there is none. Where the text does not listen at the
// address, it is the one that listens at the same port, as one that listens everywhere does.
func (p *Peer) Addr(plan netip.AddrPort) netip.AddrPort {
	real, ok := p.where[plan]
	if !ok || p.names(real) {
		return real
	}
	for other, at := range p.where {
		if other.Port() == plan.Port() && p.names(at) {
			return at
		}
	}
	return real
}

// Text is the configuration as it was started.
func (p *Peer) Text() string { return p.text }

// Log is what the product has said so far, the last 64 KiB of it, and how it ended if it did so by itself. It can be read after
// Close, too.
func (p *Peer) Log() string {
	data, err := readTail(filepath.Join(p.dir, logName), logTail)
	if err != nil {
		return p.lastWords
	}
	return plain(data) + p.obituary()
}

// obituary says how a product ended that nobody asked to.
func (p *Peer) obituary() string {
	if p.child == nil {
		return ""
	}
	select {
	case <-p.child.ended:
		return fmt.Sprintf("\nit ended by itself: %v\n", p.child.err())
	default:
		return ""
	}
}

// readTail reads the last n bytes of a file.
func readTail(name string, n int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-n), n))
}

// plain is text without what a terminal would take for more than text.
func plain(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f {
			return r
		}
		return -1
	}, strings.ToValidUTF8(string(data), "?"))
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + strings.ToValidUTF8(s[len(s)-n:], "")
}

// removeAll removes the files of a pattern.
func removeAll(pattern string) error {
	files, err := filepath.Glob(pattern)
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	return err
}

// Close stops the product and removes its directory. It may be called more than once.
func (p *Peer) Close() error {
	p.closeOnce.Do(func() {
		by := p.obituary() // before it is asked to end
		if p.child != nil {
			p.child.stop(p.patience)
		}
		if p.dir != "" {
			data, _ := readTail(filepath.Join(p.dir, logName), logTail) // none is none
			p.lastWords = plain(data) + by
			p.closeErr = errors.Join(os.RemoveAll(p.dir), removeAll(p.remains))
		}
		if p.guard != nil {
			p.guard.release()
		}
		if p.ports != nil {
			p.ports.release()
		}
	})
	return p.closeErr
}
