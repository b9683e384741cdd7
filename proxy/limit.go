package proxy

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// limits counts the requests of a rule. The zero limits has counted none.
type limits struct {
	mu       sync.Mutex
	inFlight int
	bySource map[netip.Addr]int
	minute   time.Time // when the counting of rates began
	rates    map[netip.Addr]int
}

// enter counts a request in. release, which must be called when there is no failure, counts it out.
func (l *limits) enter(r *rule, ex *exchange) (fail *failure, release func()) {
	if r.MaxRequests == 0 && r.MaxRequestsPerSource == 0 && r.Rate == 0 {
		return nil, func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	client := ex.conn.client
	if ex.began.Sub(l.minute) >= time.Minute {
		l.minute, l.rates = ex.began, map[netip.Addr]int{}
	}
	switch {
	case r.Rate > 0 && l.rates[client] >= r.Rate:
		return &failure{http.StatusTooManyRequests, "rate", "too many requests a minute from this address", ""}, nil
	case r.MaxRequests > 0 && l.inFlight >= r.MaxRequests:
		return &failure{http.StatusServiceUnavailable, "max-requests", "the publishing rule has all the requests it takes at a time", ""}, nil
	case r.MaxRequestsPerSource > 0 && l.bySource[client] >= r.MaxRequestsPerSource:
		return &failure{http.StatusServiceUnavailable, "max-requests-per-source", "this address has all the requests it may have at a time", ""}, nil
	}
	if l.bySource == nil {
		l.bySource = map[netip.Addr]int{}
	}
	l.rates[client]++
	l.inFlight++
	l.bySource[client]++
	return nil, func() { l.leave(client) }
}

func (l *limits) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if l.bySource[client]--; l.bySource[client] == 0 {
		delete(l.bySource, client)
	}
}
