package proxy

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	connectDefault      = 10 * time.Second
	responseDefault     = 960 * time.Second // Microsoft's figure for mobile clients
	idleDefault         = 960 * time.Second
	upstreamIdleDefault = 90 * time.Second // IIS closes after 120
	headerDefault       = 30 * time.Second
	bodyDefault         = 60 * time.Second // a phone in a tunnel comes back, or begins anew
)

// A table is a configuration made ready for use. Requests keep the one they began with.
type table struct {
	cfg     Config
	tls     *tls.Config // nil without HTTPS listeners
	servers map[string]*webServer
	rules   []*rule
	unknown *rule // nil refuses
	ctx     context.Context
	stop    context.CancelFunc // ends the health checks
}

// A rule is a Rule made ready for use.
type rule struct {
	Rule
	hosts                         []string
	sources                       []netip.Prefix
	removeRequest, removeResponse []fieldPattern
	setRequest, setResponse       []setField
	https, http                   group // by the listener the request came in on
	limits                        limits
	counts                        *ruleCounts // nil for Unknown
}

// newTable takes over from old, which may be nil, the web servers that have not changed. cfg is valid.
func newTable(cfg Config, old *table) (*table, error) {
	certs, err := newCertificates(cfg.Certificates, cfg.TLS.StrictSNI)
	if err != nil {
		return nil, err
	}
	t := &table{cfg: cfg, servers: map[string]*webServer{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	if len(cfg.HTTPS) > 0 {
		t.tls = cfg.TLS.config(certs)
	}
	for _, w := range cfg.WebServers {
		ready := newWebServer(w, cfg)
		if old != nil {
			if before := old.servers[w.Alias]; before != nil && before.same(ready) {
				ready = before
			} else if before != nil {
				ready.counts = before.counts
			}
		}
		t.servers[w.Alias] = ready
	}
	for i := range cfg.Rules {
		t.rules = append(t.rules, t.newRule(i, old))
	}
	switch u := cfg.Unknown; {
	case u.Rule != "":
		t.unknown = t.rules[slices.IndexFunc(t.rules, func(r *rule) bool { return r.Name == u.Rule })]
	case u.Respond != nil || u.Reset:
		t.unknown = &rule{Rule: Rule{Respond: u.Respond, Reset: u.Reset}}
	}
	return t, nil
}

func (t *table) newRule(i int, old *table) *rule {
	r := &rule{Rule: t.cfg.Rules[i], counts: new(ruleCounts)}
	if r.Name == "" {
		r.Name = "rule " + strconv.Itoa(i+1)
	}
	if old != nil {
		if j := slices.IndexFunc(old.rules, func(o *rule) bool { return o.Name == r.Name }); j >= 0 {
			r.counts = old.rules[j].counts
		}
	}
	for _, h := range r.Hosts {
		r.hosts = append(r.hosts, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	for _, s := range r.Sources {
		n, _ := parseSource(s) // validated
		r.sources = append(r.sources, n)
	}
	for _, s := range r.RemoveRequestHeaders {
		r.removeRequest = append(r.removeRequest, newFieldPattern(s))
	}
	for _, s := range r.RemoveResponseHeaders {
		r.removeResponse = append(r.removeResponse, newFieldPattern(s))
	}
	r.setRequest = setFields(r.SetRequestHeaders, kindHost, kindContentLength, kindTransferEncoding, kindTrailer)
	r.setResponse = setFields(r.SetResponseHeaders, kindContentLength, kindTransferEncoding, kindTrailer)
	var nodes []*node
	for _, alias := range r.WebServers {
		nodes = append(nodes, newNode(t.servers[alias], r.HealthCheck))
	}
	r.https.nodes = r.nodesFor("https", nodes)
	r.http.nodes = r.nodesFor("http", nodes)
	return r
}

// nodesFor picks the web servers for a listener's scheme.
func (r *rule) nodesFor(scheme string, nodes []*node) []*node {
	same := func(n *node) bool { return n.server.Scheme == scheme }
	if !r.AnyScheme && slices.ContainsFunc(nodes, same) {
		nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return !same(n) })
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n.server.Disabled })
}

func (r *rule) group(scheme string) *group {
	if scheme == "https" {
		return &r.https
	}
	return &r.http
}

// nodes are the web servers of the rule that either listener may use, each once.
func (r *rule) nodes() []*node {
	out := slices.Clone(r.https.nodes)
	for _, n := range r.http.nodes {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// startChecks begins the health checks, which end with t.
func (t *table) startChecks(s *Server) {
	for _, r := range t.rules {
		if r.HealthCheck == nil {
			continue
		}
		for _, n := range r.nodes() {
			s.checking.Go(func() { n.watch(t.ctx, r.Name, *r.HealthCheck, s.log) })
		}
	}
}

// retire ends the health checks and closes the idle connections of web servers that next, which may be nil, does not use.
func (t *table) retire(next *table) {
	t.stop()
	for alias, w := range t.servers {
		if next == nil || next.servers[alias] != w {
			w.pool.close()
		}
	}
}
