package fakelync

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/yamlfile"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// fileConfig is a Config as a YAML file spells it.
type fileConfig struct {
	Product         Product           `yaml:"product"`
	FQDN            string            `yaml:"fqdn"`
	SIPDomains      []string          `yaml:"sip_domains"`
	Internal        fileSite          `yaml:"internal"`
	External        fileSite          `yaml:"external"`
	SimpleURLs      []fileSimpleURL   `yaml:"simple_urls"`
	Redirects       map[string]string `yaml:"redirects"`
	DefaultDocument Document          `yaml:"default_document"`
	IdleTimeout     string            `yaml:"idle_timeout"`

	Users              []fileUser    `yaml:"users"`
	Pools              []filePool    `yaml:"pools"`
	Organisation       fileDirectory `yaml:"organisation"`
	Pool               string        `yaml:"pool"`
	Isolated           bool          `yaml:"isolated"`
	NoTokenCertificate bool          `yaml:"no_token_certificate"`
	NoAnonymous        bool          `yaml:"no_anonymous"`
	OldJoinLauncher    bool          `yaml:"old_join_launcher"`
	AuthorizationURI   string        `yaml:"authorization_uri"`
	PassiveURI         string        `yaml:"passive_uri"`
}

type fileSite struct {
	HTTP            string        `yaml:"http"`
	HTTPS           string        `yaml:"https"`
	WebFQDN         string        `yaml:"web_fqdn"`
	PublishedPort   int           `yaml:"published_port"`
	WebTicketHost   string        `yaml:"web_ticket_host"`
	Certificate     string        `yaml:"certificate"`
	Key             string        `yaml:"key"`
	MinTLS          string        `yaml:"min_tls"`
	MaxTLS          string        `yaml:"max_tls"`
	RequireSNI      bool          `yaml:"require_sni"`
	HostNames       []string      `yaml:"host_names"`
	RequireSSL      bool          `yaml:"require_ssl"`
	StoppedAppPools []string      `yaml:"stopped_app_pools"`
	FailedApps      []string      `yaml:"failed_apps"`
	Filtering       fileFiltering `yaml:"filtering"`
	WindowsAuth     []string      `yaml:"windows_auth"`
	Grants          []string      `yaml:"grants"`

	NTLM               string `yaml:"ntlm"`
	ExtendedProtection string `yaml:"extended_protection"`
}

type fileFiltering struct {
	DenySequences       []string `yaml:"deny_sequences"`
	DenyVerbs           []string `yaml:"deny_verbs"`
	AllowDoubleEscaping bool     `yaml:"allow_double_escaping"`
	MaxBody             int64    `yaml:"max_body"`
	MaxURL              int      `yaml:"max_url"`
	MaxQuery            int      `yaml:"max_query"`
}

type fileSimpleURL struct {
	Kind Kind   `yaml:"kind"`
	Host string `yaml:"host"`
	Path string `yaml:"path"`
}

// LoadConfig reads a Config from YAML. path is the file's name for error messages and the place its certificate files
// are relative to. Unknown fields are errors; errors begin with file:line:column and name the field.
//
//	product: sfb-2015
//	fqdn: fe1.corp.contoso.example
//	sip_domains: [contoso.example, fabrikam.example]
//	internal: {http: 8000, https: 8443, web_fqdn: lyncweb-int.contoso.example, certificate: fe1.pem, key: fe1.key}
//	external: {http: 8080, https: 4443, web_fqdn: lyncweb-ext.contoso.example, certificate: fe1.pem, key: fe1.key}
//	simple_urls:
//	  - {kind: meet, host: meet.contoso.example}
//	users:
//	  - {sip: user1@contoso.example, login: CONTOSO\user1, password: invented for the lab}
//	redirects:
//	  tailspin.example: https://lyncweb2-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root
//
// The other fields are those of Config, Site, User and Pool in the same spelling; what is said of the organisation as a
// whole, such as lockout_threshold, stands under organisation. Accounts without pools are at home on this machine. TLS
// versions are "1.0" to "1.3", idle_timeout is a duration such as 30s. A listener address without host, such as 8080 or
// :8080, binds 127.0.0.1 only; every interface takes 0.0.0.0:8080. A key left out is expected in the certificate's file;
// a certificate left out is one that is not assigned. A file without any listener is an error.
func LoadConfig(path string, data []byte) (Config, error) {
	var file *ast.File
	var cfg Config
	err := yamlfile.Safely(data, func() (err error) {
		if file, err = parser.ParseBytes(data, 0); err == nil && len(file.Docs) < 2 {
			cfg, err = decodeConfig(path, data)
		}
		return err
	})
	if err == nil && len(file.Docs) > 1 {
		t := file.Docs[1].GetToken()
		return Config{}, fmt.Errorf("%s:%d:%d: a second document", path, t.Position.Line, t.Position.Column)
	}
	if err != nil {
		line, column, text := locate(file, err)
		return Config{}, fmt.Errorf("%s:%d:%d: %s", path, line, column, text)
	}
	return cfg, nil
}

