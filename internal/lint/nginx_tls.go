package lint

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
)

func nginxVerifyNoRoot(c *nginxConfig) []Finding {
	return c.each(becauseUntrusted, "proxy_ssl_trusted_certificate /etc/nginx/tls/enterprise-roots.pem;", func(s *nginxSite) *nginxDirective {
		if d := s.verifies(); d != nil && s.setting("proxy_ssl_trusted_certificate") == nil {
			return d
		}
		return nil
	})
}

// verifies is the directive that has the web server's certificate verified; nil where it is not.
func (s *nginxSite) verifies() *nginxDirective {
	if d := s.setting("proxy_ssl_verify"); d != nil && d.arg(0) == "on" && s.to.scheme == "https" {
		return d
	}
	return nil
}

func nginxVerifyName(c *nginxConfig) []Finding {
	return c.each(becauseWrongName, "proxy_ssl_name pool01.contoso.example; # a name in the Front End's certificate", func(s *nginxSite) *nginxDirective {
		d := s.verifies()
		if d == nil {
			return nil
		}
		if name := s.setting("proxy_ssl_name"); name != nil {
			if net.ParseIP(name.arg(0)) != nil {
				return name
			}
			return nil
		}
		if s.group != nil && !strings.Contains(s.to.host, ".") || net.ParseIP(strings.Trim(s.to.host, "[]")) != nil {
			return s.nginxDirective
		}
		return nil
	})
}

func nginxUpstreamSNI(c *nginxConfig) []Finding {
	return c.each("A balancer or a web server with several certificates chooses by the name in the handshake, and chooses another one.",
		"proxy_ssl_server_name on;", func(s *nginxSite) *nginxDirective {
			d := s.setting("proxy_ssl_name")
			if d == nil {
				d = s.verifies()
			}
			if on := s.setting("proxy_ssl_server_name"); d == nil || s.to.scheme != "https" || on != nil && on.arg(0) == "on" {
				return nil
			}
			return d
		})
}

func nginxUpstreamProtocols(c *nginxConfig) []Finding {
	return c.each("Front Ends of today refuse what is older than TLS 1.2.", "proxy_ssl_protocols TLSv1.2 TLSv1.3;", func(s *nginxSite) *nginxDirective {
		if d := s.setting("proxy_ssl_protocols"); d != nil && s.to.scheme == "https" && !slices.Contains(d.args, "TLSv1.2") && !slices.Contains(d.args, "TLSv1.3") {
			return d
		}
		return nil
	})
}

func nginxOldProtocols(c *nginxConfig) []Finding {
	return c.listeners(becauseOldTLS, "ssl_protocols TLSv1.2 TLSv1.3;", func(s *nginxServer) *nginxDirective {
		if d := s.one("ssl_protocols"); d != nil && !slices.Contains(d.args, "TLSv1.2") && !slices.Contains(d.args, "TLSv1.3") {
			return d
		}
		return nil
	})
}

func nginxOnlyTLS13(c *nginxConfig) []Finding {
	return c.listeners(becauseOnlyTLS13, "ssl_protocols TLSv1.2 TLSv1.3;", func(s *nginxServer) *nginxDirective {
		if d := s.one("ssl_protocols"); d != nil && !slices.Contains(d.args, "TLSv1.2") && slices.Contains(d.args, "TLSv1.3") {
			return d
		}
		return nil
	})
}

func nginxHTTP2(c *nginxConfig) []Finding {
	return c.listeners(becauseHTTP2, "listen 443 ssl; # without http2", func(s *nginxServer) *nginxDirective {
		for _, l := range s.ports {
			if l.h2 {
				return l.nginxDirective
			}
		}
		if d := s.one("http2"); d != nil && d.arg(0) == "on" {
			return d
		}
		return nil
	})
}

func nginxClientCertificate(c *nginxConfig) []Finding {
	return c.listeners(becauseClientCert, "ssl_verify_client off;", func(s *nginxServer) *nginxDirective {
		if d := s.one("ssl_verify_client"); d != nil && d.arg(0) != "off" {
			return d
		}
		return nil
	})
}

// listeners makes a finding of every server with TLS for which wrong gives a directive at fault, each directive once.
func (c *nginxConfig) listeners(reason, fix string, wrong func(*nginxServer) *nginxDirective) []Finding {
	var found []Finding
	seen := map[*nginxDirective]bool{}
	for _, s := range c.lyncServers() {
		if !s.tls() {
			continue
		}
		if d := wrong(s); d != nil && !seen[d] {
			seen[d] = true
			found = append(found, d.at(reason, fix))
		}
	}
	return found
}

func nginxLeaf(c *nginxConfig) []Finding {
	return c.listeners(becauseLeaf, "ssl_certificate /etc/nginx/tls/lync-fullchain.pem; # the certificate, then its intermediates", func(s *nginxServer) *nginxDirective {
		for _, d := range s.find("ssl_certificate") {
			path := d.arg(0)
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(c.file.Name), path)
			}
			if c.file.isLeafAlone(path) {
				return d
			}
		}
		return nil
	})
}
