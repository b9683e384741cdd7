package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"lyncpin/internal/cli"
	"lyncpin/internal/peer"
)

// program is a command that runs until it is interrupted.
type program struct {
	interrupt context.CancelFunc
	ready     chan struct{}
	done      chan int
	out, err  buffer
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
	// changed yields after something was written.
	changed chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// wait returns when the text is there. It fails when the test's time is over.
func (b *buffer) wait(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(b.String(), text) {
		select {
		case <-b.changed:
		case <-t.Context().Done():
			t.Fatalf("%q never came; there is %q", text, b.String())
		}
	}
}

// start runs a command and returns when it is ready. The test's end interrupts it.
func start(t *testing.T, reload chan struct{}, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &program{interrupt: cancel, ready: make(chan struct{}), done: make(chan int, 1)}
	p.out.changed, p.err.changed = make(chan struct{}, 1), make(chan struct{}, 1)
	env := cli.Env{
		Stdin: strings.NewReader(""), Stdout: &p.out, Stderr: &p.err,
		Getenv: func(string) string { return "" },
		Ready:  func() { close(p.ready) },
		Reload: reload,
	}
	go func() { p.done <- cli.Main(ctx, args, env) }()
	t.Cleanup(cancel)
	select {
	case <-p.ready:
	case code := <-p.done:
		t.Fatalf("lyncpin %s ended with %d before it was ready: %s", strings.Join(args, " "), code, p.err.String())
	}
	return p
}

// stop interrupts the command and wants exit code 0.
func (p *program) stop(t *testing.T) {
	t.Helper()
	p.interrupt()
	if code := <-p.done; code != 0 {
		t.Errorf("exit code %d after the interrupt, want 0; stderr: %s", code, p.err.String())
	}
}

func TestLab(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "lab")
	p := start(t, nil, "lab", "--write", dir)
	var endpoints struct {
		Schema string
		DNS    struct{ External, Internal string }
		Proxy  struct{ HTTPS, HTTP string }
		Roots  struct{ Public string }
	}
	data, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &endpoints); err != nil {
		t.Fatal(err)
	}
	if endpoints.Schema != "lyncpin.endpoints/1" {
		t.Errorf("schema %q", endpoints.Schema)
	}
	out := p.out.String()
	for _, want := range []string{
		endpoints.DNS.External, endpoints.DNS.Internal, endpoints.Proxy.HTTPS, endpoints.Proxy.HTTP,
		"-p " + port(t, endpoints.DNS.External) + " lyncdiscover.contoso.example\n",
		"--connect-to lyncdiscover.contoso.example:443:" + endpoints.Proxy.HTTPS + " ",
		filepath.Join(dir, "public-roots.pem"), "user1@contoso.example",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}

	// A probe of the running lab with what the lab wrote down finds it healthy.
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), []string{
		"probe", "user1@contoso.example", "--resolver", "external=" + endpoints.DNS.External, "--roots", endpoints.Roots.Public,
		"--connect", "203.0.113.10:443=" + endpoints.Proxy.HTTPS, "--connect", "203.0.113.10:80=" + endpoints.Proxy.HTTP,
	}, cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }})
	if code != 0 || !strings.HasPrefix(stdout.String(), "All is well") {
		t.Errorf("probe: exit code %d\n%s%s", code, stdout.String(), stderr.String())
	}
	p.stop(t)
}

func TestLabOfBrokenDeployment(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "lab", "--fault", "dns.lyncdiscover-missing", "--only", "dns")
	if out := p.out.String(); !strings.Contains(out, "name server, external view") || strings.Contains(out, "reverse proxy") {
		t.Errorf("want the name server alone:\n%s", out)
	}
	p.stop(t)
}

func TestLabSaysWhatToolsDoNotSee(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "paths.yaml")
	text := "extends: healthy\npaths:\n  - {from: external, to: 203.0.113.10, port: 443, action: drop}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "lab", "--topology", file)
	if !strings.Contains(p.err.String(), "drop 203.0.113.10 port 443 from external") {
		t.Errorf("stderr %q says nothing of the path", p.err.String())
	}
	p.stop(t)
}

func TestNameServerAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dns.yaml")
	text := "views: [{name: external, listen: ['127.0.0.1:0'], zones: [{name: contoso.example, records: ['lyncdiscover A 203.0.113.10']}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "dns", "--config", file)
	addr := strings.TrimSpace(strings.TrimPrefix(p.out.String(), "external"))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	got, err := resolver.LookupHost(t.Context(), "lyncdiscover.contoso.example.")
	if err != nil || len(got) != 1 || got[0] != "203.0.113.10" {
		t.Errorf("got %v, %v", got, err)
	}
	p.stop(t)
}

func TestFrontEndAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fe.yaml")
	text := "fqdn: fe1.contoso.example\nsip_domains: [contoso.example]\ninternal: {web_fqdn: lyncweb-int.contoso.example}\n" +
		"external: {http: '127.0.0.1:0', web_fqdn: lyncweb-ext.contoso.example}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "fakelync", "--config", file)
	_, addr, ok := strings.Cut(strings.TrimSpace(p.out.String()), "external site, http   ")
	if !ok {
		t.Fatalf("output %q", p.out.String())
	}
	resp := get(t, addr, "lyncdiscover.contoso.example")
	if resp.Header.Get("X-MS-Server-Fqdn") != "fe1.contoso.example" {
		t.Errorf("answer %s %v", resp.Status, resp.Header)
	}
	p.stop(t)
}

func TestProxyReload(t *testing.T) {
	t.Parallel()
	site := func(name string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) }))
		t.Cleanup(srv.Close)
		return srv.Listener.Addr().String()
	}
	first, second := site("first"), site("second")
	file := filepath.Join(t.TempDir(), "proxy.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(server string) string {
		host, port, _ := net.SplitHostPort(server)
		return "http: ['127.0.0.1:0']\nweb_servers: [{alias: fe1, address: " + host + ", port: " + port + ", scheme: http}]\n" +
			"publishing_rules: [{hosts: [meet.contoso.example], web_servers: [fe1]}]\n"
	}
	write(config(first))
	reload := make(chan struct{})
	p := start(t, reload, "proxy", "--config", file, "--log-format", "json")
	addr := regexp.MustCompile(`http +(\S+)`).FindStringSubmatch(p.out.String())[1]
	said := func() string {
		body, err := io.ReadAll(get(t, addr, "meet.contoso.example").Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if got := said(); got != "first" {
		t.Errorf("before: %q", got)
	}
	write("http: [")
	reload <- struct{}{}
	p.err.wait(t, "the old one stays in use")
	if got := said(); got != "first" {
		t.Errorf("after a bad file: %q", got)
	}
	write(config(second))
	reload <- struct{}{}
	p.err.wait(t, "the configuration was read again")
	if got := said(); got != "second" {
		t.Errorf("after a good file: %q", got)
	}
	p.stop(t)
	for line := range strings.Lines(p.err.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the log has a line that is no JSON: %s", line)
		}
	}
}

func get(t *testing.T, addr, host string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A real product in the lab's place is what clients get to.
func TestLabWithProduct(t *testing.T) {
	t.Parallel()
	if _, err := peer.Find("nginx"); err != nil {
		if os.Getenv("LYNCPIN_REQUIRE_PEERS") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	p := start(t, nil, "lab", "--proxy", "nginx")
	addr := regexp.MustCompile(`reverse proxy, HTTP +(\S+)`).FindStringSubmatch(p.out.String())[1]
	if resp := get(t, addr, "lyncdiscover.contoso.example"); resp.StatusCode != 200 || resp.Header.Get("Server") != "nginx" {
		t.Errorf("answer %s %v", resp.Status, resp.Header)
	}
	p.stop(t)
}