func decodeConfig(path string, data []byte) (Config, error) {
	var f fileConfig
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return Config{}, err
	}
	cfg := Config{
		Product: f.Product, FQDN: f.FQDN, SIPDomains: f.SIPDomains,
		Redirects: f.Redirects, DefaultDocument: f.DefaultDocument,
		Pool: f.Pool, Isolated: f.Isolated, NoTokenCertificate: f.NoTokenCertificate, NoAnonymous: f.NoAnonymous,
		OldJoinLauncher: f.OldJoinLauncher, AuthorizationURI: f.AuthorizationURI, PassiveURI: f.PassiveURI,
	}
	for _, u := range f.SimpleURLs {
		cfg.SimpleURLs = append(cfg.SimpleURLs, SimpleURL(u))
	}
	var err error
	if cfg.Organisation, err = f.organisation(); err != nil {
		return Config{}, err
	}
	if f.IdleTimeout != "" {
		if cfg.IdleTimeout, err = time.ParseDuration(f.IdleTimeout); err != nil {
			return Config{}, at(fmt.Errorf("%q is no duration such as 30s", f.IdleTimeout), "idle_timeout")
		}
	}
	dir := filepath.Dir(path)
	if cfg.Internal, err = f.Internal.site(dir); err != nil {
		return Config{}, prefix(err, string(InternalSite))
	}
	if cfg.External, err = f.External.site(dir); err != nil {
		return Config{}, prefix(err, string(ExternalSite))
	}
	if err := cfg.validate(); err != nil {
		return Config{}, err
	}
	if !cfg.Internal.bound() && !cfg.External.bound() {
		return Config{}, at(errors.New("neither site has a listener (want http or https, for example 8080)"), string(ExternalSite))
	}
	return cfg, nil
}

func (f fileSite) site(dir string) (Site, error) {
	s := Site{
		WebFQDN: f.WebFQDN, PublishedPort: f.PublishedPort, WebTicketHost: f.WebTicketHost,
		RequireSNI: f.RequireSNI, HostNames: f.HostNames, RequireSSL: f.RequireSSL,
		StoppedAppPools: f.StoppedAppPools, FailedApps: f.FailedApps, Filtering: RequestFiltering(f.Filtering),
		WindowsAuth: f.WindowsAuth, Grants: f.Grants, NTLM: f.NTLM, ExtendedProtection: f.ExtendedProtection,
	}
	var err error
	if s.HTTP, err = loopback(f.HTTP); err != nil {
		return Site{}, at(err, "http")
	}
	if s.HTTPS, err = loopback(f.HTTPS); err != nil {
		return Site{}, at(err, "https")
	}
	if s.MinTLS, err = tlsVersion(f.MinTLS); err != nil {
		return Site{}, at(err, "min_tls")
	}
	if s.MaxTLS, err = tlsVersion(f.MaxTLS); err != nil {
		return Site{}, at(err, "max_tls")
	}
	switch {
	case f.Certificate != "":
		key := f.Key
		if key == "" {
			key = f.Certificate
		}
		if s.Certificate, err = tls.LoadX509KeyPair(under(dir, f.Certificate), under(dir, key)); err != nil {
			return Site{}, at(err, "certificate")
		}
	case f.Key != "":
		return Site{}, at(errors.New("there is no certificate it belongs to"), "key")
	}
	return s, nil
}

// under is a file's path, relative to dir unless absolute.
func under(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// loopback completes an address that has no host.
func loopback(addr string) (string, error) {
	if addr == "" {
		return "", nil
	}
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%q is no listener address (want a port or host:port)", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%q is no port", port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func tlsVersion(v string) (uint16, error) {
	switch v {
	case "":
		return 0, nil
	case "1.0", "1": // 1.0 without quotes is the number 1 to YAML
		return tls.VersionTLS10, nil
	case "1.1":
		return tls.VersionTLS11, nil
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("unknown TLS version %q (want 1.0, 1.1, 1.2 or 1.3)", v)
}

// locate is where in file err is, and what it says: where the YAML package says, or where the field of a fieldError is
// or would be. file is nil if it could not be parsed.
func locate(file *ast.File, err error) (line, column int, text string) {
	line, column, text = 1, 1, err.Error()
	if ye, ok := errors.AsType[yaml.Error](err); ok {
		text = ye.GetMessage() // Error would add the place and the source once more
		if t := ye.GetToken(); t != nil && t.Position != nil {
			line, column = t.Position.Line, t.Position.Column
		}
		if te, ok := errors.AsType[*yaml.TypeError](err); ok {
			text = "want " + kindName(te.DstType)
		}
		if field := fieldAt(file, line, column); field != "" {
			text = field + ": " + text
		}
		return line, column, text
	}
	fe, ok := errors.AsType[*fieldError](err)
	if !ok || len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return line, column, text
	}
	node := descend(file.Docs[0].Body, fe.steps)
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 && m.Values[0].Key.GetToken() != nil {
		node = m.Values[0].Key // a mapping's own token is its first colon
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		line, column = t.Position.Line, t.Position.Column
	}
	return line, column, text
}

// kindName is what a file author calls a Go type.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	}
	return "text"
}

// fieldAt names the field whose value begins at a place, "" if there is none.
func fieldAt(file *ast.File, line, column int) string {
	if file == nil || len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return ""
	}
	f := finder{line: line, column: column}
	ast.Walk(&f, file.Docs[0].Body)
	return f.field
}

// finder is an ast.Visitor that looks for a value by its place.
type finder struct {
	line, column int
	field        string
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node ast.Node) ast.Visitor {
	if pair, ok := node.(*ast.MappingValueNode); ok && pair.Value != nil {
		if t := pair.Value.GetToken(); t != nil && t.Position != nil && t.Position.Line == f.line && t.Position.Column == f.column {
			f.field = strings.TrimPrefix(pair.Value.GetPath(), "$.")
		}
	}
	return f
}

// descend follows steps from node as far as the document has them.
func descend(node ast.Node, steps []any) ast.Node {
	for _, step := range steps {
		next := child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return node
}

// child is the entry of a mapping or sequence, nil if there is none.
func child(node ast.Node, step any) ast.Node {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if key, ok := step.(string); ok && v.Key.String() == key {
				return v.Value
			}
		}
	case *ast.SequenceNode:
		if i, ok := step.(int); ok && i < len(n.Values) {
			return n.Values[i]
		}
	}
	return nil
}
