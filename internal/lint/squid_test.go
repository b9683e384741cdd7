package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSquidAccess asks lists as Squid's manual says it decides: the first line of which all lists hold, else the opposite of the last.
func TestSquidAccess(t *testing.T) {
	t.Parallel()
	f := read(t, `https_port 443 accel vhost tls-cert=a.pem
cache_peer fe1.contoso.example parent 4443 0 no-query originserver ssl login=PASS name=fe
acl lync dstdomain .contoso.example \
    lyncdiscover.fabrikam.example # both domains
acl meet url_regex -i ^https://meet\.
acl office src 10.0.0.0/8
acl write method PUT
if false
http_access deny all
else
http_access deny meet write
endif
http_access allow lync !office
http_access allow office
`)
	c := f.config.(*squidConfig)
	for _, x := range []struct {
		host, method string
		want         certainty
	}{
		{"lyncweb.contoso.example", "GET", perhaps},
		{"contoso.example", "GET", perhaps},
		{"lyncdiscover.fabrikam.example", "GET", perhaps},
		{"MEET.contoso.example", "PUT", never},
		{"www.fabrikam.example", "GET", perhaps},
	} {
		q := c.question(c.listeners[0], x.host, webHost)
		q.method = x.method
		if got := c.access(c.all("http_access"), 1, false, q).allowed; got != x.want {
			t.Errorf("%s %s: allowed = %v, want %v", x.method, x.host, got, x.want)
		}
	}
	lines := []statement{{words: []string{"http_access", "deny", "meet"}}, {words: []string{"http_access", "deny", "write"}}}
	q := c.question(c.listeners[0], "lyncweb.contoso.example", webHost)
	if got := c.access(lines, 1, false, q).allowed; got != always {
		t.Errorf("after lines that all deny something else: %v, want allowed", got)
	}
	if got := c.access(nil, 1, false, q).allowed; got != never {
		t.Errorf("without any http_access: %v, want refused", got)
	}
}

func TestSquidIncludes(t *testing.T) {
	t.Parallel()
	text := "http_port 80 accel vhost\ninclude /etc/squid/conf.d/*.conf\n"
	reads := 0
	f, err := Read("squid.conf", []byte(text), ReadOptions{Include: func(pattern string) ([]Source, error) {
		reads++
		return []Source{{Name: "/etc/squid/conf.d/lync.conf", Data: []byte("include /etc/squid/conf.d/*.conf\ncache_peer 10.10.10.11 parent 443 0 originserver ssl name=lync\nhttp_access allow all\n")}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if reads > 1000 || len(f.Notes) == 0 {
		t.Errorf("%d reads and the notes %q; want an end to it that is noted", reads, f.Notes)
	}
	found := Check(f, Options{})
	i := slices.IndexFunc(found, func(x Finding) bool { return x.Rule.ID == "SQD-01" })
	if i < 0 || found[i].File != "/etc/squid/conf.d/lync.conf" || found[i].Line != 2 {
		t.Errorf("findings = %+v, want SQD-01 in line 2 of the included file", found)
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`^https://lyncdiscover\.contoso\.example/`:     "lyncdiscover.contoso.example",
		`^https?://(meet|dialin)\.contoso\.example/.*`: "meet.contoso.example dialin.contoso.example",
		`lyncweb.contoso.example`:                      "lyncweb.contoso.example",
		`(`:                                            "",
		`^https://10\.10\.10\.11/`:                     "",
	} {
		if got := strings.Join(hostsIn(expression), " "); got != want {
			t.Errorf("hostsIn(%q) = %q, want %q", expression, got, want)
		}
	}
	if n := len(samples(strings.Repeat("(a|b|c|d)?", 400))); n > maxSamples {
		t.Errorf("%d samples, want %d at most", n, maxSamples)
	}
}

func FuzzSquid(f *testing.F) {
	files, _ := filepath.Glob("testdata/squid/*.conf")
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
		if file, err := Read("squid.conf", data, ReadOptions{Product: Squid}); err == nil {
			Check(file, Options{})
		}
	})
}
