package export

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lyncpin/internal/topology"
)

func writeSquid(in Input) (string, error) {
	p, err := newPlan(Squid, in, "reset_unknown", "paths", "balance", "cookie", "max_body", "respond")
	if err != nil {
		return "", err
	}
	t := &page{}
	p.head(t, productText{
		title: "Squid", versions: "Squid 5 and later with OpenSSL (Debian: squid-openssl)", place: "/etc/squid/squid.conf, in place of what is there",
		check: "squid -k parse",
		limits: []string{
			"choose a certificate by name: all published names are in one. Nor keep a client at a Front End by cookie.",
		},
	})
	p.squidListeners(t)
	t.line(`
# Long polls are silent for up to 15 minutes.
read_timeout %[1]d seconds
write_timeout %[2]d seconds
client_idle_pconn_timeout %[2]d seconds
# A Front End that is off is passed over soon.
connect_timeout 10 seconds
# IIS closes idle connections after two minutes: Squid closes them first.
server_idle_pconn_timeout 60 seconds

# Negotiate and tickets make heads of up to 64 KB.
request_header_max_size 128 KB
reply_header_max_size 128 KB`, seconds(p.response), seconds(p.idle))
	if err := p.squidBody(t); err != nil {
		return "", err
	}
	t.line(`# A phone holds a connection all day. Two files for each are needed.
max_filedescriptors 16384

# Nothing is kept: discovery answers differ for each name and place. (cache deny all would lose memory in Squid 5.)
send_hit deny all
store_miss deny all
cache_mem 8 MB

# The address of the client is added for the Front End's log.
forwarded_for on`)
	if err := p.squidRules(t); err != nil {
		return "", err
	}
	return t.String(), nil
}

func (p *plan) squidListeners(t *page) {
	for _, scheme := range p.schemes() {
		var names []string
		if scheme == https {
			t.line("# vhost keeps the name that the client asked for: the Front End chooses site and links by it.")
		}
		for i, l := range p.listeners(scheme) {
			name := fmt.Sprintf("%s%d", scheme, i+1)
			names = append(names, name)
			if !l.tls {
				t.line("http_port %s accel vhost name=%s", l.at, name)
				continue
			}
			f := p.files.Certificates[0]
			words := fmt.Sprintf("tls-cert=%s tls-key=%s", f.FullChain, f.Key)
			least, most := p.versions()
			if least != "1.0" {
				words += " tls-min-version=" + least
			}
			if most == "1.1" || most == "1.0" {
				words += " options=NO_TLSv1_3,NO_TLSv1_2"
			} else if most == "1.2" {
				words += " options=NO_TLSv1_3"
			}
			if p.old() {
				words += " cipher=DEFAULT@SECLEVEL=0"
			}
			t.line("https_port %s accel vhost name=%s %s", l.at, name, words)
		}
		t.line("acl on-%s myportname %s", scheme, strings.Join(names, " "))
	}
}

// squidBody writes the limit of uploads, of which Squid has one.
func (p *plan) squidBody(t *page) error {
	limit := int64(0)
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Respond != nil || r.MaxBody == 0 {
			continue
		}
		if limit != 0 && limit != r.MaxBody {
			return p.cannot(field{rule: p.ruleName(i), word: "max_body"}.at(), "there is one limit for all rules")
		}
		limit = r.MaxBody
	}
	if limit > 0 {
		for i := range p.Rules {
			if r := &p.Rules[i]; r.Respond == nil && r.MaxBody == 0 && len(r.Hosts) > 0 {
				return p.cannot(field{rule: p.ruleName(i), word: "max_body"}.at(), "there is one limit for all rules")
			}
		}
		t.line("request_body_max_size %d bytes", limit)
		return nil
	}
	t.line("# Meeting content is uploaded in one piece.\nrequest_body_max_size 0 KB")
	return nil
}

// squidPeer is a web server as Squid knows it.
type squidPeer struct {
	server *topology.WebServer
	name   string
	// shared is the word for sharing requests with other peers; empty when it has none.
	shared string
	access []string
}

