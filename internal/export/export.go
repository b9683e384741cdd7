// Package export writes the configuration of a reverse proxy product from what a topology's proxy publishes.
//
//	text, err := export.Write(export.HAProxy, export.Input{Proxy: t.Proxy, Files: export.DefaultFiles(export.HAProxy)})
//
// # Model
//
// The text is what an administrator installs: whole, with the plan's own addresses and ports, the deployment's own
// times, and a comment at every line that matters which says why it is there. It contains nothing that only a test needs, so that
// what a test runs (with other addresses) is what was written. Certificates are named by path and never embedded.
//
// # Limits
//
// A product cannot do all that a [topology.Proxy] can say. What cannot be said in its language is an
// [UnsupportedError] that names the field, never left out silently. [Cannot] are the failure modes that remain with a product,
// however it is configured.
package export

import (
	"cmp"
	"fmt"
	"slices"

	"lyncpin/internal/topology"
)

// Products. Each is also the word for it on the command line.
const (
	Nginx          = "nginx"        // http {}: what most people write; tears NTLM apart
	NginxStream    = "nginx-stream" // TLS in stream {}: a client keeps its connection, so NTLM passes
	HAProxy        = "haproxy"
	Squid          = "squid"
	Apache         = "apache"
	Caddy          = "caddy"
	Traefik        = "traefik"
	Envoy          = "envoy"
	ARR            = "arr"
	PfSenseHAProxy = "pfsense-haproxy"
)

// Input is what to write a configuration from.
type Input struct {
	// Proxy is what is published. Addresses of web servers may be names.
	Proxy topology.Proxy
	// Files are where certificates lie.
	Files Files
}

// Files are paths on the machine of the proxy. The product's configuration names them as they are here.
type Files struct {
	// Certificates are those of Proxy.Certificates, in the same order.
	Certificates []CertificateFiles
	// Roots are PEM files with the roots that web servers are verified with, by issuer (topology.EnterpriseCA …).
	Roots map[string]string
}

// CertificateFiles are the paths of one certificate.
type CertificateFiles struct {
	// FullChain is the certificate and its intermediates, Key the private key, Combined both in one file (HAProxy).
	FullChain, Key, Combined string
}

// DefaultFiles are paths that a package of the product would use, for n certificates.
func DefaultFiles(product string, n int) Files {
	dir := map[string]string{Nginx: "/etc/nginx/tls", NginxStream: "/etc/nginx/tls", HAProxy: "/etc/haproxy/tls", Squid: "/etc/squid/tls",
		Apache: "/etc/apache2/tls", Caddy: "/etc/caddy/tls", Traefik: "/etc/traefik/tls", Envoy: "/etc/envoy/tls", ARR: "C:/lync"}[product]
	dir = cmp.Or(dir, "/etc/ssl/lync")
	f := Files{Roots: map[string]string{topology.EnterpriseCA: dir + "/enterprise-roots.pem", topology.PublicCA: dir + "/public-roots.pem"}}
	for i := range n {
		name := "lync"
		if i > 0 {
			name = fmt.Sprintf("lync-%d", i+1)
		}
		f.Certificates = append(f.Certificates, CertificateFiles{
			FullChain: dir + "/" + name + "-fullchain.pem", Key: dir + "/" + name + "-key.pem", Combined: dir + "/" + name + ".pem"})
	}
	return f
}

// UnsupportedError says that a product cannot do what the topology asks of its proxy.
type UnsupportedError struct {
	Product string
	// Field is the topology's, as publishing_rules[lync].buffer_response, and Why a reason in a few words.
	Field, Why string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s cannot do %s: %s", e.Product, e.Field, e.Why)
}

// writers write the text of one file each.
var writers = map[string]func(Input) (string, error){
	Nginx:          writeNginx,
	NginxStream:    writeNginxStream,
	HAProxy:        writeHAProxy,
	Squid:          writeSquid,
	Apache:         writeApache,
	Caddy:          writeCaddy,
	Traefik:        writeTraefik,
	Envoy:          writeEnvoy,
	ARR:            writeARR,
	PfSenseHAProxy: writePfSenseHAProxy,
}

// Products are those that Write knows, in the order in which they are shown.
func Products() []string {
	all := []string{Nginx, NginxStream, HAProxy, Squid, Apache, Caddy, Traefik, Envoy, ARR, PfSenseHAProxy}
	return slices.DeleteFunc(all, func(p string) bool { return writers[p] == nil })
}

// Write returns the configuration's text. Errors are *UnsupportedError, or say that the product is not known.
func Write(product string, in Input) (string, error) {
	write := writers[product]
	if write == nil {
		return "", fmt.Errorf("export: unknown product %q", product)
	}
	return write(in)
}

// Cannot are the IDs of the failure modes that remain with a product however it is configured. None for most.
func Cannot(product string) []string {
	switch product {
	case Nginx, Apache, Caddy:
		// Upstream connections are shared between clients, and no setting changes it.
		return []string{"proxy.ntlm-multiplexed"}
	}
	return nil
}
