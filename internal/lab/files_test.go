package lab_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"lyncpin/internal/lab"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// written is endpoints.json as a program outside reads it.
type written struct {
	Schema string
	DNS    *struct{ External, Internal string }
	Proxy  *struct{ HTTPS, HTTP string }

	FrontEnds []struct {
		Name          string
		InternalHTTPS string `json:"internal_https"`
		InternalHTTP  string `json:"internal_http"`
		ExternalHTTPS string `json:"external_https"`
		ExternalHTTP  string `json:"external_http"`
		SIP           string
	}
	Balancers []struct {
		Pool  string
		Ports map[string]string
	}
	Apps       []struct{ Kind, Name, HTTPS, HTTP string }
	Roots      struct{ Public, Enterprise string }
	SIPDomains []string `json:"sip_domains"`
	Users      []struct {
		SIP, Login, Password, Pool string
		Online                     bool
	}
	ProxyFiles struct {
		Cert, Chain, FullChain, Key, PFX string
		PFXPassword                      string `json:"pfx_password"`
	} `json:"proxy_files"`
}

func writeFiles(t *testing.T, l *lab.Lab, dir string) written {
	t.Helper()
	if err := l.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, lab.EndpointsFile))
	if err != nil {
		t.Fatal(err)
	}
	var out written
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	if !filepath.IsAbs(path) {
		t.Errorf("%s is not an absolute path", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pool(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(read(t, path)) {
		t.Fatalf("no certificate in %s", path)
	}
	return p
}

// Somebody outside gets along with nothing but the files.
func TestWriteFiles(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.Users[2].Online = true
	l := start(t, top, lab.Options{})
	dir := filepath.Join(t.TempDir(), "new", "lab")
	got := writeFiles(t, l, dir)
	if got.Schema != "lyncpin.endpoints/1" {
		t.Errorf("schema: got %q", got.Schema)
	}
	if diff := cmp.Diff(topology.Healthy().SIPDomains, got.SIPDomains); diff != "" {
		t.Errorf("sip_domains (-want +got):\n%s", diff)
	}
	if len(got.Users) != 3 || got.Users[0].SIP != "user1@contoso.example" || got.Users[0].Login != `CONTOSO\user1` || got.Users[0].Password == "" {
		t.Errorf("users: got %v", got.Users)
	}
	if one, three := got.Users[0], got.Users[2]; one.Pool != "pool01.contoso.example" || one.Online || three.Pool != "" || !three.Online {
		t.Errorf("homes: got %+v and %+v", one, three)
	}
	if len(got.Balancers) != 1 || got.Balancers[0].Pool != "pool01.contoso.example" || len(got.Balancers[0].Ports) != 4 {
		t.Fatalf("balancers: got %v", got.Balancers)
	}
	if len(got.Apps) != 2 || got.Apps[0].Name != "wac.contoso.example" || got.Apps[1].Kind != topology.AccessEdge || got.Apps[1].HTTP != "" {
		t.Fatalf("apps: got %v", got.Apps)
	}
	if len(got.FrontEnds) != 2 || got.FrontEnds[0].Name != "fe1.contoso.example" {
		t.Fatalf("frontends: got %v", got.FrontEnds)
	}
	public, enterprise := pool(t, got.Roots.Public), pool(t, got.Roots.Enterprise)
	for _, c := range []struct {
		name, addr, host string
		roots            *x509.CertPool
	}{
		{"proxy", got.Proxy.HTTPS, "lyncdiscover.contoso.example", public},
		{"proxy-managed", got.Proxy.HTTPS, "lyncdiscover.contoso.example", enterprise},
		{"external-site", got.FrontEnds[0].ExternalHTTPS, "lyncweb-ext.contoso.example", enterprise},
		{"registrar", got.FrontEnds[0].SIP, "pool01.contoso.example", public},
		{"balancer", got.Balancers[0].Ports["4443"], "lyncweb-ext.contoso.example", enterprise},
		{"office-web-apps", got.Apps[0].HTTPS, "wac.contoso.example", enterprise},
		{"access-edge", got.Apps[1].HTTPS, "sip.contoso.example", public},
		{"internal-site", got.FrontEnds[1].InternalHTTPS, "lyncweb-int.contoso.example", public},
	} {
		conn, err := tls.Dial("tcp", c.addr, &tls.Config{RootCAs: c.roots, ServerName: c.host})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		conn.Close()
	}
	for _, addr := range []string{got.Proxy.HTTP, got.FrontEnds[0].InternalHTTP, got.FrontEnds[0].ExternalHTTP} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Error(err)
			continue
		}
		conn.Close()
	}
	if got.DNS.External == got.DNS.Internal {
		t.Errorf("both views are at %s", got.DNS.External)
	}
	top, err := topology.Load("topology.yaml", read(t, filepath.Join(dir, "topology.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.Topology().SIPDomains, top.SIPDomains); diff != "" {
		t.Errorf("topology.yaml (-want +got):\n%s", diff)
	}
}

func TestWriteFilesProxyCertificate(t *testing.T) {
	t.Parallel()
	got := writeFiles(t, start(t, topology.Healthy(), lab.Options{Only: []string{lab.DNS, lab.FrontEnd}}), t.TempDir())
	if got.Proxy != nil {
		t.Errorf("proxy: got %v, want none: it does not run", got.Proxy)
	}
	p := got.ProxyFiles
	pair, err := tls.X509KeyPair(read(t, p.FullChain), read(t, p.Key))
	if err != nil {
		t.Fatal(err)
	}
	if err := pair.Leaf.VerifyHostname("meet.fabrikam.example"); err != nil {
		t.Error(err)
	}
	if full := string(read(t, p.Cert)) + string(read(t, p.Chain)); full != string(read(t, p.FullChain)) {
		t.Error("cert and chain are not the full chain")
	}
	if _, leaf, cas, err := pkcs12.DecodeChain(read(t, p.PFX), p.PFXPassword); err != nil || !leaf.Equal(pair.Leaf) || len(cas) != 1 {
		t.Errorf("pfx: got %d authorities, %v", len(cas), err)
	}
	if runtime.GOOS == "windows" {
		return // where modes mean little
	}
	for _, path := range []string{p.Key, p.PFX} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, want 0600", path, info.Mode())
		}
	}
}