// squidRules writes what is published, and to which web servers it goes.
func (p *plan) squidRules(t *page) error {
	var all []route
	for _, scheme := range p.schemes() {
		all = append(all, p.routes(scheme)...)
	}
	written := map[string]bool{}
	t.line("\n# What is published. -n: names are compared as they are, not looked up.")
	for _, r := range all {
		if name := squidName(r); !written[name] {
			written[name] = true
			squidACLs(t, r, name)
		}
	}
	t.line("")
	for _, r := range all {
		verb := "allow"
		if r.Respond != nil {
			verb = "deny"
			if err := p.squidRespond(t, r); err != nil {
				return err
			}
		}
		t.line("http_access %s %s", verb, squidCondition(r))
	}
	if !p.ResetUnknown {
		for _, r := range all {
			if len(r.Paths) > 0 && r.Hosts[0] != "*" {
				t.line("# A path that is not published.\ndeny_info 404:ERR_ACCESS_DENIED %[1]s-host\nhttp_access deny %[1]s-host", squidName(r))
			}
		}
	}
	if p.ResetUnknown {
		t.line("# What is not published is answered with a reset.\ndeny_info TCP_RESET all")
	} else {
		t.line("# What is not published is refused.\ndeny_info 421:ERR_ACCESS_DENIED all")
	}
	t.line("http_access deny all")
	return p.squidPeers(t, all)
}

// squidName is the word for a rule on either listener.
func squidName(r route) string {
	return strings.TrimSuffix(strings.TrimSuffix(r.id, "-"+https), "-"+http)
}

func squidScheme(r route) string {
	if strings.HasSuffix(r.id, "-"+https) {
		return https
	}
	return http
}

// squidCondition is what must hold for a route. The last word is of this rule alone, for deny_info goes by it.
func squidCondition(r route) string {
	name := squidName(r)
	out := "on-" + squidScheme(r) + " " + name + "-host"
	if len(r.Paths) > 0 {
		out += " " + name + "-path"
	}
	return out
}

// squidACLs write what a rule is for. An acl is of one kind: names as they are, patterns when one has a wildcard, or all.
func squidACLs(t *page, r route, name string) {
	t.line("# %s", r.Name)
	wild := slices.ContainsFunc(r.Hosts, func(h string) bool { return strings.HasPrefix(h, "*") })
	switch {
	case slices.Contains(r.Hosts, "*"):
		t.line("acl %s-host src all", name)
	case wild:
		for _, h := range r.Hosts {
			pattern := strings.ReplaceAll(hostKey(h), ".", `\.`)
			t.line("acl %s-host url_regex -i ^[a-z]+://%s[:/]", name, strings.Replace(pattern, "*", "[^/:]+", 1))
		}
	default:
		for _, h := range r.Hosts {
			t.line("acl %s-host dstdomain -n %s", name, hostKey(h))
		}
	}
	if len(r.Paths) > 0 {
		flag := "-i "
		if r.CaseSensitive {
			flag = ""
		}
		// Squid's regular expressions are POSIX ones.
		t.line("acl %s-path urlpath_regex %s%s", name, flag, strings.ReplaceAll(pathPattern(r, `([/?]|$)`), "(?:", "("))
	}
}

// squidRespond says how requests of a route are denied: Squid answers by itself with redirections and plain refusals.
func (p *plan) squidRespond(t *page, r route) error {
	a := r.Respond
	acl := squidName(r) + "-host"
	if len(r.Paths) > 0 {
		acl = squidName(r) + "-path"
	}
	names := slices.Collect(maps.Keys(a.Header))
	switch {
	case a.Status >= 300 && a.Status < 400 && a.Body == "" && len(names) == 1 && strings.EqualFold(names[0], "Location"):
		location := strings.ReplaceAll(a.Header[names[0]], "%", "%%")
		t.line("deny_info %d:%s %s", a.Status, fill(location, "%H", "%R"), acl)
	case a.Status >= 400 && a.Body == "" && len(names) == 0:
		t.line("deny_info %d:ERR_ACCESS_DENIED %s", a.Status, acl)
	default:
		return p.cannotRule(r, "respond", "only redirections and refusals without text are possible")
	}
	return nil
}

