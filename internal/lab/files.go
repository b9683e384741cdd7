package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lyncpin/internal/pki"
	"lyncpin/internal/topology"
)

// EndpointsFile is the last file that WriteFiles writes: when it is there, the others are.
const EndpointsFile = "endpoints.json"

// Permissions of the files: keys are for the owner alone.
const (
	dirMode    fs.FileMode = 0o755
	publicMode fs.FileMode = 0o644
	secretMode fs.FileMode = 0o600
)

// WriteFiles writes into dir, which is made if need be, what programs outside need: the roots, the topology, the
// proxy's certificate in several forms, and last endpoints.json, all at once. One of an earlier lab goes first.
func (l *Lab) WriteFiles(dir string) error {
	if err := l.writeFiles(dir); err != nil {
		return fmt.Errorf("lab: write files: %w", err)
	}
	return nil
}

func (l *Lab) writeFiles(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	target := filepath.Join(dir, EndpointsFile)
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w := writer{dir: dir}
	top, err := topology.Marshal(l.top)
	if err != nil {
		return err
	}
	w.write("topology.yaml", publicMode, top)
	endpoints := l.Endpoints()
	endpoints.Roots = w.roots(l.authority)
	if endpoints.ProxyFiles, err = l.proxyFiles(&w); err != nil {
		return err
	}
	data, err := json.MarshalIndent(endpoints, "", "  ")
	if err != nil {
		return err
	}
	const draft = EndpointsFile + ".new"
	w.write(draft, publicMode, data, []byte("\n"))
	if w.err != nil {
		return w.err
	}
	return os.Rename(filepath.Join(dir, draft), target)
}

// proxyFiles writes the proxy's default certificate; nil when it has none.
func (l *Lab) proxyFiles(w *writer) (*ProxyFiles, error) {
	if len(l.top.Proxy.Certificates) == 0 {
		return nil, nil
	}
	cert, err := l.issue(&l.top.Proxy.Certificates[0])
	if err != nil {
		return nil, err
	}
	return w.certificate("proxy", cert)
}

// roots writes what any device trusts, and what managed machines do.
func (w *writer) roots(authority *pki.Authority) *RootFiles {
	public, enterprise := authority.RootPEM(pki.Public), authority.RootPEM(pki.Enterprise)
	return &RootFiles{
		Public: w.write("public-roots.pem", publicMode, []byte("# The public root: any device trusts it.\n"), public),
		Enterprise: w.write("enterprise-roots.pem", publicMode, []byte("# The enterprise's root: managed machines trust it.\n"), enterprise,
			[]byte("# The public root: managed machines trust it as well.\n"), public),
	}
}

// writer writes files into a directory and keeps the first error.
type writer struct {
	dir string
	err error
}

// write replaces a file, and returns its path. The mode holds from the first byte, also where an older file had another.
func (w *writer) write(name string, mode fs.FileMode, parts ...[]byte) string {
	path := filepath.Join(w.dir, name)
	if w.err != nil {
		return path
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.err = err
		return path
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		w.err = err
		return path
	}
	for _, p := range parts {
		if _, err := f.Write(p); err != nil {
			w.err = cmp.Or(w.err, err)
		}
	}
	w.err = cmp.Or(w.err, f.Close())
	return path
}
