package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// match is the modifier and the path or expression of a location; a path alone has no modifier.
func (d *nginxDirective) match() (modifier, path string) {
	if len(d.args) > 1 {
		return d.args[0], d.args[1]
	}
	arg := d.arg(0)
	for _, m := range []string{"^~", "~*", "~", "="} { // also without a space behind
		if rest, ok := strings.CutPrefix(arg, m); ok {
			return m, rest
		}
	}
	return "", arg
}

// uri is what a proxy_pass puts in the place of the location's path; said is false where the path passes as it came.
func (s *nginxSite) uri() (path string, said bool) {
	path = s.to.path
	if path == "" || path == "$request_uri" || s.location.name != "location" && s.location.name != "if" {
		return "", false
	}
	return path, true
}

func nginxPath(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		path, said := s.uri()
		modifier, prefix := s.location.match()
		fix := fmt.Sprintf("proxy_pass %s://%s;", s.to.scheme, s.address())
		if said && !strings.Contains(path, "$") && s.location.name == "location" && modifier != "=" && !strings.HasPrefix(modifier, "~") && path != prefix {
			found = append(found, s.at(fmt.Sprintf("%s becomes %s. ", prefix, path)+becausePath, fix))
		}
		for at := s.location; at != nil && at.name != "http"; at = at.parent {
			for _, r := range at.all("rewrite") {
				if pathRewrite(r) {
					found = append(found, r.at(becausePath, "# without this line"))
				}
			}
		}
	}
	return found
}

// pathRewrite says that a rewrite changes the path that is passed on. Redirects, and what is only for others' paths, do not.
func pathRewrite(r *nginxDirective) bool {
	to := r.arg(1)
	if strings.HasPrefix(to, "http") || strings.HasPrefix(to, "$scheme") || slices.Contains([]string{"permanent", "redirect"}, r.arg(2)) {
		return false
	}
	expression := r.arg(0)
	if expression == "^/$" || expression == "^/?$" { // the page that people get who type the name
		return false
	}
	if to == "$request_uri" || othersPath.MatchString(expression) || expression == "^" && r.parent != nil && r.parent.name == "if" {
		return false
	}
	// "rewrite ^(.*)$ $1 break" changes nothing.
	return to != "$1" && !(strings.HasPrefix(to, "/$1") && strings.HasPrefix(expression, "^/("))
}

func nginxDecoded(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		path, said := s.uri()
		modifier, prefix := s.location.match()
		fix := fmt.Sprintf("proxy_pass %s://%s;", s.to.scheme, s.address())
		switch {
		case !said:
		case strings.Contains(path, "$uri") && strings.Contains(path, "$args"), path == prefix && modifier != "=":
			found = append(found, s.at(becauseDecoded, fix))
		}
	}
	return found
}

func nginxQuery(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		path, said := s.uri()
		if said && strings.Contains(path, "$") && !strings.Contains(path, "$args") && !strings.Contains(path, "$query_string") && !strings.Contains(path, "$request_uri") {
			found = append(found, s.at(becauseQuery, fmt.Sprintf("proxy_pass %s://%s;", s.to.scheme, s.address())))
		}
	}
	return found
}

// locations are the server's, with those inside others.
func (s *nginxServer) locations() []*nginxDirective {
	var all []*nginxDirective
	s.walk(func(d *nginxDirective) {
		if d.name == "location" && d.hasBlock {
			all = append(all, d)
		}
	})
	return all
}

// chosen is the location that nginx takes for a path; nil for none. A regular expression that Go does not know makes it uncertain.
func (s *nginxServer) chosen(path string) (location *nginxDirective, sure bool) {
	var prefix *nginxDirective
	longest := -1
	locations := s.locations()
	for _, l := range locations {
		switch modifier, p := l.match(); {
		case modifier == "=" && p == path:
			return l, true
		case modifier == "" || modifier == "^~":
			if strings.HasPrefix(path, p) && len(p) > longest && !strings.HasPrefix(p, "@") {
				prefix, longest = l, len(p)
			}
		}
	}
	if prefix != nil {
		if modifier, _ := prefix.match(); modifier == "^~" {
			return prefix, true
		}
	}
	for _, l := range locations {
		modifier, p := l.match()
		if !strings.HasPrefix(modifier, "~") {
			continue
		}
		if modifier == "~*" {
			p = "(?i)" + p
		}
		expression, err := regexp.Compile(p)
		if err != nil {
			return nil, false
		}
		if expression.MatchString(path) {
			return l, true
		}
	}
	return prefix, true
}

// reaches says that a path is led to Lync; uncertain ones are.
func (c *nginxConfig) reaches(s *nginxServer, path string) bool {
	l, sure := s.chosen(path)
	if !sure {
		return true
	}
	return slices.ContainsFunc(c.sites, func(x *nginxSite) bool {
		for at := x.location; at != nil; at = at.parent {
			if at == l {
				return true
			}
		}
		return false
	})
}

