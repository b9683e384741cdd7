package export

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Characters that mean nothing in any product's language.
const (
	hostRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	pathRunes = hostRunes + "/~%+:@!&,=()"
	fileRunes = hostRunes + `/~+:@,=\`
	// headerRunes are for values of answers, bodyRunes for their text.
	headerRunes = pathRunes + " ?;*"
	bodyRunes   = headerRunes + "<>|^[]\n"
)

// wellFormed refuses values that could mean something to a product besides themselves, and what cannot be published at all.
func (p *plan) wellFormed() error {
	if p.HTTPS == 0 && p.HTTP == 0 || len(p.Addresses) == 0 {
		return fmt.Errorf("export: addresses: there is no listener to write")
	}
	for i, a := range p.Addresses {
		if !a.IsValid() || a.Zone() != "" {
			return fmt.Errorf("export: addresses[%d]: %q is not an IP address", i, a)
		}
	}
	if p.HTTPS != 0 && !p.PlainHTTPS && len(p.Certificates) == 0 {
		return fmt.Errorf("export: certificates: the https listener needs one")
	}
	if len(p.files.Certificates) < len(p.Certificates) {
		return fmt.Errorf("export: certificates: %d files are named for %d certificates", len(p.files.Certificates), len(p.Certificates))
	}
	for i, f := range p.files.Certificates {
		for _, path := range []string{f.FullChain, f.Key, f.Combined} {
			if err := only(fmt.Sprintf("the files of certificates[%d]", i), path, fileRunes); err != nil {
				return err
			}
		}
	}
	for i, c := range p.Certificates {
		for _, n := range c.Names {
			if err := host(fmt.Sprintf("certificates[%d].names", i), n); err != nil {
				return err
			}
		}
	}
	for _, issuer := range slices.Sorted(maps.Keys(p.files.Roots)) {
		if err := only("the file of the roots", p.files.Roots[issuer], fileRunes); err != nil {
			return err
		}
	}
	if err := p.wellFormedServers(); err != nil {
		return err
	}
	return p.wellFormedRules()
}

func (p *plan) wellFormedServers() error {
	for i := range p.WebServers {
		w := &p.WebServers[i]
		at := fmt.Sprintf("web_servers[%s]", w.Alias)
		if err := only("web_servers.alias", w.Alias, hostRunes+" "); err != nil {
			return err
		}
		if w.Port < 1 || w.Port > 65535 {
			return fmt.Errorf("export: %s.port: %d is not a port", at, w.Port)
		}
		if w.Scheme != https && w.Scheme != http {
			return fmt.Errorf("export: %s.scheme: %q is neither https nor http", at, w.Scheme)
		}
		for _, f := range []struct{ word, value string }{{"address", w.Address}, {"name", w.Name}} {
			if _, err := netip.ParseAddr(f.value); err == nil || f.word == "name" && f.value == "" {
				continue
			}
			if err := host(at+"."+f.word, f.value); err != nil {
				return err
			}
		}
		if verifies(w) && p.files.Roots[w.Verify] == "" {
			return fmt.Errorf("export: %s.verify: no file is named for the roots %q", at, w.Verify)
		}
	}
	return nil
}

func (p *plan) wellFormedRules() error {
	for i := range p.Rules {
		r := &p.Rules[i]
		at := fmt.Sprintf("publishing_rules[%s]", p.ruleName(i))
		if strings.ContainsFunc(r.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return fmt.Errorf("export: publishing_rules[%d].name: %q does not fit on one line", i, r.Name)
		}
		for _, h := range r.Hosts {
			if err := host(at+".hosts", strings.TrimPrefix(h, "*.")); h != "*" && err != nil {
				return err
			}
		}
		for _, path := range r.Paths {
			if err := only(at+".paths", strings.TrimSuffix(path, "*"), pathRunes); err != nil {
				return err
			}
			if !strings.HasPrefix(path, "/") {
				return fmt.Errorf("export: %s.paths: %q does not begin with a slash", at, path)
			}
		}
		if r.HostHeader != "" {
			if err := only(at+".host_header", r.HostHeader, hostRunes+":[]"); err != nil {
				return err
			}
		}
		if (len(r.WebServers) > 0) == (r.Respond != nil) {
			return fmt.Errorf("export: %s: it needs either web_servers or respond", at)
		}
		for _, alias := range r.WebServers {
			if p.WebServer(alias) == nil {
				return fmt.Errorf("export: %s.web_servers: there is no web server %q", at, alias)
			}
		}
		if r.Respond == nil {
			continue
		}
		if err := only(at+".respond.body", r.Respond.Body, bodyRunes); r.Respond.Body != "" && err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(r.Respond.Header)) {
			if err := only(at+".respond.header", name, hostRunes); err != nil {
				return err
			}
			value := strings.NewReplacer("{host}", "", "{uri}", "").Replace(r.Respond.Header[name])
			if err := only(at+".respond.header."+name, value, headerRunes); value != "" && err != nil {
				return err
			}
		}
	}
	return nil
}

// host reports what is no host name.
func host(field, name string) error { return only(field, strings.TrimPrefix(name, "*."), hostRunes) }

// only reports an empty value and one with other characters than allowed.
func only(field, value, allowed string) error {
	if value == "" {
		return fmt.Errorf("export: %s: missing", field)
	}
	for _, r := range value {
		if !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("export: %s: %q holds %q, which configurations give a meaning of their own", field, value, r)
		}
	}
	return nil
}
