package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"lyncpin/internal/lint"
)

// ownCheckTimeout bounds a product's check of a configuration, which resolves names.
const ownCheckTimeout = time.Minute

// installedProduct says how a product checks a configuration, and where packages put it.
type installedProduct struct {
	programs []string
	// args precede the file, which is absolute.
	args []string
	// places are where the configuration lies.
	places []string
}

var installedProducts = map[string]installedProduct{
	// -T checks, and writes the configuration with all that it includes.
	lint.Nginx:   {[]string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"}, []string{"-T", "-c"}, []string{"/etc/nginx/nginx.conf", "/usr/local/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf"}},
	lint.HAProxy: {[]string{"haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"}, []string{"-c", "-f"}, []string{"/etc/haproxy/haproxy.cfg", "/usr/local/etc/haproxy.conf", "/usr/local/etc/haproxy/haproxy.cfg"}},
	// The wrappers know the variables that the configuration uses.
	lint.Apache: {[]string{"apache2ctl", "/usr/sbin/apache2ctl", "apachectl", "httpd", "/usr/sbin/httpd"}, []string{"-t", "-f"}, []string{"/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/usr/local/etc/apache24/httpd.conf"}},
	lint.Squid:  {[]string{"squid", "/usr/sbin/squid", "/usr/local/sbin/squid"}, []string{"-k", "parse", "-f"}, []string{"/etc/squid/squid.conf", "/usr/local/etc/squid/squid.conf"}},
}

// checked is what a product says about a configuration.
type checked struct {
	findings []lint.Finding
	// dump is the whole configuration, of the product that writes it.
	dump []byte
}

// ownCheck has a product check a file.
func ownCheck(ctx context.Context, product, file string) (checked, error) {
	how, known := installedProducts[product]
	if !known {
		return checked{}, usage("--with-product: %s has no check of its own", product)
	}
	i := slices.IndexFunc(how.programs, func(p string) bool { _, err := exec.LookPath(p); return err == nil })
	if i < 0 {
		return checked{}, hint(fmt.Errorf("%s is not installed here", product), "without --installed and --with-product, lint needs no product")
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return checked{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, ownCheckTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, how.programs[i], append(slices.Clone(how.args), path)...)
	cmd.WaitDelay = time.Second
	var stdout, stderr limitedBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if _, refused := errors.AsType[*exec.ExitError](err); refused && ctx.Err() == nil {
		return checked{findings: lint.Complaints(product, file, stderr.String()+stdout.String())}, nil
	}
	if err != nil {
		return checked{}, fmt.Errorf("%s: %w", product, err)
	}
	out := checked{}
	if product == lint.Nginx {
		out.dump = stdout.Bytes()
	}
	return out, nil
}

// limitedBuffer keeps the first MiBs of what a product writes.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := maxFile - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}

// lintInstalled judges the configuration of this machine.
func lintInstalled(ctx context.Context, product string, opts lint.Options) (lint.Result, error) {
	places := installedProducts[product].places
	i := slices.IndexFunc(places, func(p string) bool { _, err := os.Stat(p); return err == nil })
	if i < 0 {
		return lint.Result{}, fmt.Errorf("no configuration of %s is where its packages put it: %s", product, places[0])
	}
	file := places[i]
	own, err := ownCheck(ctx, product, file)
	if err != nil {
		return lint.Result{}, err
	}
	data := own.dump
	if len(data) == 0 {
		if data, err = readFile(file); err != nil {
			return lint.Result{}, err
		}
	}
	r, err := lintText(file, data, product, opts)
	if err != nil {
		return lint.Result{}, err
	}
	r.Findings = slices.Concat(own.findings, r.Findings)
	return r, nil
}
