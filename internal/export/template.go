package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"lyncpin/internal/topology"
)

// What the products have in common whose text is written by a template, and runs in no lab here.

// unproven stands in the head of their texts.
const unproven = "not proven: written from the product's documentation, checked for form only"

// headOf is the head of such a text, in lines that begin with a number sign.
func (p *plan) headOf(d productText) string {
	d.proof = unproven
	t := &page{}
	p.head(t, d)
	return strings.TrimSuffix(t.String(), "\n\n")
}

// published is a route at the listeners of one scheme.
type published struct {
	route
	// ID is the route's id, Scheme that of its listeners.
	ID, Scheme string
	Servers    []*topology.WebServer
}

// Upstream is the scheme that is spoken to the web servers.
func (r published) Upstream() string { return r.Servers[0].Scheme }

// Sticky tells whether an affinity cookie is asked for.
func (r published) Sticky() bool { return r.Balance == "cookie" && len(r.Servers) > 1 }

// CookieName is the affinity cookie's name: the one that Lync asks for unless the topology has another.
func (r published) CookieName() string {
	if r.Cookie != nil {
		return cmp.Or(r.Cookie.Name, "MS-WSMAN")
	}
	return "MS-WSMAN"
}

// HTTPOnly tells whether the affinity cookie is hidden from scripts.
func (r published) HTTPOnly() bool { return r.Cookie != nil && r.Cookie.HTTPOnly }

// published are all routes, those of https first. It refuses what none of these products' writers knows.
func (p *plan) published() ([]published, error) {
	var out []published
	for _, scheme := range p.schemes() {
		for _, r := range p.routes(scheme) {
			one := published{r, r.id, scheme, r.servers}
			if r.AnyScheme {
				return nil, p.cannotRule(r, "any_scheme", "the web servers of a rule all speak TLS, or none does")
			}
			if r.Cookie != nil && r.Cookie.MaxAge != 0 {
				return nil, p.cannotRule(r, "cookie.max_age", "Lync asks for a cookie without expiry, and no other is written")
			}
			if err := only("cookie.name", one.CookieName(), hostRunes); err != nil {
				return nil, err
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// frontEnds tells whether all web servers are external web sites of Front Ends, by their ports.
func (r published) frontEnds() bool {
	return !slices.ContainsFunc(r.Servers, func(w *topology.WebServer) bool { return !external(w) })
}

// external tells whether the web server is the external web site of a Front End, by its port.
func external(w *topology.WebServer) bool { return w.Port == 4443 || w.Port == 8080 }

// served are the certificates that listeners use, with their files; none without TLS.
func (p *plan) served() ([]topology.Certificate, []CertificateFiles) {
	if len(p.listeners(https)) == 0 {
		return nil, nil
	}
	return p.Certificates, p.files.Certificates[:len(p.Certificates)]
}

// rootsOf is the file that a web server's certificate is verified with; empty when it is not.
func (p *plan) rootsOf(w *topology.WebServer) string {
	if !verifies(w) {
		return ""
	}
	return p.files.Roots[w.Verify]
}

// serverIDs are words for the web servers, by alias.
func (p *plan) serverIDs() map[string]string {
	out := map[string]string{}
	used := map[string]bool{}
	for i := range p.WebServers {
		id := slug(p.WebServers[i].Alias)
		if used[id] {
			id = fmt.Sprintf("%s-%d", id, i)
		}
		used[id] = true
		out[p.WebServers[i].Alias] = id
	}
	return out
}

// execute fills a template. Beside funcs it knows quote, for values in YAML, names of a certificate and external.
func execute(name, text string, funcs template.FuncMap, data any) (string, error) {
	t, err := template.New(name).Funcs(template.FuncMap{
		"quote":    func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" },
		"seconds":  func(d time.Duration) string { return fmt.Sprintf("%ds", seconds(d)) },
		"names":    func(c topology.Certificate) string { return strings.Join(c.Names, ", ") },
		"external": external,
	}).Funcs(funcs).Parse(text)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	return b.String(), nil
}
