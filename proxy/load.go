package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/nearest"
	"lyncpin/internal/yamlfile"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"software.sslmate.com/src/go-pkcs12"
)

// LoadConfig reads a configuration from YAML. The fields are those of Config in small letters with underscores, see ExampleLoadConfig;
// certificates and authorities are names of files, relative to that of path. Path itself is not read: data is its content. The
// configuration is checked as Start checks it. Errors read "file:line:col: field: text", with the nearest word for a
// misspelt one. Hooks and Log are left nil.
func LoadConfig(path string, data []byte) (Config, error) {
	var f fileConfig
	if err := decode(data, &f); err != nil {
		return Config{}, yamlError(path, err)
	}
	cfg, err := f.config(filepath.Dir(path))
	if err == nil {
		err = cfg.validate()
	}
	if err == nil {
		_, err = newCertificates(cfg.Certificates, cfg.TLS.StrictSNI)
	}
	if err != nil {
		return Config{}, locate(path, data, err)
	}
	return cfg, nil
}

// decode reads YAML strictly. A file that was wrong at a reload must not end the proxy.
func decode(data []byte, into *fileConfig) error {
	return yamlfile.Safely(data, func() error { return yaml.UnmarshalWithOptions(data, into, yaml.Strict()) })
}

// yamlError puts the position before an error of the YAML package.
func yamlError(path string, err error) error {
	ye, ok := errors.AsType[yaml.Error](err)
	if !ok || ye.GetToken() == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := ye.GetMessage()
	if _, unknown := errors.AsType[*yaml.UnknownFieldError](err); unknown {
		word := strings.Trim(strings.TrimPrefix(text, "unknown field "), `"`)
		text = fmt.Sprintf("unknown field %q%s", word, nearest.Hint(word, fieldNames(reflect.TypeFor[fileConfig]())))
	}
	if te, mismatch := errors.AsType[*yaml.TypeError](err); mismatch {
		text = fmt.Sprintf("%q is not %s", te.Token.Value, kindWords(te.DstType))
	}
	pos := ye.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s", path, pos.Line, pos.Column, text)
}

// kindWords says what a field takes.
func kindWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a group of fields"
	}
	return "a text"
}

// fieldNames are all words a file may use.
func fieldNames(t reflect.Type) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fieldNames(t.Elem())
	case reflect.Struct:
		var out []string
		for i := range t.NumField() {
			out = append(out, t.Field(i).Tag.Get("yaml"))
			out = append(out, fieldNames(t.Field(i).Type)...)
		}
		return out
	}
	return nil
}

