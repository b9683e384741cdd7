package lint

import (
	"regexp"
	"slices"
	"strings"
)

// haproxyPublished is where the requests of a Lync name go that come to one frontend.
type haproxyPublished struct {
	part *haproxyPart
	bind haproxyBind
	asked
	role  hostRole
	steps []step
}

// named tells whether a list has the whole name.
func (p haproxyPublished) named() bool { return !strings.HasSuffix(p.host, unknownDomain) }

// last is the step that is sure.
func (p haproxyPublished) last() step { return p.steps[len(p.steps)-1] }

// leads tells whether requests may reach a back end of the deployment's.
func (p haproxyPublished) leads(c *haproxyConfig) bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return s.kind == "backend" && s.backend != nil && c.lync[s.backend] })
}

var haproxyHost = regexp.MustCompile(`(?i)(?:^|\.|_|\()(?:hdr|fhdr|shdr|base|url|ssl_fc_sni|ssl_sni)(?:_|\(|$|,)`)

// namesIn are the hosts that a part's lists and conditions name.
func (s *haproxySection) namesIn() []string {
	var names []string
	for _, l := range s.lines {
		for i, w := range l.words {
			w = s.fetched(w)
			if !haproxyHost.MatchString(w) || i+1 >= len(l.words) {
				continue
			}
			if strings.Contains(w, "hdr") && !strings.Contains(strings.ToLower(w), "host") {
				continue
			}
			regular := strings.HasSuffix(strings.SplitN(w, "(", 2)[0], "_reg")
			begins := strings.Contains(strings.SplitN(w, "(", 2)[0], "_beg")
			for j := i + 1; j < len(l.words) && l.words[j] != "}"; j++ {
				v := l.words[j]
				switch {
				case v == "-m" && j+1 < len(l.words):
					regular, begins = regular || l.words[j+1] == "reg", begins || l.words[j+1] == "beg"
					j++
				case strings.HasPrefix(v, "-"):
				case regular:
					names = append(names, hostsIn(v)...)
				case begins && !strings.Contains(strings.TrimSuffix(v, "."), "."):
					names = append(names, strings.TrimSuffix(v, ".")+unknownDomain)
				default:
					if h := hostOf(v); h != "" {
						names = append(names, h)
					}
				}
			}
		}
	}
	return names
}

// unknownDomain completes a name of which a list gives the beginning alone; no finding shows it.
const unknownDomain = ".domain.invalid"

// publish asks where the names of the deployment lead, and tells from it which back ends are Lync's.
func (c *haproxyConfig) publish() {
	var all []string
	for _, p := range c.parts {
		all = append(all, p.names...)
	}
	all = withDomains(all)
	hosts := lyncHosts(all)
	hosts = hosts[:min(maxNames, len(hosts))]
	for _, b := range c.sections {
		if b.kind != "backend" && b.kind != "listen" {
			continue
		}
		for _, s := range b.servers {
			if s.port == "4443" || kinshipOf(s.name) == lync || kinshipOf(s.host) == lync || kinshipOf(b.name) == lync {
				c.lync[b] = kinshipOf(b.name) != officeWebApps && kinshipOf(s.name) != officeWebApps
			}
		}
	}
	// A name of which nothing is known is the web services' where it leads to their port; a certificate's file may tell, too.
	for _, n := range distinct(all)[:min(maxNames, len(distinct(all)))] {
		if hostRoleOf(n) != otherHost || slices.Contains(hosts, n) || notWeb.MatchString(strings.SplitN(n, ".", 2)[0]) {
			continue
		}
		for _, p := range c.parts {
			last := c.route(p, asked{tls: true, port: "443", host: n, path: "/ucwa/", method: "GET", compiled: c.regexps})
			if s := last[len(last)-1]; s.backend != nil && c.lync[s.backend] && conditionWords(s.statement) != nil && !slices.Contains(hosts, n) {
				hosts = append(hosts, n)
			}
		}
	}
	for _, p := range c.parts {
		own := lyncOf(withDomains(p.names), hosts)
		for _, b := range p.binds {
			names := own
			if len(names) == 0 {
				names = hosts
			}
			if len(names) == 0 && c.anyLync() {
				names = []string{"lyncdiscover" + unknownDomain, "lyncweb" + unknownDomain}
			}
			if len(names) == 0 && kinshipOf(certificateName(b.options["crt"])) == lync {
				names = []string{"lyncweb" + unknownDomain}
			}
			for _, n := range names {
				c.ask(p, b, n)
			}
		}
	}
}

