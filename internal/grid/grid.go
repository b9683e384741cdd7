// Package grid sends telling requests, byte for byte, through several reverse proxies and shows what the server behind them received
// and what the client got: where they agree, and where not.
//
//	res, err := grid.Run(ctx, grid.Options{Proxies: []string{grid.Ours, "nginx", "haproxy"}})
//	…
//	res.Text(os.Stdout, grid.TextOptions{})
//
// # Model
//
// A [Case] is what clients send, in steps, and what the web server answers, both as bytes. Every proxy is a column with a web server of
// its own behind it, which keeps the bytes of every request and answers as the case says. The column [Direct] has no proxy: it is what
// the others are compared with. Products are configured by internal/export and started by internal/peer.
//
// What a proxy does to every request (a header field added, names in lower case) is told once, as its habits, and not held against it
// again in each [Cell].
//
// # Limits
//
// HTTP/1 only. Times are those of one machine under load: only what differs by hundreds of milliseconds is called a difference. A
// configuration other than the exported one may do otherwise.
package grid

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"lyncpin/internal/export"
)

// Columns that are no product.
const (
	Direct = "direct" // no proxy
	Ours   = "proxy"  // the reverse proxy of this program
)

// Proxies are the columns that there can be, in the order in which they are shown. Direct is always there.
func Proxies() []string {
	return []string{Ours, export.Nginx, export.NginxStream, export.HAProxy, export.Squid, export.Apache, export.Caddy}
}

// Options say what to run.
type Options struct {
	// Proxies are words of Proxies. Nil means Ours and every product that is installed.
	Proxies []string
	// Requests are globs of case IDs and groups. None means all.
	Requests []string
	// OnDone, if set, is told how many of all requests have been sent. It is called by one goroutine at a time.
	OnDone func(done, total int)
}

// Select returns the cases that one of the globs fits, by ID or group; all when there are no globs. A glob that fits none is an error.
func Select(globs []string) ([]Case, error) {
	all := Cases()
	if len(globs) == 0 {
		return all, nil
	}
	chosen := map[string]bool{}
	for _, g := range globs {
		fits := false
		for i := range all {
			byID, err := path.Match(g, all[i].ID)
			if err != nil {
				return nil, fmt.Errorf("%q is no glob: %w", g, err)
			}
			if byGroup, _ := path.Match(g, all[i].Group); byID || byGroup {
				chosen[all[i].ID], fits = true, true
			}
		}
		if !fits {
			return nil, &NoRequestError{Glob: g}
		}
	}
	return slices.DeleteFunc(all, func(c Case) bool { return !chosen[c.ID] }), nil
}

// NoRequestError is a glob that fits no request.
type NoRequestError struct{ Glob string }

func (e *NoRequestError) Error() string { return fmt.Sprintf("no request fits %q", e.Glob) }

// Run sends the requests through every proxy, all proxies at the same time. A product that was named and is not installed is a
// *peer.MissingError. The end of ctx ends it with its error.
func Run(ctx context.Context, opts Options) (*Result, error) {
	cases, err := Select(opts.Requests)
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	w, err := newWorld()
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	names, err := columns(opts.Proxies)
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	asked := cases
	if !slices.ContainsFunc(cases, func(c Case) bool { return c.ID == habitCase }) {
		first, _ := Select([]string{habitCase}) // it is there
		asked = append(first, cases...)
	}
	var mu sync.Mutex
	done := 0
	step := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		if opts.OnDone != nil {
			opts.OnDone(done, len(asked)*len(names))
		}
	}
	cols := make([]*column, len(names))
	errs := make([]error, len(names))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	for i, name := range names {
		running.Go(func() {
			if cols[i], errs[i] = w.runColumn(ctx, name, asked, step); errs[i] != nil {
				errs[i] = fmt.Errorf("grid: %s: %w", name, errs[i])
				cancel() // half a grid is none
			}
		})
	}
	running.Wait()
	if err := firstCause(errs); err != nil {
		return nil, err
	}
	return newResult(cases, cols), nil
}

// firstCause is the error that made the others.
func firstCause(errs []error) error {
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return first
}

// columns are the columns to run, Direct first.
func columns(wanted []string) ([]string, error) {
	names := []string{Direct}
	for _, p := range Proxies() {
		if wanted == nil && available(p) || slices.Contains(wanted, p) {
			names = append(names, p)
		}
	}
	for _, p := range wanted {
		if p != Direct && !slices.Contains(Proxies(), p) {
			return nil, fmt.Errorf("unknown proxy %q (known are %s)", p, strings.Join(Proxies(), ", "))
		}
	}
	return names, nil
}
