package pfsense

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Files are the paths that a translated configuration names. Nothing is read from there.
type Files struct {
	// FullChain is a certificate with its chain, Key its private key, Combined both in one file; one of each for every certificate
	// that the proxy needs, in the order of the topology that Proxy returns.
	FullChain, Key, Combined []string
	// Root is the file of the authority that the Front Ends' certificates come from.
	Root string
}

// Squid writes what the package's generator makes of the backup, for the squid of any system (Debian: squid-openssl): listeners, web
// servers, redirects, mappings. Notes say what is left out, in sentences.
func Squid(b *Backup, files Files) (text string, notes []string, err error) {
	s := b.squid
	if s == nil {
		return "", nil, errors.New("the reverse proxy of Squid is not set up in the backup")
	}
	w := &writer{}
	w.line("# Squid's reverse proxy, translated from the backup of %s.", cmp.Or(word(b.name), "a pfSense firewall"))
	w.line("# The certificate and its key are not in here: %s and %s.", first(files.FullChain), first(files.Key))
	w.line("visible_hostname %s", cmp.Or(word(b.name), "proxy"))
	for _, a := range []string{"allsrc src all", "HTTP proto HTTP", "HTTPS proto HTTPS"} {
		w.line("acl %s", a)
	}
	if slices.Contains([]string{"on", "off", "transparent", "delete", "truncate"}, s.xForwarded) {
		w.line("forwarded_for %s", s.xForwarded)
	}
	b.squidListeners(w, files)
	s.writePeers(w)
	s.writeRedirects(w)
	s.writeMappings(w)
	for _, o := range s.options {
		if !strings.HasPrefix(o.text, "http-") && !strings.HasPrefix(o.text, "timeout ") && !strings.HasPrefix(o.text, "option ") {
			w.line("%s", o.text)
		}
	}
	w.line("http_access deny allsrc")
	if s.reset {
		w.line("deny_info TCP_RESET allsrc")
	}
	if s.exchange {
		w.note("The Exchange assistant's web servers and patterns are left out.")
	}
	return w.String(), w.notes, nil
}

// writer is a configuration that is being written.
type writer struct {
	strings.Builder
	notes []string
}

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(w, format+"\n", args...)
}

func (w *writer) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(w.notes, n) {
		w.notes = append(w.notes, n)
	}
}

var notWord = regexp.MustCompile(`[^\w.-]+`)

// word is a name without what a configuration could take for something else.
func word(s string) string { return strings.Trim(notWord.ReplaceAllString(s, "_"), "_") }

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// publicAddress is the address at which clients reach the proxy: that of the backup, or one for documentation when it is not
// in there.
func (b *Backup) publicAddress(known []netip.Addr) netip.Addr {
	for _, a := range known {
		if a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() {
			return a
		}
	}
	if a := b.interfaces["wan"]; a.IsValid() {
		return a
	}
	return netip.MustParseAddr("203.0.113.10")
}

// squidAddress is where Squid listens in a translation: at one address, which is enough to show what it does.
func (b *Backup) squidAddress() netip.Addr { return b.publicAddress(b.squid.addresses) }

func (b *Backup) squidListeners(w *writer, files Files) {
	s := b.squid
	at := b.squidAddress()
	if len(s.addresses) > 1 {
		w.note("Squid listens at %d addresses; the translation at the first, %s.", len(s.addresses), at)
	}
	if s.http || s.exchangeHTTP {
		w.line("http_port %s accel defaultsite=%s vhost", netip.AddrPortFrom(at, uint16(s.httpPort)), cmp.Or(word(s.httpSite), "localhost"))
	}
	if !s.https {
		return
	}
	options := "NO_SSLv3"
	if s.modern {
		options += ",NO_TLSv1"
	}
	client := ""
	if s.clientCheck {
		client = " clientca=" + files.Root
	}
	w.line("https_port %s accel tls-cert=%s tls-key=%s%s options=%s defaultsite=%s vhost", netip.AddrPortFrom(at, uint16(s.httpsPort)),
		first(files.FullChain), first(files.Key), client, options, cmp.Or(word(s.httpsSite), "localhost"))
}

