package export_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/export"
	"lyncpin/internal/pfsense"
	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
	"lyncpin/scenarios"
)

// What is exported for pfSense is read by those who judge backups, and they find nothing wrong in it.
func TestPfSenseHAProxyIsFoundRight(t *testing.T) {
	t.Parallel()
	now := time.Now()
	authority, err := pki.New(now)
	if err != nil {
		t.Fatal(err)
	}
	baselines, err := scenarios.Match([]string{"baseline/*"})
	if err != nil || len(baselines) == 0 {
		t.Fatalf("%d healthy deployments, %v", len(baselines), err)
	}
	for _, s := range baselines {
		top := s.Topology()
		p := &top.Proxy
		text, err := export.Write(export.PfSenseHAProxy, defaults(export.PfSenseHAProxy, p))
		if err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		config := restored(t, authority, p, text)
		b, err := pfsense.Parse("config.xml", config)
		if err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		for _, n := range b.Notes {
			t.Errorf("%s: %s", s.ID, n)
		}
		for _, f := range b.Check("config.xml", pfsense.Options{}, now) {
			if top.Plan.HTTPOnlyDiscovery && strings.Contains(f.Reason, "lyncdiscover") {
				continue // no backup says that it is on purpose
			}
			t.Errorf("%s: %s line %d (%s): %s", s.ID, f.Rule.ID, f.Line, f.Where, f.Reason)
		}
		// The same with the ports of the internal site is wrong, and they see it.
		config = []byte(strings.NewReplacer("<port>4443<", "<port>443<", "<client_timeout>1200000", "<client_timeout>30000").Replace(string(config)))
		if b, err = pfsense.Parse("config.xml", config); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		if n := len(b.Check("config.xml", pfsense.Options{}, now)); n < 2 {
			t.Errorf("%s: %d findings of a wrong port and a wrong time-out", s.ID, n)
		}
	}
}

// restored is a backup with the fragment in its place, and the certificates that its placeholders stand for.
func restored(t *testing.T, authority *pki.Authority, p *topology.Proxy, fragment string) []byte {
	t.Helper()
	_, fragment, ok := strings.Cut(fragment, "-->\n")
	if !ok {
		t.Fatal("the fragment has no head")
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?>
<pfsense>
  <version>22.2</version>
  <system><hostname>fw1</hostname><domain>contoso.example</domain><webgui><protocol>https</protocol><port>8443</port></webgui></system>
  <interfaces><wan><enable/><if>igb0</if><ipaddr>203.0.113.10</ipaddr><subnet>24</subnet></wan></interfaces>
  <filter>
    <rule><type>pass</type><interface>wan</interface><ipprotocol>inet46</ipprotocol><protocol>tcp</protocol><source><any/></source>
      <destination><network>(self)</network><port>80</port></destination></rule>
    <rule><type>pass</type><interface>wan</interface><ipprotocol>inet46</ipprotocol><protocol>tcp</protocol><source><any/></source>
      <destination><network>(self)</network><port>443</port></destination></rule>
  </filter>
`)
	item := func(kind, ref, authority string, pem []byte) {
		fmt.Fprintf(&b, "  <%s><refid>%s</refid><descr>%s</descr><caref>%s</caref><crt>%s</crt>%s</%s>\n", kind, ref, ref, authority,
			base64.StdEncoding.EncodeToString(pem), map[string]string{"cert": "<prv>QQ==</prv>"}[kind], kind)
	}
	for i, c := range p.Certificates {
		issued, err := authority.Issue(pki.Spec{Names: c.Names, Issuer: c.Issuer})
		if err != nil {
			t.Fatal(err)
		}
		item("cert", fmt.Sprintf("REFID-%d", i), "intermediate", pki.LeafPEM(issued))
		if i == 0 {
			item("ca", "intermediate", "root", pki.ChainPEM(issued))
		}
	}
	item("ca", "root", "", authority.RootPEM(pki.Public))
	item("ca", "REFID-ENTERPRISE-CA", "", authority.RootPEM(pki.Enterprise))
	b.WriteString("  <installedpackages>\n" + fragment + "  </installedpackages>\n</pfsense>\n")
	return []byte(b.String())
}
