package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"lyncpin/internal/pki"
)

// Keys of front certificates.
const (
	keyECDSA = "ecdsa"
	keyRSA   = "rsa"
)

// webServerName is the name in the web server's certificate.
const webServerName = "fe01.contoso.example"

// bench is the ground that everything stands on: a directory, certificates, and the web server.
type bench struct {
	dir  string
	self string // this program
	pool *x509.CertPool
	web  *process
	// webAddr is the web server's address; each proxy has the next one.
	webAddr string
	next    int
}

// newBench starts the web server. The caller must close it.
func newBench(ctx context.Context) (b *bench, err error) {
	dir, err := os.MkdirTemp("", "lyncpin-bench-")
	if err != nil {
		return nil, err
	}
	b = &bench{dir: dir}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.self, err = os.Executable(); err != nil {
		return b, err
	}
	if err := errors.Join(os.Chmod(dir, 0o755), b.certificates()); err != nil {
		return b, err
	}
	b.webAddr = b.address()
	b.web, err = b.role("web-server", settings{Listen: b.webAddr, Cert: b.file("web.crt"), Key: b.file("web.key")})
	if err != nil {
		return b, err
	}
	return b, b.web.ready(ctx, b.webAddr)
}

// close ends the web server and removes the directory.
func (b *bench) close() {
	if b.web != nil {
		b.web.stop()
	}
	os.RemoveAll(b.dir)
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// address is one of loopback that nobody else uses: proxies that have ended leave ports behind that are closed for a minute.
func (b *bench) address() string {
	b.next++
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d:8443", 64+pid>>8&63, pid&255, b.next)
}

// certificates writes those of the front, with a key of either kind, of the web server, and the roots.
func (b *bench) certificates() error {
	ca, err := pki.New(time.Now())
	if err != nil {
		return err
	}
	b.pool = ca.EnterpriseRoots()
	err = os.WriteFile(b.file("ca.crt"), ca.RootPEM(pki.Enterprise), 0o644)
	for name, spec := range map[string]pki.Spec{
		keyECDSA: {Names: []string{host}},
		keyRSA:   {Names: []string{host}, RSA: true},
		"web":    {Names: []string{webServerName, host}},
	} {
		spec.Issuer = pki.Enterprise
		cert, issueErr := ca.Issue(spec)
		if issueErr != nil {
			return issueErr
		}
		key, keyErr := pki.KeyPEM(cert)
		chain := pki.FullChainPEM(cert)
		err = errors.Join(err, keyErr, os.WriteFile(b.file(name+".crt"), chain, 0o644), os.WriteFile(b.file(name+".key"), key, 0o600),
			os.WriteFile(b.file(name+".pem"), append(chain, key...), 0o600))
	}
	return err
}

// places are those of a proxy with a front certificate.
func (b *bench) places(name, key string) places {
	addr := b.address()
	return places{
		settings: settings{Listen: addr, Cert: b.file(key + ".crt"), Key: b.file(key + ".key"), CA: b.file("ca.crt"), WebServer: b.webAddr, Name: webServerName},
		Dir:      b.file(fmt.Sprintf("%s-%d", name, b.next)), Host: host, PEM: b.file(key + ".pem"), Cores: runtime.NumCPU(),
	}
}

// role starts a process of this program in the bench's directory.
func (b *bench) role(name string, args any) (*process, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	return start(b.self, []string{roleArg, name, string(text)}, nil, b.dir)
}

// clients is a process of clients.
type clients struct {
	*process
	in  io.WriteCloser
	out *bufio.Reader
	err *strings.Builder
}

// clients starts them. The caller must stop them.
func (b *bench) clients(role string, j job) (*clients, error) {
	j.CA = b.file("ca.crt")
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := &clients{err: &strings.Builder{}}
	cmd := exec.Command(b.self, roleArg, role, string(text))
	cmd.Stderr = c.err
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// Not StdoutPipe: Wait would close it before the last line is read.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd.Stdout, c.out = w, bufio.NewReader(r)
	if c.process, err = begin(cmd); err != nil {
		r.Close()
		return nil, err
	}
	return c, nil
}

// line waits for the next thing they say.
func (c *clients) line() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		<-c.ended
		return "", errors.New(strings.TrimSpace(c.err.String()))
	}
	return line, nil
}

// outcome waits for their last word.
func (c *clients) outcome() (out outcome, err error) {
	line, err := c.line()
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal([]byte(line), &out)
}

// ask asks the web server beside every proxy.
func (b *bench) ask(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{TLSClientConfig: clientTLS(b.pool), DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, b.webAddr)
	}}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// look is how often it is looked whether something has come to pass.
const look = 10 * time.Millisecond

// until waits for the web server to be in a state.
func (b *bench) until(ctx context.Context, patience time.Duration, is func(webState) bool) (last webState, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		text, err := b.ask(ctx, pathState)
		if err == nil {
			err = json.Unmarshal(text, &last)
		}
		if err == nil && is(last) {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-ticker.C:
		}
	}
}