func (c *haproxyConfig) anyLync() bool {
	for _, is := range c.lync {
		if is {
			return true
		}
	}
	return false
}

func lyncOf(names, known []string) []string {
	var all []string
	for _, n := range names {
		if slices.Contains(known, n) && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// withDomains completes names of which only the beginning is known with a domain that others have.
func withDomains(names []string) []string {
	domain := ""
	for _, n := range names {
		if hostRoleOf(n) != otherHost && !strings.HasSuffix(n, unknownDomain) {
			domain = "." + domainOf(n)
			break
		}
	}
	if domain == "" {
		return names
	}
	var all []string
	for _, n := range names {
		all = append(all, strings.Replace(n, unknownDomain, domain, 1))
	}
	return all
}

// ask keeps where a name leads, and takes the back end that it surely leads to for Lync's.
func (c *haproxyConfig) ask(p *haproxyPart, b haproxyBind, name string) {
	role := hostRoleOf(name)
	if role == otherHost {
		role = webHost
	}
	q := asked{tls: b.tls(), host: name, path: role.path(), method: "GET", port: "443", compiled: c.regexps}
	if len(b.ports) > 0 {
		q.port = b.ports[0]
	}
	if p.mode() == "tcp" && slices.Contains(b.ports, "443") {
		q.tls = true
	}
	x := haproxyPublished{part: p, bind: b, asked: q, role: role, steps: c.route(p, q)}
	last := x.last()
	if last.backend != nil && role != internalHost && kinshipOf(last.backend.name) != officeWebApps &&
		(conditionWords(last.statement) != nil || p.onlyLync() && !c.namesLync(p) || c.lync[last.backend]) {
		if _, known := c.lync[last.backend]; !known {
			c.lync[last.backend] = true
		}
	}
	c.analysis = append(c.analysis, x)
}

// namesLync tells whether a part leads to a back end of Lync on some condition, so that its default is for others.
func (c *haproxyConfig) namesLync(p *haproxyPart) bool {
	return slices.ContainsFunc(p.all("use_backend"), func(l statement) bool { return c.lync[c.backends[l.word(1)]] })
}

// onlyLync tells whether a part names hosts of Lync and no others, so that its default is theirs, too.
func (p *haproxyPart) onlyLync() bool {
	names := p.names
	return kinshipOf(p.name) == lync || len(lyncHosts(names)) > 0 && len(lyncHosts(names)) == len(distinct(names))
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// concernsLync implements config.
func (c *haproxyConfig) concernsLync() bool {
	return c.anyLync() || len(c.told) > 0
}

// telling are the questions whose name is the deployment's, or whose answer is one of its back ends.
func (c *haproxyConfig) telling() []haproxyPublished {
	known := map[*haproxyPart][]string{}
	for _, p := range c.parts {
		known[p] = withDomains(p.names)
	}
	return slices.DeleteFunc(slices.Clone(c.analysis), func(x haproxyPublished) bool {
		return !x.leads(c) && (!x.named() || !slices.Contains(known[x.part], x.host))
	})
}

// published are the questions that keep accepts; all of them with nil.
func (c *haproxyConfig) published(keep func(haproxyPublished) bool) []haproxyPublished {
	if keep == nil {
		return c.told
	}
	return slices.DeleteFunc(slices.Clone(c.told), func(x haproxyPublished) bool { return !keep(x) })
}

// name is the host as it may be shown.
func (p haproxyPublished) name() string {
	return strings.TrimSuffix(p.host, unknownDomain)
}

// lyncBackends are the sections whose servers are Front Ends, in the order of the file.
func (c *haproxyConfig) lyncBackends() []*haproxySection {
	return slices.DeleteFunc(slices.Clone(c.sections), func(s *haproxySection) bool { return !c.lync[s] })
}

// lyncParts are the parts that lead to Lync's back ends.
func (c *haproxyConfig) lyncParts() []*haproxyPart {
	var all []*haproxyPart
	for _, x := range c.published(nil) {
		if !slices.Contains(all, x.part) {
			all = append(all, x.part)
		}
	}
	return all
}

// lyncSections are the parts and the back ends of Lync, each once.
func (c *haproxyConfig) lyncSections() []*haproxySection {
	all := c.lyncBackends()
	for _, p := range c.lyncParts() {
		if !slices.Contains(all, p.haproxySection) {
			all = append(all, p.haproxySection)
		}
	}
	return all
}

func (c *haproxyConfig) check() []Finding { return checkAll(haproxyRules(), c) }
