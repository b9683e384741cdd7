package lint

import (
	"fmt"
	"slices"
	"strings"
)

// lyncStreams are the servers of stream that lead TLS to Lync.
func (c *nginxConfig) lyncStreams() []*nginxDirective {
	var all []*nginxDirective
	for _, s := range c.streams {
		if len(c.streamTargets(s)) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// streamEndpoints are where they lead, each once.
func (c *nginxConfig) streamEndpoints() []endpoint {
	var all []endpoint
	for _, s := range c.streams {
		for _, e := range c.streamTargets(s) {
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all
}

// streamTargets are the web servers of Lync behind a server of stream: what its proxy_pass names, the members of that group, or, where a
// map chooses by the name in the handshake, of the groups that the map gives to names of Lync.
func (c *nginxConfig) streamTargets(s *nginxDirective) []endpoint {
	pass := s.one("proxy_pass")
	if pass == nil {
		return nil
	}
	var all []endpoint
	add := func(at *nginxDirective, name string, kin kinship) {
		members := c.streamMembers(s.parent, name)
		if members == nil {
			members = []nginxMember{memberOf(at, name)}
		}
		for _, m := range members {
			if m.port == portExternal || kin == lync && m.port == portInternal {
				all = append(all, endpoint{m.nginxDirective, m.host, m.port})
			}
		}
	}
	name := strings.ToLower(pass.arg(0))
	if variable, ok := strings.CutPrefix(name, "$"); ok && s.parent != nil {
		for _, m := range s.parent.all("map") {
			if m.arg(1) != "$"+variable {
				continue
			}
			for _, line := range m.block {
				if line.name != "default" && line.name != "hostnames" {
					add(line, strings.ToLower(line.arg(0)), nginxNameKinship(line.name))
				}
			}
		}
		return all
	}
	add(pass, name, kinshipOf(name))
	return all
}

// nginxPassThrough finds servers of stream that pass TLS on as it is.
func nginxPassThrough(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.lyncStreams() {
		tls := slices.ContainsFunc(s.all("listen"), func(l *nginxDirective) bool { return slices.Contains(l.args, "ssl") })
		if on := s.one("proxy_ssl"); tls || on != nil && on.arg(0) == "on" {
			continue
		}
		e := c.streamTargets(s)[0]
		found = append(found, s.one("proxy_pass").at("nginx passes TLS on as it is, so clients see the certificate of the Front End, which as a rule is of the internal authority and names internal hosts. "+
			"Phones and browsers refuse it. This is right only where the Front End's external web site has a public certificate with all public names.",
			fmt.Sprintf("server {\n  listen 443 ssl;\n  ssl_certificate /etc/nginx/tls/lync.pem;\n  ssl_certificate_key /etc/nginx/tls/lync.key;\n  proxy_pass %s:%d;\n  proxy_ssl on;\n  proxy_timeout 960s;\n}", e.host, portExternal)))
	}
	return found
}

func memberOf(d *nginxDirective, address string) nginxMember {
	m := nginxMember{nginxDirective: d, host: address}
	if i := strings.LastIndexByte(address, ':'); i >= 0 && isNumeric(address[i+1:]) {
		m.host, m.port = address[:i], atoi(address[i+1:])
	}
	return m
}

func (c *nginxConfig) streamMembers(stream *nginxDirective, name string) []nginxMember {
	if stream == nil {
		return nil
	}
	for _, g := range stream.all("upstream") {
		if strings.EqualFold(g.arg(0), name) {
			return membersOf(g)
		}
	}
	return nil
}
