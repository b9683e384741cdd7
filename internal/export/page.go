package export

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lyncpin/internal/topology"
)

// page is the text of a configuration while it is written.
type page struct{ strings.Builder }

// line writes one line, or several.
func (t *page) line(format string, args ...any) {
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

// product is what the head of a configuration says of a product.
type productText struct {
	// title and versions are the product's, place is where its packages keep the file, check the command that checks it.
	title, versions, place, check string
	// combined says that certificate and key are in one file.
	combined bool
	// proof says who has run such a configuration; empty means that lyncpin does.
	proof string
	// limits are what the product cannot do, in lines.
	limits []string
}

// head writes the first lines: what it is, where it goes, what it needs.
func (p *plan) head(t *page, d productText) {
	row := func(what, text string) { t.line("# %-13s %s", what, text) }
	t.line("# %s as the reverse proxy of Lync Server or Skype for Business Server.", d.title)
	t.line("#")
	row("For:", d.versions)
	row("Put it at:", d.place)
	what := "Certificates:"
	file := func(path, text string) {
		row(what, path)
		row("", "  "+text)
		what = ""
	}
	if len(p.listeners(https)) > 0 {
		for i, c := range p.Certificates {
			f := p.files.Certificates[i]
			if d.combined {
				file(f.Combined, "the certificate, its intermediates and its key, readable by root only; its names are")
			} else {
				file(f.FullChain, "the certificate, then its intermediates; its names are")
			}
			for names := range slices.Chunk(c.Names, 3) {
				row("", "    "+strings.Join(names, ", "))
			}
			if !d.combined {
				file(f.Key, "its private key, readable by root only")
			}
		}
	}
	for _, issuer := range []string{topology.EnterpriseCA, topology.PublicCA} {
		if slices.ContainsFunc(p.WebServers, func(w topology.WebServer) bool { return verifies(&w) && w.Verify == issuer }) {
			file(p.files.Roots[issuer], "the root that has issued the certificates of the web servers")
		}
	}
	row("Check it:", d.check)
	row("Proof:", cmp.Or(d.proof, "every healthy deployment passes through it: lyncpin run --proxy "+p.product+" 'baseline/*'"))
	for i, l := range d.limits {
		if i == 0 {
			row("It cannot:", l)
		} else {
			row("", l)
		}
	}
	t.line("")
}

// pathPattern is a regular expression for the path prefixes of a route; end is what may follow a whole prefix.
func pathPattern(r route, end string) string {
	var parts []string
	for _, path := range r.Paths {
		prefix, open := strings.CutSuffix(path, "*")
		pattern := regexp.QuoteMeta(prefix)
		if !open && !strings.HasSuffix(prefix, "/") {
			pattern += end
		}
		parts = append(parts, pattern)
	}
	if len(parts) == 1 {
		return "^" + parts[0]
	}
	return "^(?:" + strings.Join(parts, "|") + ")"
}

// fill puts a product's words for the request's host and its path and query into a header value.
func fill(value, host, uri string) string {
	return strings.NewReplacer("{host}", host, "{uri}", uri).Replace(value)
}