// squidPeers writes the web servers with the requests that each takes.
func (p *plan) squidPeers(t *page, all []route) error {
	var peers []*squidPeer
	find := func(w *topology.WebServer) *squidPeer {
		if i := slices.IndexFunc(peers, func(o *squidPeer) bool { return o.server == w }); i >= 0 {
			return peers[i]
		}
		peer := &squidPeer{server: w, name: slug(w.Alias)}
		for i := 2; slices.ContainsFunc(peers, func(o *squidPeer) bool { return o.name == peer.name }); i++ {
			peer.name = fmt.Sprintf("%s-%d", slug(w.Alias), i)
		}
		peers = append(peers, peer)
		return peer
	}
	uses := map[*squidPeer][]bool{}
	for i, r := range all {
		if r.Cookie != nil {
			return p.cannotRule(r, "cookie", reasons[Squid]["cookie"])
		}
		if r.Respond == nil {
			if err := p.needsName(r); err != nil {
				return err
			}
		}
		for _, w := range r.servers {
			peer := find(w)
			if uses[peer] == nil {
				uses[peer] = make([]bool, len(all))
			}
			uses[peer][i] = true
			if len(r.servers) > 1 {
				peer.shared = " round-robin"
				if bySource(r) {
					peer.shared = " sourcehash"
				}
			}
		}
	}
	for _, peer := range peers {
		for i, r := range all {
			if uses[peer][i] {
				peer.access = append(peer.access, "allow "+squidCondition(r))
			} else if p.takesFrom(all, i, uses[peer]) {
				peer.access = append(peer.access, "deny "+squidCondition(r))
			}
		}
	}
	t.line(`
# The web servers. login=PASSTHRU lets Authorization pass, connection-auth=on gives a client that signs in with NTLM a
# connection of its own. 4443 and 8080 are the external web site: on 443 and 80 the internal one would answer.`)
	for _, peer := range peers {
		switch peer.shared {
		case " sourcehash":
			t.line("# A client stays at a Front End by its address: Squid sets no cookies.")
		case " round-robin":
			t.line("# lyncpin: ignore SQD-34 from Lync 2013 on, a Front End passes requests on to the one that has the session")
		}
		t.line("cache_peer %s parent %d 0 no-query no-digest no-netdb-exchange originserver login=PASSTHRU connection-auth=on name=%s%s%s",
			strings.Trim(peer.server.Address, "[]"), peer.server.Port, peer.name, peer.shared, p.squidTLS(peer.server))
	}
	t.line("# Squid itself never asks the Internet, also not for what it calls non-hierarchical, such as POST.\nnever_direct allow all")
	for _, peer := range peers {
		for _, a := range peer.access {
			t.line("cache_peer_access %s %s", peer.name, a)
		}
		t.line("cache_peer_access %s deny all", peer.name)
	}
	return nil
}

// takesFrom tells whether a later route, which the peer is for, would take requests of route i.
func (p *plan) takesFrom(all []route, i int, used []bool) bool {
	for j := i + 1; j < len(all); j++ {
		if used[j] && squidScheme(all[i]) == squidScheme(all[j]) && overlap(all[i].Hosts, all[j].Hosts) {
			return true
		}
	}
	return false
}

// overlap tells whether a host may fit patterns of both.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool {
			x, y := hostKey(x), hostKey(y)
			return covers(x, y) || covers(y, x)
		})
	})
}

// squidTLS is what a web server's line says about TLS.
func (p *plan) squidTLS(w *topology.WebServer) string {
	if w.Scheme != https {
		return ""
	}
	words := " tls tls-min-version=1.2"
	if name := serverName(w); name != "" {
		words += " ssldomain=" + name
	}
	if !verifies(w) {
		return words + " sslflags=DONT_VERIFY_PEER,DONT_VERIFY_DOMAIN"
	}
	return words + " tls-default-ca=off tls-cafile=" + p.files.Roots[w.Verify]
}
