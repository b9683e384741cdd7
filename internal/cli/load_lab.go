package cli

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/load"
)

// loadTarget finds or makes what is loaded. The caller must call done.
func (a *app) loadTarget(ctx context.Context, opts loadOptions, clients int) (target load.Target, done func(), err error) {
	done = func() {}
	switch {
	case opts.bench != "":
		target, err = benchTarget(opts.bench)
	case opts.lab != "":
		if target, err = labTarget(opts.lab, false); err != nil {
			err = hint(fmt.Errorf("--lab %s: %w", opts.lab, err), `"lyncpin lab --users %d --write %s" writes what is needed, and must be running`, clients, opts.lab)
		}
	default:
		var dir string
		if dir, done, err = a.startLab(ctx, clients, opts.proxy); err == nil {
			target, err = labTarget(dir, opts.proxy == noProxy)
		}
	}
	if err == nil && len(target.Accounts) < clients {
		err = hint(fmt.Errorf("%d clients need as many accounts, and there are %d", clients, len(target.Accounts)),
			`fewer --clients, or more accounts: "lyncpin lab --users %d" makes them`, clients)
	}
	if err != nil {
		done()
		return target, func() {}, err
	}
	return target, done, nil
}

// labTarget is a lab that runs, by the files that it wrote: through its proxy, or straight to the external web site of its first
// Front End.
func labTarget(dir string, straight bool) (load.Target, error) {
	data, err := readFile(filepath.Join(dir, lab.EndpointsFile))
	if err != nil {
		return load.Target{}, err
	}
	var e lab.Endpoints
	if err := json.Unmarshal(data, &e); err != nil || e.Schema != lab.EndpointsSchema || e.Roots == nil {
		return load.Target{}, fmt.Errorf("%s is not what a lab writes", filepath.Join(dir, lab.EndpointsFile))
	}
	target := load.Target{Hosts: append([]string{}, e.ExternalWeb...), InternalHosts: e.InternalWeb}
	at, roots := "", e.Roots.Enterprise
	if len(e.FrontEnds) > 0 {
		at = e.FrontEnds[0].ExternalHTTPS
	}
	if e.Proxy != nil && !straight {
		at, roots = e.Proxy.HTTPS, e.Roots.Public
	}
	if at == "" || len(e.SIPDomains) == 0 {
		return load.Target{}, errors.New("the lab has nothing that listens for clients outside")
	}
	target.Domain = e.SIPDomains[0]
	for _, d := range e.SIPDomains {
		target.Hosts = append(target.Hosts, "lyncdiscover."+d)
	}
	target.Routes = map[string]string{"": at}
	if target.Roots, err = rootsIn(roots); err != nil {
		return load.Target{}, err
	}
	for _, u := range e.Users {
		if !u.Online {
			target.Accounts = append(target.Accounts, load.Account{SIP: u.SIP, Login: u.Login, Password: u.Password})
		}
	}
	return target, nil
}

// rootsIn reads trusted roots in PEM.
func rootsIn(name string) (*x509.CertPool, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", name)
	}
	return pool, nil
}

const (
	labStartTime = 2 * time.Minute // for a lab of ten thousand accounts on a busy machine
	labEndTime   = 20 * time.Second
)

// startLab runs a lab in a process of its own, with its own file descriptors and memory. It ends with this process, however
// this one ends.
func (a *app) startLab(ctx context.Context, users int, proxy string) (dir string, stop func(), err error) {
	stop = func() {}
	program, err := os.Executable()
	if err != nil {
		return "", stop, err
	}
	if dir, err = os.MkdirTemp("", "lyncpin-load-"); err != nil {
		return "", stop, err
	}
	args := []string{"lyncpin", "lab", "--users", strconv.Itoa(users), "--write", dir, "--attached"}
	switch proxy {
	case "":
	case noProxy:
		args = append(args, "--only", lab.FrontEnd)
	default:
		args = append(args, "--proxy", proxy)
	}
	var said bytes.Buffer
	cmd := &exec.Cmd{Path: program, Args: args, Stderr: &said}
	apart(cmd)
	lifeline, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		os.RemoveAll(dir)
		return "", stop, fmt.Errorf("the lab did not start: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() // what it says is in its output
		close(ended)
	}()
	stop = func() {
		lifeline.Close()
		select {
		case <-ended:
		case <-time.After(labEndTime):
			cmd.Process.Kill()
			<-ended
		}
		os.RemoveAll(dir)
	}
	if err := appears(ctx, filepath.Join(dir, lab.EndpointsFile), ended); err != nil {
		stop()
		if errors.Is(err, io.EOF) {
			err = lastWords(said.String())
		}
		return "", func() {}, fmt.Errorf("the lab did not start: %w", err)
	}
	return dir, stop, nil
}

// lastWords is the error that a lab ended with, by what it wrote.
func lastWords(said string) error {
	text, advice, hinted := strings.Cut(strings.TrimSpace(said), "\nhint: ")
	err := errors.New(strings.TrimPrefix(text, "lyncpin: "))
	if hinted {
		return hint(err, "%s", advice)
	}
	return err
}

// appears waits for a file that a process writes. Its error is io.EOF when the process ended before.
func appears(ctx context.Context, name string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, labStartTime)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-ended:
			return io.EOF
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// withPort is an address with the port of HTTPS where none is given.
func withPort(at string) string {
	if _, _, err := net.SplitHostPort(at); err == nil {
		return at
	}
	return net.JoinHostPort(strings.Trim(at, "[]"), "443")
}
