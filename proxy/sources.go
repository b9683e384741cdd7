package proxy

import (
	"net/netip"
	"sync"
	"time"
)

// sources counts the connections of each client address. The zero sources has counted none.
type sources struct {
	mu     sync.Mutex
	open   map[netip.Addr]int
	told   map[netip.Addr]bool // of whom the log has spoken in this minute
	minute time.Time           // when that began
}

// sourceOf is what counts as one source: an IPv4 address, or the network of 64 bits that an IPv6 client chooses its addresses from.
func sourceOf(client netip.Addr) netip.Addr {
	if client.Is6() {
		if network, err := client.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return client
}

// enter counts a connection in, unless its source has most already; zero is any number. tell says that the log has not spoken of a
// refusal to that source for a minute.
func (s *sources) enter(source netip.Addr, most int, now time.Time) (ok, tell bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most > 0 && s.open[source] >= most {
		if now.Sub(s.minute) >= time.Minute {
			s.minute, s.told = now, map[netip.Addr]bool{}
		}
		tell = !s.told[source]
		s.told[source] = true
		return false, tell
	}
	if s.open == nil {
		s.open = map[netip.Addr]int{}
	}
	s.open[source]++
	return true, false
}

func (s *sources) leave(source netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[source]--; s.open[source] <= 0 {
		delete(s.open, source)
	}
}

// admit counts c among the connections of its source. It is false when there are as many as there may be, or when the PROXY header that
// says who the source is did not come; c is closed then.
func (s *Server) admit(c *clientConn) bool {
	cfg := &s.table.Load().cfg
	if cfg.ProxyProtocol {
		c.Conn.SetReadDeadline(after(time.Now(), within(cfg.Timeouts.Header, headerDefault)))
		client, err := readProxyHeader(c.Conn)
		c.Conn.SetReadDeadline(never)
		if err != nil {
			s.counts.refused("proxy-header")
			s.log.Info("connection without a PROXY header", "client", c.text, "reason", err.Error())
			c.reset() // as HAProxy and nginx do
			return false
		}
		if client.IsValid() {
			c.client, c.text = client, client.String()
		}
	}
	if !c.client.IsValid() {
		return true
	}
	ok, tell := c.enter(sourceOf(c.client), cfg.MaxConnectionsPerSource)
	if ok {
		return true
	}
	s.counts.refused("connections-per-source")
	if tell {
		s.log.Warn("connections refused, for their address has all it may have; said once a minute", "client", c.text, "most", cfg.MaxConnectionsPerSource)
	}
	c.Close()
	return false
}

// enter counts c in until it is closed.
func (c *clientConn) enter(source netip.Addr, most int) (ok, tell bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, false
	}
	ok, tell = c.server.sources.enter(source, most, time.Now())
	if ok {
		c.source = source
	}
	return ok, tell
}
