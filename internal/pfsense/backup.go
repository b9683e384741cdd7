package pfsense

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Backup is what matters of a firewall's configuration. It holds no secret.
type Backup struct {
	// Version is that of the configuration's form, such as "22.2"; empty when the backup is one of the packages alone.
	Version string
	// Notes say what was left out of what was understood, in sentences for a person.
	Notes []string

	name         string // of the firewall: host and domain
	domain       string
	gui          gui
	certificates []certificate
	authorities  []certificate
	interfaces   map[string]netip.Addr
	virtual      map[string]netip.Addr // by the interface's name for it (_vip…), and by address
	overrides    []override
	forwards     []forward
	rules        []passRule
	hasFilter    bool // the section is there: without it nothing can be said about rules
	ports        map[string]string
	reservedHigh *element
	hasTunables  bool

	squid   *squid
	haproxy *haproxy
}

// gui is the firewall's own web interface.
type gui struct {
	https bool
	port  int
	line  int
}

// override is a host override of the resolver or the forwarder.
type override struct {
	name string
	addr netip.Addr
	line int
}

// forward is a port forward.
type forward struct {
	iface, to, port, target, localPort string
	line                               int
}

// passRule is a rule that lets something pass.
type passRule struct {
	iface, to, port string
	floating        bool
	line            int
}

// HasSquid tells whether Squid's reverse proxy is set up, HasHAProxy whether HAProxy has a frontend.
func (b *Backup) HasSquid() bool { return b.squid != nil }

// HasHAProxy tells whether the HAProxy package has a frontend.
func (b *Backup) HasHAProxy() bool { return b.haproxy != nil }

// Parse reads a backup. Its errors say what the file is instead, and quote nothing of it.
func Parse(name string, data []byte) (*Backup, error) {
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	packages := root.child("installedpackages")
	b := &Backup{
		Version: clean(root.value("version")), domain: strings.ToLower(clean(root.at("system").value("domain"))),
		interfaces: map[string]netip.Addr{}, virtual: map[string]netip.Addr{}, ports: map[string]string{},
	}
	b.name = strings.Trim(strings.ToLower(clean(root.at("system").value("hostname")))+"."+b.domain, ".")
	b.readBase(root)
	b.squid = b.readSquid(packages)
	b.haproxy = b.readHAProxy(packages.child("haproxy"))
	return b, nil
}

// IsBackup tells whether a file is meant for Parse, which may refuse it all the same: XML in any encoding, or an encrypted backup.
func IsBackup(data []byte) bool {
	head := data[:min(len(data), 4096)]
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		head = fromUTF16(head)
	}
	head = bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	for _, begin := range []string{"<?xml", "<pfsense", "<installedpackages", "---- BEGIN config.xml"} {
		if bytes.HasPrefix(head, []byte(begin)) {
			return true
		}
	}
	return false
}

// ErrNothing says that neither reverse proxy is set up in a backup.
var ErrNothing = errors.New("neither Squid's reverse proxy nor the HAProxy package is set up in it")

func (b *Backup) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(b.Notes, text) {
		b.Notes = append(b.Notes, text)
	}
}

func (b *Backup) readBase(root *element) {
	for _, at := range []*element{root, root.child("system")} { // early versions kept them below <system>
		for _, e := range at.all("cert") {
			b.certificates = append(b.certificates, readCertificate(e))
		}
		for _, e := range at.all("ca") {
			b.authorities = append(b.authorities, readCertificate(e))
		}
	}
	if slices.ContainsFunc(b.certificates, func(c certificate) bool { return c.removed }) {
		b.note("Certificates were taken out of the backup: their names, dates and issuers were not looked at.")
	}
	b.readGUI(root.at("system", "webgui"))
	for _, e := range root.child("interfaces").kids {
		if a, err := netip.ParseAddr(e.value("ipaddr")); err == nil {
			b.interfaces[e.name] = a
		}
	}
	for i, e := range root.child("virtualip").all("vip") {
		if a, err := netip.ParseAddr(e.value("subnet")); err == nil {
			b.virtual[a.String()] = a
			b.virtual[fmt.Sprintf("vip%d", i)] = a
		}
	}
	for _, e := range root.child("aliases").all("alias") {
		if e.value("type") == "port" {
			b.ports[clean(e.value("name"))] = clean(e.value("address"))
		}
	}
	for _, server := range []string{"unbound", "dnsmasq"} {
		if s := root.child(server); s.has("enable") {
			b.readOverrides(s)
		}
	}
	for _, e := range root.child("nat").all("rule") {
		if !e.has("disabled") {
			d := e.child("destination")
			b.forwards = append(b.forwards, forward{
				iface: clean(e.value("interface")), to: destination(d), port: clean(d.value("port")),
				target: clean(e.value("target")), localPort: clean(e.value("local-port")), line: e.line,
			})
		}
	}
	b.hasFilter = root.has("filter")
	for _, e := range root.child("filter").all("rule") {
		kind, protocol := e.value("type"), strings.ToLower(e.value("protocol"))
		if e.has("disabled") || kind != "pass" && kind != "" || protocol != "" && !strings.Contains(protocol, "tcp") && protocol != "any" {
			continue
		}
		d := e.child("destination")
		b.rules = append(b.rules, passRule{
			iface: clean(e.value("interface")), to: destination(d), port: clean(d.value("port")), floating: e.has("floating"), line: e.line,
		})
	}
	b.hasTunables = len(root.child("sysctl").all("item")) > 0
	for _, e := range root.child("sysctl").all("item") {
		if e.value("tunable") == "net.inet.ip.portrange.reservedhigh" {
			b.reservedHigh = e.child("value")
		}
	}
}

// destination is where a rule's traffic goes to: "" for anywhere, an interface's address as "wanip", an address or an alias.
func destination(d *element) string {
	if d.has("any") {
		return ""
	}
	if a := clean(d.value("address")); a != "" {
		return a
	}
	return clean(d.value("network"))
}

func (b *Backup) readGUI(e *element) {
	b.gui = gui{https: e.value("protocol") == "https", line: e.line}
	if e.line == 0 {
		return
	}
	b.gui.port = port(e.value("port"))
	if b.gui.port == 0 && b.gui.https {
		b.gui.port = 443
	} else if b.gui.port == 0 {
		b.gui.port = 80
	}
}

func (b *Backup) readOverrides(server *element) {
	for _, e := range server.all("hosts") {
		a, err := netip.ParseAddr(strings.TrimSpace(strings.Split(e.value("ip"), ",")[0]))
		if err != nil {
			continue
		}
		names := []*element{e}
		names = append(names, e.child("aliases").all("item")...)
		for _, n := range names {
			full := strings.ToLower(strings.Trim(clean(n.value("host"))+"."+clean(n.value("domain")), "."))
			if hostLike(full) {
				b.overrides = append(b.overrides, override{full, a, n.line})
			}
		}
	}
}

// override is the address that the firewall's own name server gives a name.
func (b *Backup) override(name string) (override, bool) {
	for _, o := range b.overrides {
		if o.name == name {
			return o, true
		}
	}
	return override{}, false
}

// port is a port's number, 0 when the text is none.
func port(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// list splits a text at a separator and drops what is empty.
func list(s, separator string) []string {
	var out []string
	for _, part := range strings.Split(s, separator) {
		if part = clean(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// major is the whole number that a version begins with.
func major(version string) int {
	whole, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return 0
	}
	return n
}
