package lint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

const unflipped = `server {
  listen 443 ssl;
  server_name lyncdiscover.contoso.example;
  location / {
    proxy_pass https://10.10.10.11;
  }
}
`

func read(t *testing.T, text string) *File {
	t.Helper()
	f, err := Read("a.conf", []byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ids are the rules of what counts, each once.
func ids(found []Finding) []string {
	var all []string
	for _, x := range found {
		if x.Suppressed == "" && !slices.Contains(all, x.Rule.ID) {
			all = append(all, x.Rule.ID)
		}
	}
	slices.Sort(all)
	return all
}

func Example() {
	f, err := Read("lync.conf", []byte(unflipped), ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	worst := Check(f, Options{})[0]
	fmt.Printf("%s:%d: %s %s\n", worst.File, worst.Line, worst.Rule.ID, worst.Rule.Title)
	fmt.Println(worst.Fix)
	// Output:
	// lync.conf:5: NGX-01 HTTPS leads to the Front End's internal web site
	// proxy_pass https://10.10.10.11:4443;
}

func TestSuppression(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, above, behind, want string
	}{
		{"above", "# lyncpin: ignore NGX-01 a lab", "", "a lab"},
		{"behind", "", " # lyncpin: ignore NGX-01 a lab", "a lab"},
		{"above-with-comments-between", "# lyncpin: ignore NGX-01 a lab\n# the Front End", "", "a lab"},
		{"another-rule", "# lyncpin: ignore NGX-02 a lab", "", ""},
		{"no-reason", "# lyncpin: ignore NGX-01", "", ""},
		{"too-far", "# lyncpin: ignore NGX-01 a lab\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(unflipped, "    proxy_pass", c.above+"\n    proxy_pass", 1)
			text = strings.Replace(text, "10.10.10.11;", "10.10.10.11;"+c.behind, 1)
			f := read(t, text)
			i := slices.IndexFunc(Check(f, Options{}), func(x Finding) bool { return x.Rule.ID == "NGX-01" })
			if i < 0 {
				t.Fatal("the finding is gone; it should be suppressed")
			}
			if got := Check(f, Options{})[i].Suppressed; got != c.want {
				t.Errorf("suppressed = %q, want %q", got, c.want)
			}
			if c.name == "no-reason" && !strings.Contains(strings.Join(f.Notes, " "), "gives no reason") {
				t.Errorf("notes = %q, want one on the missing reason", f.Notes)
			}
		})
	}
}

func TestIgnoreNeedsNoComment(t *testing.T) {
	t.Parallel()
	found := Check(read(t, unflipped), Options{Ignore: map[string]string{"NGX-01": "a lab"}})
	if slices.Contains(ids(found), "NGX-01") {
		t.Error("NGX-01 counts, and is to be ignored")
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":  " \n",
		"binary": "server {\x00}",
		"nested": strings.Repeat("server {\n", 2_000_000),
		"prose":  "Dear colleague, the proxy is broken.",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Read("a.conf", []byte(text), ReadOptions{}); err == nil {
				t.Error("it was read")
			} else if name == "prose" {
				if _, ok := errors.AsType[*UnknownProductError](err); !ok {
					t.Errorf("error = %v, want an UnknownProductError", err)
				}
			}
		})
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	const secret = "Zm9vOmJhcg"
	for _, line := range []string{
		`proxy_set_header Authorization "Basic ` + secret + `";`,
		`proxy_set_header Authorization "` + secret + `";`,
		`RequestHeader set Authorization "Bearer ` + secret + `"`,
		`ProxyPass / https://admin:` + secret + `@10.10.10.11/`,
		`stats auth admin:` + secret,
		`cache_peer 10.10.10.11 parent 443 0 login=admin:` + secret,
		`user admin password ` + secret,
		`user admin insecure-password ` + secret,
		`AuthLDAPBindPassword "` + secret + `"`,
		`set $api_token "` + secret + `";`,
		`cachemgr_passwd ` + secret + ` all`,
		`AuthBasicFake demo ` + secret,
		`admin:$apr1$` + secret,
		`http-request set-header Authorization Basic\ ` + secret,
		`option httpchk GET /x?pw=` + secret,
		`proxy_pass https://10.10.10.11/x?sig=` + secret + `;`,
		`cache_peer 10.10.10.11 parent 4443 0 login=` + secret + ` ssl`,
		`server fe1 10.10.10.11:4443 check agent-send ` + secret,
		`RewriteRule ^ - [E=pw:` + secret + `]`,
		`url_rewrite_program /usr/bin/rw --key ` + secret,
		`http-request deny if { urlp(token) ` + secret + ` }`,
	} {
		if got := mask(line); strings.Contains(got, secret) {
			t.Errorf("mask(%q) = %q", line, got)
		}
	}
	for _, line := range []string{`proxy_set_header Authorization $http_authorization;`, `proxy_pass https://10.10.10.11:4443;`, `auth_basic "Restricted";`,
		`cache_peer 10.10.10.11 parent 4443 0 login=PASSTHRU ssl tls-key=/etc/squid/lync.key`, `ProxyPass / https://10.10.10.11:4443/`} {
		if got := mask(line); got != line {
			t.Errorf("mask(%q) = %q: nothing in it is secret", line, got)
		}
	}
}

func TestWhatEndsInTheMiddleIsSaid(t *testing.T) {
	t.Parallel()
	nginx := "server {\n  listen 443 ssl;\n  server_name lyncdiscover.contoso.example;\n  location / {\n    proxy_pass https://10.10.10.11:443"
	apache := "<VirtualHost *:443>\nServerName lyncdiscover.contoso.example\nProxyPass / https://10.10.10.11:443/"
	for _, c := range []struct {
		name, text string
		cut        bool
	}{
		{"nginx, a directive", nginx, true},
		{"nginx, a block", nginx + ";", true},
		{"nginx, whole", nginx + ";}}", false},
		{"apache", apache, true},
		{"apache, whole", apache + "\n</VirtualHost>", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := Read("a.conf", []byte(c.text), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			found := ids(Check(f, Options{}))
			if f.Cut != c.cut || (len(f.Notes) > 0) != c.cut {
				t.Errorf("cut = %v, notes = %q; want %v, and a note then", f.Cut, f.Notes, c.cut)
			}
			if !slices.Contains(found, "NGX-01") && !slices.Contains(found, "APA-01") {
				t.Errorf("rules = %v, want the port that is not flipped", found)
			}
		})
	}
}

func TestUTF16IsReadAndSaid(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]binary.AppendByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := order.AppendUint16(nil, 0xfeff)
			for _, unit := range utf16.Encode([]rune(unflipped)) {
				data = order.AppendUint16(data, unit)
			}
			f, err := Read("a.conf", data, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(ids(Check(f, Options{})), "NGX-01") || len(f.Notes) != 1 {
				t.Errorf("rules = %v, notes = %q; want NGX-01 and a note", ids(Check(f, Options{})), f.Notes)
			}
		})
	}
}

func TestCommentsAndTheRestOfQuotesAreLeftOut(t *testing.T) {
	t.Parallel()
	lines := []string{
		"location / { # the password is Tr0ub4dor",
		"  proxy_set_header Authorization \"Basic",
		"    Zm9vOmJhcg==\";",
		"  proxy_pass https://10.10.10.11; # lyncpin: ignore NGX-01 a lab",
	}
	maskAll(lines)
	got := strings.Join(lines, "\n")
	if strings.Contains(got, "Tr0ub4dor") || strings.Contains(got, "Zm9v") || !strings.Contains(got, "a lab") {
		t.Errorf("what is shown is\n%s", got)
	}
}