// validHost tells whether a text can stand as a web server's address.
func validHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || hostLike(strings.ToLower(s))
}

func (s *squid) writePeers(w *writer) {
	var seen []string
	for i := range s.peers {
		p := &s.peers[i]
		if !s.written(p) {
			continue
		}
		if !validHost(p.ip) || slices.Contains(seen, p.name) {
			w.note("The web server %q is left out: its address is none, or another one has its name.", p.name)
			continue
		}
		seen = append(seen, p.name)
		tls := ""
		if p.protocol == "HTTPS" {
			tls = "ssl "
			if s.ignoresPeer {
				tls += "sslflags=DONT_VERIFY_PEER "
			}
			tls += "front-end-https=auto "
		}
		w.line("cache_peer %s parent %d 0 proxy-only no-query no-digest originserver login=PASSTHRU connection-auth=on round-robin %sname=rvp_%s", p.ip, p.port, tls, word(p.name))
	}
}

// plain tells whether a pattern can be written as it is: quotes and macros of squid.conf would read files.
func plain(text string) bool {
	return text != "" && !strings.ContainsAny(text, "\"'`#${} ") || safeBraces(text)
}

// safeBraces tells the same of patterns with an end mark or a count.
func safeBraces(text string) bool {
	return text != "" && !strings.ContainsAny(text, "\"'`# ") && !strings.Contains(text, "${")
}

func (s *squid) writeRedirects(w *writer) {
	for i := range s.redirects {
		r := &s.redirects[i]
		if !r.enabled || r.name == "" || r.path == "" || r.to == "" {
			continue
		}
		if !plain(r.path) || !plain(r.to) || squidPathPattern(r.path).err != nil {
			w.note("The redirect %q is left out: its pattern or target cannot be written.", r.name)
			continue
		}
		name := word(r.name)
		for _, h := range r.hosts {
			if hostLike(strings.TrimPrefix(h, ".")) {
				w.line("acl rdr_dst_%s dstdomain %s", name, h)
			}
		}
		w.line("acl rdr_path_%s urlpath_regex %s", name, r.path)
		w.line("deny_info %s rdr_path_%s", r.to, name)
		for _, l := range []struct {
			on   bool
			word string
		}{{r.http, "HTTP"}, {r.https, "HTTPS"}} {
			if l.on {
				w.line("http_access deny %s rdr_dst_%s rdr_path_%s", l.word, name, name)
			}
		}
	}
}

func (s *squid) writeMappings(w *writer) {
	var allow, deny, direct, access []string
	last := ""
	for i := range s.mappings {
		m := &s.mappings[i]
		if !m.used() {
			continue
		}
		name := word(m.name)
		wrote := 0
		for _, p := range m.patterns {
			if p.err != nil || !plain(p.text) {
				w.note("A pattern of the mapping %q is left out: it cannot be read.", m.name)
				continue
			}
			w.line("acl rvm_%s url_regex -i %s", name, p.text)
			wrote++
		}
		if m.name == last || wrote == 0 {
			continue
		}
		last = m.name
		direct = append(direct, "never_direct allow rvm_"+name)
		access = append(access, "http_access allow rvm_"+name)
		for _, alias := range m.peers {
			if p := s.peer(alias); p != nil && s.written(p) && validHost(p.ip) {
				allow = append(allow, "cache_peer_access rvp_"+word(alias)+" allow rvm_"+name)
				deny = append(deny, "cache_peer_access rvp_"+word(alias)+" deny allsrc")
			}
		}
	}
	for _, l := range slices.Concat(allow, deny, direct, access) {
		w.line("%s", l)
	}
}