// A second lab replaces the files of the first, whatever their modes were, and leaves no draft behind.
func TestWriteFilesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "proxy-key.pem")
	if err := os.WriteFile(key, []byte("old"), 0o444); err != nil {
		t.Fatal(err)
	}
	first := writeFiles(t, start(t, topology.Healthy(), lab.Options{}), dir)
	second := writeFiles(t, start(t, topology.Healthy(), lab.Options{}), dir)
	if first.Proxy.HTTPS == second.Proxy.HTTPS {
		t.Error("the file is still the first lab's")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"endpoints.json", "enterprise-roots.pem", "proxy-cert.pem", "proxy-chain.pem", "proxy-fullchain.pem", "proxy-key.pem", "proxy.pfx", "public-roots.pem", "topology.yaml"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteFilesFails(t *testing.T) {
	t.Parallel()
	l := start(t, topology.Healthy(), lab.Options{Only: []string{lab.DNS}})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "proxy.pfx"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "proxy.pfx", "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteFiles(dir); err == nil || !strings.HasPrefix(err.Error(), "lab: write files: ") {
		t.Errorf("got %v, want an error", err)
	}
	if _, err := os.Stat(filepath.Join(dir, lab.EndpointsFile)); !os.IsNotExist(err) {
		t.Errorf("%s: got %v, want that it is not there (%v)", lab.EndpointsFile, err, fs.ErrNotExist)
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                 string
		only                 []string
		dns, frontEnd, proxy bool
	}{
		{"all", nil, true, true, true},
		{"nothing", []string{}, false, false, false},
		{"dns", []string{lab.DNS}, true, false, false},
		{"frontend", []string{lab.FrontEnd}, false, true, false},
		{"proxy", []string{lab.Proxy}, false, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := start(t, topology.Healthy(), lab.Options{Only: tt.only})
			e := l.Endpoints()
			if got := [3]bool{e.DNS != nil, e.FrontEnds != nil, e.Proxy != nil}; got != [3]bool{tt.dns, tt.frontEnd, tt.proxy} {
				t.Errorf("endpoints: got DNS, Front Ends, proxy %v", got)
			}
			if got := [3]bool{l.DNS() != nil, len(l.FrontEnds()) > 0, l.Proxy() != nil}; got != [3]bool{tt.dns, tt.frontEnd, tt.proxy} {
				t.Errorf("running: got DNS, Front Ends, proxy %v", got)
			}
			if err := dial(t, l.Vantage(probe.Internal), "10.10.10.10:443"); (err == nil) != tt.frontEnd {
				t.Errorf("the balancer: got %v", err)
			}
		})
	}
}

