package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"text/template"

	"lyncpin/internal/peer"
)

// ours is the peer that the others are compared with.
const ours = "ours"

// older is a binary of ours that somebody has kept.
const older = "before"

//go:embed peers
var configurations embed.FS

// contestant is a proxy that can be measured.
type contestant struct {
	// name is its word in flags and tables.
	name string
	// product is the word of internal/peer for a product that may be installed; empty for what is built from this module.
	product string
	// config is its configuration, a template in peers.
	config string
	// args are its arguments, for the file of its configuration in a directory of its own.
	args func(dir, config string) []string
	// role is the role that plays it, in place of a program.
	role string
	// remains is a pattern of files elsewhere that it may leave behind; empty for none.
	remains string
}

// contestants are all there are, in the order of tables.
func contestants() []contestant {
	return []contestant{
		{name: ours, config: "proxy.yaml", args: func(_, config string) []string { return []string{"proxy", "--config", config} }},
		{name: older, config: "proxy.yaml", args: func(_, config string) []string { return []string{"proxy", "--config", config} }},
		{name: "nginx", product: "nginx", config: "nginx.conf", args: func(dir, config string) []string {
			return []string{"-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log")}
		}},
		{name: "haproxy", product: "haproxy", config: "haproxy.cfg", args: func(_, config string) []string { return []string{"-db", "-f", config} }},
		{name: "squid", product: "squid", config: "squid.conf", remains: "/dev/shm/" + squidName() + "-*", args: func(_, config string) []string {
			return []string{"-N", "-n", squidName(), "-f", config}
		}},
		{name: "apache", product: "apache", config: "httpd.conf", args: func(dir, config string) []string { return []string{"-d", dir, "-f", config, "-DFOREGROUND"} }},
		{name: "caddy", product: "caddy", config: "Caddyfile", args: func(_, config string) []string {
			return []string{"run", "--config", config, "--adapter", "caddyfile"}
		}},
		{name: "go-tuned", role: "go-tuned"},
		{name: "go-plain", role: "go-plain"},
		{name: "fasthttp", role: "fasthttp"},
	}
}

// squidName keeps it apart from others in shared memory.
func squidName() string { return fmt.Sprintf("bench%d", os.Getpid()) }

// find returns the program, and its version. A product that is not installed is a *peer.MissingError.
func (c contestant) find(ctx context.Context, programs map[string]string) (path, version string, err error) {
	switch {
	case c.role != "":
		path, err = os.Executable()
		return path, runtime.Version(), err
	case c.product == "":
		return programs[c.name], "", nil
	}
	if path, err = peer.Find(c.product); err != nil {
		return "", "", err
	}
	version, err = peer.Version(ctx, c.product)
	return path, version, err
}

// places are the files and addresses that a configuration names.
type places struct {
	settings
	// Dir is the directory of its own, Host what clients ask for, PEM certificate and key in one file.
	Dir, Host, PEM string
	// Cores are as many as it may use.
	Cores int
}

// ListenHost and the others are parts of addresses.
func (p places) ListenHost() string    { h, _, _ := net.SplitHostPort(p.Listen); return h }
func (p places) ListenPort() string    { _, port, _ := net.SplitHostPort(p.Listen); return port }
func (p places) WebServerHost() string { h, _, _ := net.SplitHostPort(p.WebServer); return h }
func (p places) WebServerPort() string { _, port, _ := net.SplitHostPort(p.WebServer); return port }

// runningPeer is one that accepts connections.
type runningPeer struct {
	*process
	addr string
	// dir and remains are removed when it has ended.
	dir, remains string
}

// start starts it in a new directory below dir, which is readable for whatever user it becomes.
func (c contestant) start(ctx context.Context, path string, p places) (*runningPeer, error) {
	if err := errors.Join(os.Mkdir(p.Dir, 0o777), os.Chmod(p.Dir, 0o777)); err != nil {
		return nil, err
	}
	var args []string
	if c.role != "" {
		text, err := json.Marshal(p.settings)
		if err != nil {
			return nil, err
		}
		args = []string{roleArg, c.role, string(text)}
	} else {
		config := filepath.Join(p.Dir, c.config)
		if err := c.write(config, p); err != nil {
			return nil, err
		}
		args = c.args(p.Dir, config)
	}
	child, err := start(path, args, []string{"HOME=" + p.Dir, "XDG_DATA_HOME=" + p.Dir, "XDG_CONFIG_HOME=" + p.Dir}, p.Dir)
	if err != nil {
		return nil, err
	}
	r := &runningPeer{process: child, addr: p.Listen, dir: p.Dir, remains: c.remains}
	if err := child.ready(ctx, p.Listen); err != nil {
		said, _ := os.ReadFile(filepath.Join(p.Dir, "log"))
		r.stop()
		return nil, fmt.Errorf("%s: %w: %.500s", c.name, err, said)
	}
	return r, nil
}

// stop ends it and removes what it wrote: its access log may be large.
func (r *runningPeer) stop() {
	r.process.stop()
	os.RemoveAll(r.dir)
	files, _ := filepath.Glob(r.remains) // the pattern is a constant
	for _, file := range files {
		os.Remove(file)
	}
}

func (c contestant) write(file string, p places) error {
	t, err := template.ParseFS(configurations, "peers/"+c.config)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, p), f.Close())
}

// build makes lyncpin from this module.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "lyncpin")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "lyncpin/cmd/lyncpin").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build lyncpin/cmd/lyncpin: %w: %.500s", err, out)
	}
	return path, nil
}
