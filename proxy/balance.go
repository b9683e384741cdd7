package proxy

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// passOver is how long a web server that could not be connected to stands back behind others.
	passOver        = 2 * time.Second
	intervalDefault = 10 * time.Second
	checkDefault    = 5 * time.Second
	cookieDefault   = "MS-WSMAN"
)

// A group is the web servers of a rule for one kind of listener.
type group struct {
	nodes []*node
	next  atomic.Uint64
}

// A node is a web server within a rule.
type node struct {
	server  *webServer
	down    atomic.Bool   // by the health check
	checked chan struct{} // closed after the first check; nil without checks
	failed  atomic.Int64  // when it could not be connected to, in Unix nanoseconds
}

func newNode(w *webServer, check *HealthCheck) *node {
	n := &node{server: w}
	if check != nil {
		n.checked = make(chan struct{})
	}
	return n
}

// id names the node in a cookie without telling its alias.
func (n *node) id() string {
	h := fnv.New64a()
	h.Write([]byte(n.server.Alias))
	return strconv.FormatUint(h.Sum64(), 36)
}

func (n *node) stoodBack(now time.Time) bool {
	return now.UnixNano()-n.failed.Load() < int64(passOver)
}

// candidates are the web servers a request may go to, best first. It waits for first health checks.
func (r *rule) candidates(ctx context.Context, ex *exchange) ([]*node, error) {
	g := r.group(ex.scheme)
	var up []*node
	for _, n := range g.nodes {
		if n.checked != nil {
			select {
			case <-n.checked:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
		if !n.down.Load() {
			up = append(up, n)
		}
	}
	if len(up) < 2 {
		return up, nil
	}
	switch r.Balance {
	case "source":
		slices.SortStableFunc(up, func(a, b *node) int { return cmp.Compare(weight(b, ex.clientText), weight(a, ex.clientText)) })
	default:
		up = rotate(up, int((g.next.Add(1)-1)%uint64(len(up))))
	}
	now := time.Now()
	rank := func(n *node) int { // smaller is better
		switch _, to := ex.conn.pinned(n.server); {
		case to:
			return 0
		case n.stoodBack(now):
			return 3
		case r.Balance == "cookie" && ex.cookie == n.id():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(up, func(a, b *node) int { return cmp.Compare(rank(a), rank(b)) })
	return up, nil
}

// awaitsChecks reports whether the first health check of a web server has not ended yet.
func (g *group) awaitsChecks() bool {
	return slices.ContainsFunc(g.nodes, func(n *node) bool {
		if n.checked == nil {
			return false
		}
		select {
		case <-n.checked:
			return false
		default:
			return true
		}
	})
}

func rotate(nodes []*node, by int) []*node {
	return slices.Concat(nodes[by:], nodes[:by])
}

// weight gives every pair of node and client a fixed rank, so that a client moves only when its own node fails.
func weight(n *node, client string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(client))
	h.Write([]byte{0})
	h.Write([]byte(n.server.Alias))
	x := h.Sum64() // FNV leaves the last bytes in the low bits: spread them
	x ^= x >> 32
	x *= 0x9E3779B97F4A7C15
	return x ^ x>>29
}

// cookie is the affinity cookie that sends the client back to n.
func (c Cookie) to(n *node) *http.Cookie {
	return &http.Cookie{
		Name:     c.name(),
		Value:    n.id(),
		Path:     "/",
		HttpOnly: c.HTTPOnly,
		Secure:   c.Secure,
		MaxAge:   int(c.MaxAge / time.Second),
	}
}

func (c Cookie) name() string {
	if c.Name == "" {
		return cookieDefault
	}
	return c.Name
}

// watch checks n until ctx ends.
func (n *node) watch(ctx context.Context, rule string, check HealthCheck, log *slog.Logger) {
	tick := time.NewTicker(within(check.Interval, intervalDefault))
	defer tick.Stop()
	for first := true; ; first = false {
		err := n.check(ctx, check)
		if ctx.Err() != nil {
			err = nil // the check was ended, not answered
		}
		if was := n.down.Swap(err != nil); was != (err != nil) {
			if err != nil {
				log.Warn("web server down", "rule", rule, "web_server", n.server.Alias, "error", err)
			} else {
				log.Info("web server up", "rule", rule, "web_server", n.server.Alias)
			}
		}
		if first {
			close(n.checked)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check asks once.
func (n *node) check(ctx context.Context, check HealthCheck) error {
	ctx, cancel := context.WithTimeout(ctx, within(check.Timeout, checkDefault))
	defer cancel()
	w := n.server
	if check.Port != 0 && check.Port != w.Port {
		w = w.at(check.Port)
	}
	if check.Path == "" {
		conn, err := w.dialPlain(ctx, "tcp", w.addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	host := check.Host
	if host == "" {
		host = w.Address
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Scheme+"://"+w.poolKey(hostname(host))+check.Path, nil)
	if err != nil {
		return err
	}
	req.Host = host
	for k, v := range check.Headers {
		req.Header.Set(k, v)
	}
	once := &http.Transport{
		DialContext:        w.dialPlain,
		DialTLSContext:     w.dialTLS,
		DisableCompression: true,
		DisableKeepAlives:  true,
		Protocols:          http1(),
	}
	res, err := once.RoundTrip(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	want := check.Status
	if want == 0 {
		want = http.StatusOK
	}
	if res.StatusCode != want {
		return fmt.Errorf("status %d, want %d", res.StatusCode, want)
	}
	return nil
}
