package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestHAProxyWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		`acl a hdr(host) -i x # comment`: {"acl", "a", "hdr(host)", "-i", "x"},
		`reqirep ^Host:\ .* Host:\ x`:    {"reqirep", "^Host: .*", "Host: x"},
		`log-format "%ci \"a\" #1"`:      {"log-format", `%ci "a" #1`},
		`acl b path_reg '^/a b\.c$'`:     {"acl", "b", "path_reg", `^/a b\.c$`},
		`acl c hdr_reg(host) ^a\.b$`:     {"acl", "c", "hdr_reg(host)", `^a\.b$`},
		`setenv X ""`:                    {"setenv", "X", ""},
		`"unclosed`:                      {"unclosed"},
		"\t ":                            nil,
	} {
		if got := haproxyWords(line); !slices.Equal(got, want) {
			t.Errorf("haproxyWords(%q) = %q, want %q", line, got, want)
		}
	}
}

// TestHAProxyRoutes asks a configuration as HAProxy's manual says it decides: rules before backends, the first that holds.
func TestHAProxyRoutes(t *testing.T) {
	t.Parallel()
	f := read(t, `defaults
  mode http
frontend f
  bind :443 ssl crt a.pem
  acl lync hdr(host) -i lyncdiscover.contoso.example
  acl lync hdr_end(host) -i .lync.contoso.example
  acl ucwa path_beg /ucwa
  acl office src 10.0.0.0/8
  acl both hdr_reg(host) ^(a|b)\.contoso\.example$
  http-request deny if { hdr(host) -i denied.contoso.example } METH_POST
  use_backend one if lync !ucwa
  use_backend two if lync ucwa or both
  use_backend three if { hdr(host) -i maybe.contoso.example } office
  use_backend four unless { ssl_fc }
  default_backend five
backend one
  server a 10.10.10.11:4443 ssl verify none
backend two
backend three
backend four
backend five
`)
	c := f.config.(*haproxyConfig)
	for _, x := range []struct {
		q    asked
		want string
	}{
		{asked{tls: true, host: "lyncdiscover.contoso.example", path: "/"}, "one"},
		{asked{tls: true, host: "LyncDiscover.contoso.example", path: "/"}, "one"},
		{asked{tls: true, host: "web.lync.contoso.example", path: "/ucwa/oauth"}, "two"},
		{asked{tls: true, host: "b.contoso.example", path: "/"}, "two"},
		{asked{tls: true, host: "denied.contoso.example", path: "/", method: "POST"}, "deny"},
		{asked{tls: true, host: "denied.contoso.example", path: "/", method: "GET"}, "five"},
		{asked{tls: true, host: "maybe.contoso.example", path: "/"}, "three? five"},
		{asked{host: "other.contoso.example", path: "/"}, "four"},
	} {
		var got []string
		for _, s := range c.route(c.parts[0], x.q) {
			name := s.kind
			if s.backend != nil {
				name = s.backend.name
			}
			if !s.sure {
				name += "?"
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%+v goes to %q, want %q", x.q, got, x.want)
		}
	}
}

func TestHAProxyInherits(t *testing.T) {
	t.Parallel()
	f := read(t, `defaults slow
  timeout server 30m
defaults fast
  timeout server 10s
backend inherits-the-last
backend by-name from slow
backend own
  timeout server 1h
`)
	c := f.config.(*haproxyConfig)
	for name, want := range map[string]string{"inherits-the-last": "10s", "by-name": "30m", "own": "1h"} {
		if l, _ := c.backends[name].setting("timeout", "server"); l.word(2) != want {
			t.Errorf("%s: timeout server = %q, want %q", name, l.word(2), want)
		}
	}
}

func FuzzHAProxy(f *testing.F) {
	files, _ := filepath.Glob("testdata/haproxy/*.cfg")
	if len(files) == 0 {
		f.Fatal("no seeds: was testdata moved?")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := Read("a.cfg", data, ReadOptions{Product: HAProxy}); err == nil {
			Check(file, Options{})
		}
	})
}
