package peer

import (
	"strings"
	"testing"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, product, text string
		gone, stays         []string
	}{
		{"nginx-on-one-line", "nginx", "user www-data; daemon on; pid /run/nginx.pid; events { } http { access_log /var/log/nginx/a.log; error_log\n\t/var/log/nginx/e.log\n\twarn; server { listen 203.0.113.10:80; } }",
			[]string{"www-data", "daemon on", "/run/nginx.pid", "a.log", "e.log"}, []string{"listen 203.0.113.10:80;", "daemon off;"}},
		{"nginx-not-ours", "nginx", "# user nobody; pid x;\nevents { }\nhttp {\n  log_format pid '$pid; access_log x;';\n  map $uri $who { user 1; pid 2; }\n  add_header X \"daemon on; user root;\";\n  rewrite ^/a{2}(.*)$ /${uri}; }",
			nil, []string{"# user nobody; pid x;", "'$pid; access_log x;'", "{ user 1; pid 2; }", `"daemon on; user root;"`, "rewrite ^/a{2}(.*)$ /${uri};"}},
		{"nginx-include", "nginx", "include modules-enabled/*.conf;\nevents { }\nhttp { include \"mime.types\"; include /srv/x.conf; }",
			nil, []string{"include /etc/nginx/modules-enabled/*.conf;", "include /etc/nginx/mime.types;", "include /srv/x.conf;"}},
		{"nginx-unfinished", "nginx", "http { server { access_log \"never closed; ${", nil, nil},
		{"haproxy-userlist", "haproxy", "global\n\tuser haproxy\n\tgroup haproxy\n\tlog /dev/log local0\n\nuserlist admins\n\tuser root insecure-password x\n\tgroup g users root\ndefaults\n\tlog global\n\tlog-format %ci\n\tuser-thing\n",
			[]string{"user haproxy", "group haproxy", "/dev/log", "log global"}, []string{"user root insecure-password x", "group g users root", "log-format %ci", "no strict-limits"}},
		{"haproxy-windows", "haproxy", "global\r\n  daemon\r\n  maxconn 10\r\n", []string{"daemon"}, []string{"maxconn 10"}},
		{"squid-continued", "squid", "cache_dir ufs /var/spool/squid \\\n  100 16 256\naccess_log daemon:/var/log/squid/access.log squid\nacl a dstdomain .contoso.example \\\n  .fabrikam.example\n",
			[]string{"100 16 256", "access.log"}, []string{"acl a dstdomain .contoso.example \\\n  .fabrikam.example\n"}},
		{"apache-continued", "apache", "ServerRoot \"/usr/local/apache\"\nCustomLog \"|/usr/bin/rotatelogs /var/log/a\" \\\n   combined\nErrorLogFormat x\nUser www\n",
			[]string{"rotatelogs", "combined", "User www\n", "ServerRoot /etc"}, []string{`ServerRoot "/usr/local/apache"`, "ErrorLogFormat x"}},
		{"caddy-admin", "caddy", "{\n\tadmin localhost:2019\n}\n", []string{"2019"}, []string{"admin off"}},
		{"caddy-admin-off", "caddy", "{\n\tadmin off\n}\n", nil, []string{"admin off"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := drivers[tt.product].settle(tt.text, "/tmp/peer")
			for _, g := range tt.gone {
				if strings.Contains(got, g) {
					t.Errorf("%q is still in\n%s", g, got)
				}
			}
			for _, s := range tt.stays {
				if !strings.Contains(got, s) {
					t.Errorf("%q is not in\n%s", s, got)
				}
			}
		})
	}
}

// Texts of people are anything; what comes out is for the product to judge.
func FuzzPrepare(f *testing.F) {
	f.Add("http { access_log x; } # \"", 3.0)
	f.Add("global\n log x\nuserlist u\n user a password b", 50.0)
	f.Add("cache_peer 10.10.10.11 parent 4443 0 ssl \\\n", 10.0)
	f.Fuzz(func(_ *testing.T, text string, speed float64) {
		for _, d := range drivers {
			d.settle(d.hasten(text, speed), "/tmp/peer")
		}
	})
}