// listed are the servers with TLS that let through some paths of Lync's: those which pass at least one, and not all.
func (c *nginxConfig) listed() []*nginxServer {
	var all []*nginxServer
	for _, s := range c.lyncServers() {
		if !s.tls() && len(s.ports) > 0 || s.nginxDirective == c.root || len(s.locations()) == 0 {
			continue
		}
		if slices.ContainsFunc(c.sites, func(x *nginxSite) bool { return x.server == s }) {
			all = append(all, s)
		}
	}
	return all
}

// needs says whether clients ask for a directory under the names of a server.
func (s *nginxServer) needs(directory string) bool {
	if len(s.names) == 0 {
		return true
	}
	return slices.ContainsFunc(s.names, func(n string) bool {
		if !isEntrance(n) {
			return true
		}
		return strings.HasPrefix(n, "lyncdiscover") && directory == "Autodiscover"
	})
}

func (s *nginxServer) catchAll(c *nginxConfig) bool { return c.reaches(s, "/any/other/path") }

// nginxMissing finds what a list of paths lacks, of the directories whose absence leads to a mode.
func nginxMissing(mode string) func(*nginxConfig) []Finding {
	return func(c *nginxConfig) []Finding {
		var found []Finding
		for _, s := range c.listed() {
			var missing []string
			for _, d := range directories {
				if d.mode != mode || !s.needs(d.name) {
					continue
				}
				if !c.reaches(s, "/"+d.name+"/x") && !c.reaches(s, "/"+strings.ToLower(d.name)+"/x") {
					missing = append(missing, "/"+d.name)
				}
			}
			if len(missing) == 0 {
				continue
			}
			x := s.at(fmt.Sprintf("%s is not led to the Front End for %s: clients get the proxy's own answer. Publish all paths.", strings.Join(missing, ", "), s.name()), s.publishAll(c))
			x.last = x.Line
			found = append(found, x)
		}
		return found
	}
}

// publishAll are the lines that let everything through, to where the server leads already.
func (s *nginxServer) publishAll(c *nginxConfig) string {
	i := slices.IndexFunc(c.sites, func(x *nginxSite) bool { return x.server == s })
	site := c.sites[i]
	return fmt.Sprintf("location / {\n  proxy_pass %s://%s;\n}", cmp.Or(site.to.scheme, "https"), cmp.Or(site.address(), "10.10.10.10:4443"))
}

func nginxCase(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.listed() {
		if s.catchAll(c) {
			continue
		}
		for _, d := range directories {
			upper, lower := c.reaches(s, "/"+d.name+"/x"), c.reaches(s, "/"+strings.ToLower(d.name)+"/x")
			if upper == lower || !s.needs(d.name) {
				continue
			}
			spelling := "/" + d.name + "/x"
			if lower {
				spelling = strings.ToLower(spelling)
			}
			if l, _ := s.chosen(spelling); l != nil {
				found = append(found, l.at(becauseCase, fmt.Sprintf("location ~* ^/%s(/|$) {", strings.ToLower(d.name))))
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return slices.CompactFunc(found, func(a, b Finding) bool { return a.File == b.File && a.Line == b.Line })
}

// neededMethods are those that clients use beside GET and POST.
var neededMethods = []string{"PUT", "DELETE", "OPTIONS"}

func nginxMethods(c *nginxConfig) []Finding {
	return c.each(becauseMethod, "# without this block", func(s *nginxSite) *nginxDirective {
		for at := s.location; at != nil; at = at.parent {
			for _, d := range at.all("limit_except") {
				if slices.ContainsFunc(neededMethods, func(m string) bool { return !slices.Contains(d.args, m) }) && len(d.all("deny")) > 0 {
					return d
				}
			}
			for _, d := range at.all("if") {
				if refuses(d) && slices.ContainsFunc(neededMethods, func(m string) bool { return condition(d, "$request_method", m) }) {
					return d
				}
			}
		}
		return nil
	})
}

// refuses says that a block ends in an error or a closed connection.
func refuses(d *nginxDirective) bool {
	if len(d.all("deny")) > 0 {
		return true
	}
	return slices.ContainsFunc(d.all("return"), func(r *nginxDirective) bool { return atoi(r.arg(0)) >= 400 })
}

// condition says whether an if on a variable holds for a value. What it does not understand does not hold.
func condition(d *nginxDirective, variable, value string) bool {
	words := strings.Fields(strings.Trim(strings.Join(d.args, " "), "() "))
	if len(words) < 3 || words[0] != variable {
		return false
	}
	operator, want := words[1], strings.Trim(strings.Join(words[2:], " "), `"'`)
	switch operator {
	case "=":
		return value == want
	case "!=":
		return value != want
	}
	if strings.HasSuffix(operator, "*") {
		want = "(?i)" + want
	}
	expression, err := regexp.Compile(want)
	if err != nil {
		return false
	}
	return expression.MatchString(value) != strings.HasPrefix(operator, "!")
}

func nginxAgent(c *nginxConfig) []Finding {
	return c.each(becauseAgent, "# without this block", func(s *nginxSite) *nginxDirective {
		for at := s.location; at != nil; at = at.parent {
			for _, d := range at.all("if") {
				if strings.Contains(d.arg(0), "$http_user_agent") && (refuses(d) || len(d.all("rewrite")) > 0) {
					return d
				}
			}
		}
		return nil
	})
}