// locate puts the position of its field before a *fieldError. The position of a field that is not there is that of what it is
// missing in.
func locate(path string, data []byte, err error) error {
	fe, ok := errors.AsType[*fieldError](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	file, parseErr := parser.ParseBytes(data, 0)
	for field := fe.path; parseErr == nil && field != ""; field = field[:max(strings.LastIndexAny(field, ".["), 0)] {
		yp, pathErr := yaml.PathString("$." + field)
		if pathErr != nil {
			continue
		}
		node, findErr := yp.FilterFile(file)
		if findErr != nil || node == nil {
			continue
		}
		pos := beginning(node).GetToken().Position
		return fmt.Errorf("%s:%d:%d: %w", path, pos.Line, pos.Column, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// beginning is the first key of a group, for the token of a group itself is its first colon.
func beginning(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key
		}
	case *ast.MappingValueNode:
		return n.Key
	}
	return n
}

// The file types mirror Config. Durations and versions are texts here, so that mistakes in them can be told with their position.

type fileConfig struct {
	HTTPS        []string        `yaml:"https"`
	HTTP         []string        `yaml:"http"`
	Certificates []fileCert      `yaml:"certificates"`
	TLS          fileTLS         `yaml:"tls"`
	WebServers   []fileWebServer `yaml:"web_servers"`
	Rules        []fileRule      `yaml:"publishing_rules"`
	Unknown      fileUnknown     `yaml:"unknown"`
	Forwarded    string          `yaml:"forwarded"`
	HideHops     bool            `yaml:"hide_hops"`
	ProxyProto   bool            `yaml:"proxy_protocol"`
	MaxHeader    int             `yaml:"max_header"`
	MaxFields    int             `yaml:"max_fields"`
	MaxConns     int             `yaml:"max_connections_per_source"`
	Timeouts     fileTimeouts    `yaml:"timeouts"`
	Grace        string          `yaml:"grace"`
}

type fileCert struct {
	Cert         string   `yaml:"cert"`
	Key          string   `yaml:"key"`
	Chain        string   `yaml:"chain"`
	PFX          string   `yaml:"pfx"`
	PasswordFile string   `yaml:"password_file"`
	Names        []string `yaml:"names"`
}

type fileTLS struct {
	Min       string `yaml:"min"`
	Max       string `yaml:"max"`
	StrictSNI bool   `yaml:"strict_sni"`
	NoTickets bool   `yaml:"no_tickets"`
	HTTP2     bool   `yaml:"http2"`
	Client    string `yaml:"client_certificates"`
	ClientCA  string `yaml:"client_ca"`
}

type fileWebServer struct {
	Alias    string `yaml:"alias"`
	Address  string `yaml:"address"`
	Port     int    `yaml:"port"`
	Scheme   string `yaml:"scheme"`
	NoVerify bool   `yaml:"no_verify"`
	CA       string `yaml:"ca"`
	Name     string `yaml:"name"`
	SNI      string `yaml:"sni"`
	MinTLS   string `yaml:"min_tls"`
	MaxTLS   string `yaml:"max_tls"`
	Disabled bool   `yaml:"disabled"`
}

type fileRule struct {
	Name                  string            `yaml:"name"`
	Hosts                 []string          `yaml:"hosts"`
	Paths                 []string          `yaml:"paths"`
	CaseSensitive         bool              `yaml:"case_sensitive"`
	Methods               []string          `yaml:"methods"`
	MatchHeaders          map[string]string `yaml:"match_headers"`
	Sources               []string          `yaml:"sources"`
	Listener              string            `yaml:"listener"`
	WebServers            []string          `yaml:"web_servers"`
	AnyScheme             bool              `yaml:"any_scheme"`
	Balance               string            `yaml:"balance"`
	Cookie                fileCookie        `yaml:"cookie"`
	HealthCheck           *fileHealthCheck  `yaml:"health_check"`
	Connections           string            `yaml:"connections"`
	HTTP10                bool              `yaml:"http10"`
	RetrySilent           string            `yaml:"retry_silent"`
	HostHeader            string            `yaml:"host_header"`
	StripPrefix           string            `yaml:"strip_prefix"`
	AddPrefix             string            `yaml:"add_prefix"`
	URI                   string            `yaml:"uri"`
	SetRequestHeaders     map[string]string `yaml:"set_request_headers"`
	RemoveRequestHeaders  []string          `yaml:"remove_request_headers"`
	SetResponseHeaders    map[string]string `yaml:"set_response_headers"`
	RemoveResponseHeaders []string          `yaml:"remove_response_headers"`
	ReplaceLocation       []fileReplacement `yaml:"replace_location"`
	ReplaceBody           []fileReplacement `yaml:"replace_body"`
	BufferResponse        int               `yaml:"buffer_response"`
	MaxBody               int64             `yaml:"max_body"`
	MaxURL                int               `yaml:"max_url"`
	VerifyNormalization   bool              `yaml:"verify_normalization"`
	MaxRequests           int               `yaml:"max_requests"`
	MaxRequestsPerSource  int               `yaml:"max_requests_per_source"`
	Rate                  int               `yaml:"rate"`
	Respond               *fileResponse     `yaml:"respond"`
	Reset                 bool              `yaml:"reset"`
}

type fileCookie struct {
	Name     string `yaml:"name"`
	HTTPOnly bool   `yaml:"http_only"`
	Secure   bool   `yaml:"secure"`
	MaxAge   string `yaml:"max_age"`
}

type fileHealthCheck struct {
	Path     string            `yaml:"path"`
	Host     string            `yaml:"host"`
	Headers  map[string]string `yaml:"headers"`
	Port     int               `yaml:"port"`
	Status   int               `yaml:"status"`
	Interval string            `yaml:"interval"`
	Timeout  string            `yaml:"timeout"`
}

type fileReplacement struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

type fileResponse struct {
	Status  int               `yaml:"status"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}

type fileUnknown struct {
	Respond *fileResponse `yaml:"respond"`
	Reset   bool          `yaml:"reset"`
	Rule    string        `yaml:"rule"`
}

type fileTimeouts struct {
	Connect      string `yaml:"connect"`
	Response     string `yaml:"response"`
	Idle         string `yaml:"idle"`
	UpstreamIdle string `yaml:"upstream_idle"`
	Header       string `yaml:"header"`
	Body         string `yaml:"body"`
	Lifetime     string `yaml:"lifetime"`
}

// A conversion turns file types into those of Config and keeps the first mistake.
type conversion struct {
	dir string
	err error
}

func (v *conversion) fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

func (f *fileConfig) config(dir string) (Config, error) {
	v := &conversion{dir: dir}
	cfg := Config{
		HTTPS:     f.HTTPS,
		HTTP:      f.HTTP,
		TLS:       v.tls(f.TLS),
		Unknown:   Unknown{Respond: f.Unknown.Respond.response(), Reset: f.Unknown.Reset, Rule: f.Unknown.Rule},
		Forwarded: f.Forwarded,
		HideHops:  f.HideHops,

		ProxyProtocol: f.ProxyProto,

		MaxHeader: f.MaxHeader, MaxFields: f.MaxFields, MaxConnectionsPerSource: f.MaxConns,
		Timeouts: Timeouts{
			Connect:      v.duration("timeouts.connect", f.Timeouts.Connect),
			Response:     v.duration("timeouts.response", f.Timeouts.Response),
			Idle:         v.duration("timeouts.idle", f.Timeouts.Idle),
			UpstreamIdle: v.duration("timeouts.upstream_idle", f.Timeouts.UpstreamIdle),
			Header:       v.duration("timeouts.header", f.Timeouts.Header),
			Body:         v.duration("timeouts.body", f.Timeouts.Body),
			Lifetime:     v.duration("timeouts.lifetime", f.Timeouts.Lifetime),
		},
		Grace: v.duration("grace", f.Grace),
	}
	for i, c := range f.Certificates {
		cfg.Certificates = append(cfg.Certificates, v.certificate(fmt.Sprintf("certificates[%d]", i), c))
	}
	for i, w := range f.WebServers {
		at := fmt.Sprintf("web_servers[%d]", i)
		cfg.WebServers = append(cfg.WebServers, WebServer{
			Alias: w.Alias, Address: w.Address, Port: w.Port, Scheme: w.Scheme,
			NoVerify: w.NoVerify, RootCAs: v.pool(at+".ca", w.CA), Name: w.Name, SNI: w.SNI,
			MinTLS: v.version(at+".min_tls", w.MinTLS), MaxTLS: v.version(at+".max_tls", w.MaxTLS), Disabled: w.Disabled,
		})
	}
	for i, r := range f.Rules {
		cfg.Rules = append(cfg.Rules, v.rule(fmt.Sprintf("publishing_rules[%d]", i), r))
	}
	return cfg, v.err
}

func (v *conversion) rule(at string, r fileRule) Rule {
	out := Rule{
		Name: r.Name, Hosts: r.Hosts, Paths: r.Paths, CaseSensitive: r.CaseSensitive, Methods: r.Methods,
		MatchHeaders: r.MatchHeaders, Sources: r.Sources, Listener: r.Listener,
		WebServers: r.WebServers, AnyScheme: r.AnyScheme, Balance: r.Balance, Connections: r.Connections,
		Cookie: Cookie{
			Name: r.Cookie.Name, HTTPOnly: r.Cookie.HTTPOnly, Secure: r.Cookie.Secure,
			MaxAge: v.duration(at+".cookie.max_age", r.Cookie.MaxAge),
		},
		HTTP10: r.HTTP10, RetrySilent: v.duration(at+".retry_silent", r.RetrySilent),
		HostHeader: r.HostHeader, StripPrefix: r.StripPrefix, AddPrefix: r.AddPrefix, URI: r.URI,
		SetRequestHeaders: r.SetRequestHeaders, RemoveRequestHeaders: r.RemoveRequestHeaders,
		SetResponseHeaders: r.SetResponseHeaders, RemoveResponseHeaders: r.RemoveResponseHeaders,
		BufferResponse: r.BufferResponse, MaxBody: r.MaxBody, MaxURL: r.MaxURL, VerifyNormalization: r.VerifyNormalization,
		MaxRequests: r.MaxRequests, MaxRequestsPerSource: r.MaxRequestsPerSource, Rate: r.Rate,
		Respond: r.Respond.response(), Reset: r.Reset,
	}
	for _, rep := range r.ReplaceLocation {
		out.ReplaceLocation = append(out.ReplaceLocation, Replacement(rep))
	}
	for _, rep := range r.ReplaceBody {
		out.ReplaceBody = append(out.ReplaceBody, Replacement(rep))
	}
	if h := r.HealthCheck; h != nil {
		out.HealthCheck = &HealthCheck{
			Path: h.Path, Host: h.Host, Headers: h.Headers, Port: h.Port, Status: h.Status,
			Interval: v.duration(at+".health_check.interval", h.Interval),
			Timeout:  v.duration(at+".health_check.timeout", h.Timeout),
		}
	}
	return out
}

func (r *fileResponse) response() *Response {
	if r == nil {
		return nil
	}
	return &Response{Status: r.Status, Headers: r.Headers, Body: r.Body}
}

func (v *conversion) duration(at, s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	switch {
	case s == "never":
		return -1
	case err != nil:
		hint := ""
		if _, e := strconv.Atoi(s); e == nil {
			hint = fmt.Sprintf(" (did you mean %q?)", s+"s")
		}
		v.fail(fieldErrorf("%s", at).because("%q is not a duration%s", s, hint))
	case d <= 0:
		v.fail(fieldErrorf("%s", at).because("%q is not positive (\"never\" is for ever)", s))
	}
	return d
}

func (v *conversion) version(at, s string) uint16 {
	versions := map[string]uint16{
		"": 0, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
	}
	n, ok := versions[s]
	if !ok {
		v.fail(fieldErrorf("%s", at).because("%q is not one of 1.0, 1.1, 1.2, 1.3", s))
	}
	return n
}

func (v *conversion) tls(f fileTLS) TLSOptions {
	modes := map[string]tls.ClientAuthType{
		"": tls.NoClientCert, "none": tls.NoClientCert, "request": tls.RequestClientCert, "require": tls.RequireAndVerifyClientCert,
	}
	mode, ok := modes[f.Client]
	if !ok {
		v.fail(fieldErrorf("tls.client_certificates").because("%q is not one of none, request, require", f.Client))
	}
	return TLSOptions{
		Min: v.version("tls.min", f.Min), Max: v.version("tls.max", f.Max), StrictSNI: f.StrictSNI, NoTickets: f.NoTickets,
		HTTP2:      f.HTTP2,
		ClientAuth: mode, ClientCAs: v.pool("tls.client_ca", f.ClientCA),
	}
}

// read reads a file named in the configuration. An absent field is an empty file.
func (v *conversion) read(at, name string) []byte {
	if name == "" || v.err != nil {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(v.dir, name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		v.fail(fieldErrorf("%s", at).because("%v", err))
	}
	return data
}

func (v *conversion) pool(at, name string) *x509.CertPool {
	data := v.read(at, name)
	if name == "" || v.err != nil {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		v.fail(fieldErrorf("%s", at).because("%s holds no certificate in PEM", name))
	}
	return pool
}

func (v *conversion) certificate(at string, f fileCert) Certificate {
	out := Certificate{Names: f.Names}
	switch {
	case (f.PFX == "") == (f.Cert == ""):
		v.fail(fieldErrorf("%s", at).because("needs either cert or pfx"))
	case f.PFX != "":
		out.Certificate = v.pfx(at, f)
	default:
		out.Certificate = v.pem(at, f)
	}
	return out
}

// pem reads a certificate with the chain behind it, and a key that may be in the same file.
func (v *conversion) pem(at string, f fileCert) tls.Certificate {
	cert, chain := v.read(at+".cert", f.Cert), v.read(at+".chain", f.Chain)
	key := cert
	if f.Key != "" {
		key = v.read(at+".key", f.Key)
	}
	if v.err != nil {
		return tls.Certificate{}
	}
	c, err := tls.X509KeyPair(append(append(cert[:len(cert):len(cert)], '\n'), chain...), key)
	if err != nil {
		v.fail(fieldErrorf("%s.cert", at).because("%s: %v", f.Cert, err))
	}
	return c
}

func (v *conversion) pfx(at string, f fileCert) tls.Certificate {
	data := v.read(at+".pfx", f.PFX)
	password := strings.TrimRight(string(v.read(at+".password_file", f.PasswordFile)), "\r\n")
	if v.err != nil {
		return tls.Certificate{}
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		v.fail(fieldErrorf("%s.pfx", at).because("%s: %v", f.PFX, err))
		return tls.Certificate{}
	}
	c := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, ca := range chain {
		c.Certificate = append(c.Certificate, ca.Raw)
	}
	return c
}
