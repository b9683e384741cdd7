package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
)

// roleArg begins the arguments of the processes that bench makes of its own binary: "role NAME SETTINGS".
const roleArg = "role"

// settings are what a server of ours is told, as JSON.
type settings struct {
	// Listen is its address.
	Listen string
	// Cert, Key and CA are files: its certificate, and the roots it verifies the web server with.
	Cert, Key, CA string
	// WebServer is the address it forwards to, Name the name in that certificate.
	WebServer, Name string
}

// roles are the processes, by name. They end with ctx.
var roles = map[string]func(ctx context.Context, args json.RawMessage) error{
	"web-server": serveRole(serveWeb),
	"go-tuned":   serveRole(serveTuned),
	"go-plain":   serveRole(servePlain),
	"fasthttp":   serveRole(serveFast),
	"load":       loadRole,
	"hold":       holdRole,
}

// runRole is the whole life of such a process.
func runRole(ctx context.Context, args []string) error {
	if len(args) != 2 || roles[args[0]] == nil {
		return errors.New("unknown role")
	}
	return roles[args[0]](ctx, json.RawMessage(args[1]))
}

// serveRole makes a role of a function that serves a listener until ctx ends.
func serveRole(serve func(context.Context, net.Listener, settings) error) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, args json.RawMessage) error {
		var s settings
		if err := json.Unmarshal(args, &s); err != nil {
			return err
		}
		cert, err := tls.LoadX509KeyPair(s.Cert, s.Key)
		if err != nil {
			return err
		}
		ln, err := net.Listen("tcp", s.Listen)
		if err != nil {
			return err
		}
		return serve(ctx, tls.NewListener(ln, serverTLS(cert)), s)
	}
}

// serverTLS is what our servers speak: HTTP/1.1, and the curves of servers and clients as they are in the field.
func serverTLS(cert tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
}

// roots reads a file of certificates.
func roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