// Bound to the plan, the servers are at its own addresses and ports.
func TestBindPlan(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(t.Context(), topology.Healthy(), lab.Options{Bind: lab.Plan})
	if err != nil {
		if !strings.Contains(err.Error(), "listen ") {
			t.Errorf("got %v, want an address that cannot be bound", err)
		}
		t.Skip("this machine has not got the plan's addresses; .ci/interop runs this test where they are")
	}
	defer l.Close()
	if got := l.Endpoints().Proxy.HTTPS; got != "203.0.113.10:443" {
		t.Errorf("proxy: got %s, want the plan's address", got)
	}
	resp, _ := get(t, client(t, l.Vantage(probe.External)), "https://lyncdiscover.contoso.example/")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %s", resp.Status)
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	top := topology.Healthy()
	top.SIPDomains[0] = "Contoso.example"
	top.Proxy.WebServers[1].Name = ""
	top.Proxy.WebServers[3].Address = "fe2.contoso.example"
	top.Proxy.WebServers[4].Verify = "none"
	want := probe.Target{
		SIPDomains: []string{"contoso.example", "fabrikam.example"},
		Meeting:    "https://meet.contoso.example/user1/ABCD1234",
		Expected: probe.Expected{
			ExternalWeb:    []string{"lyncweb-ext.contoso.example"},
			InternalWeb:    []string{"lyncweb-int.contoso.example"},
			Meet:           []string{"meet.contoso.example", "meet.fabrikam.example"},
			Dialin:         []string{"dialin.contoso.example"},
			OfficeWebApps:  []string{"wac.contoso.example"},
			Lync2010Phones: true,
			FrontEnds:      []string{"10.10.10.11", "10.10.10.12"},
			WebServers: []probe.WebServer{
				{Address: "10.10.10.11:4443", Scheme: "https", Name: "fe1.contoso.example", Trust: "enterprise"},
				{Address: "10.10.10.12:4443", Scheme: "https", Name: "10.10.10.12", Trust: "enterprise"},
				{Address: "10.10.10.11:8080", Scheme: "http"},
				{Address: "fe2.contoso.example:8080", Scheme: "http"},
				{Address: "10.10.10.20:443", Scheme: "https", Application: "office-web-apps"},
			},
		},
	}
	if diff := cmp.Diff(want, lab.Target(top)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVantage(t *testing.T) {
	t.Parallel()
	const external, internal = "198.51.100.53:53", "10.10.10.53:53"
	tests := []struct {
		name, place string
		wifi        topology.WiFi
		resolver    string
		managed     bool
	}{
		{"external", probe.External, topology.WiFi{}, external, false},
		{"internal", probe.Internal, topology.WiFi{}, internal, true},
		{"proxy", probe.Proxy, topology.WiFi{}, internal, true},
		{"wifi", probe.WiFi, topology.WiFi{}, internal, false},
		{"wifi-managed", probe.WiFi, topology.WiFi{Managed: true, View: "internal"}, internal, true},
		{"wifi-guest", probe.WiFi, topology.WiFi{View: "external"}, external, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			top := topology.Healthy()
			top.WiFi = tt.wifi
			v := start(t, top, lab.Options{Only: []string{lab.DNS}}).Vantage(tt.place)
			if v.Name != tt.place || len(v.Resolvers) != 1 || v.Resolvers[0] != tt.resolver || v.Managed != tt.managed {
				t.Errorf("got %s, %v, managed %v, want %s, %s, managed %v", v.Name, v.Resolvers, v.Managed, tt.place, tt.resolver, tt.managed)
			}
			if v.PublicRoots == nil || v.EnterpriseRoots == nil || v.PublicRoots.Equal(v.EnterpriseRoots) {
				t.Error("the roots are not known")
			}
		})
	}
}
