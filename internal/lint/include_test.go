package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// files are what includes find, by path.
type files map[string]string

func (f files) include(pattern string) ([]Source, error) {
	var found []Source
	for name, text := range f {
		if ok, err := filepath.Match(pattern, name); err == nil && ok {
			found = append(found, Source{Name: name, Data: []byte(text)})
		}
	}
	slices.SortFunc(found, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func TestIncludesOfNginx(t *testing.T) {
	t.Parallel()
	tree := files{
		"/etc/nginx/sites-enabled/lync": "server {\n listen 443 ssl;\n server_name lyncweb.contoso.example;\n location / {\n  include proxy_params;\n  proxy_pass https://10.10.10.11;\n }\n}\n",
		"/etc/nginx/proxy_params":       "proxy_set_header Host $http_host;\nproxy_read_timeout 30s;\nproxy_http_version 1.1;\n",
	}
	f, err := Read("/etc/nginx/nginx.conf", []byte("events {}\nhttp {\n include mime.types;\n include sites-enabled/*;\n include missing.conf;\n}\n"), ReadOptions{Include: tree.include})
	if err != nil {
		t.Fatal(err)
	}
	found := Check(f, Options{})
	if got, want := strings.Join(ids(found), " "), "NGX-01 NGX-10 NGX-13 NGX-14 NGX-50 NGX-52"; got != want {
		t.Errorf("rules = %s, want %s", got, want)
	}
	for _, x := range found {
		if x.Rule.ID == "NGX-10" && (x.File != "/etc/nginx/proxy_params" || x.Line != 2 || x.Excerpt[0] != "proxy_read_timeout 30s;") {
			t.Errorf("NGX-10 at %s:%d %q, want the included file's line 2", x.File, x.Line, x.Excerpt)
		}
	}
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "missing.conf") {
		t.Errorf("notes = %q, want one on missing.conf", f.Notes)
	}
}

func TestDumpOfNginx(t *testing.T) {
	t.Parallel()
	f := read(t, "# configuration file /etc/nginx/nginx.conf:\nevents { worker_connections 4096; }\nhttp {\n include sites/*.conf;\n}\n\n"+
		"# configuration file /etc/nginx/sites/lync.conf:\nserver {\n listen 443 ssl;\n server_name lync.contoso.example;\n location / { proxy_pass https://10.10.10.11; }\n}\n")
	for _, x := range Check(f, Options{}) {
		if x.File != "/etc/nginx/sites/lync.conf" || x.Line != 4 {
			t.Errorf("%s at %s:%d, want line 4 of sites/lync.conf", x.Rule.ID, x.File, x.Line)
		}
	}
}

func TestLoopsEnd(t *testing.T) {
	t.Parallel()
	loop := files{
		"/etc/x/a.conf": "include /etc/x/b.conf;\nserver { server_name lync.contoso.example; }\n",
		"/etc/x/b.conf": "include /etc/x/a.conf;\n",
		"/etc/y/a.conf": "Include /etc/y/b.conf\n<VirtualHost *:443>\nServerName lync.contoso.example\n</VirtualHost>\n",
		"/etc/y/b.conf": "Include /etc/y/a.conf\n",
	}
	for _, name := range []string{"/etc/x/a.conf", "/etc/y/a.conf"} {
		f, err := Read(name, []byte(loop[name]), ReadOptions{Include: loop.include})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(f.Notes, " "), "includes itself") || !f.Lync {
			t.Errorf("%s: notes = %q, Lync = %v", name, f.Notes, f.Lync)
		}
	}
}

// TestIncludesOfEverything has three times as many includes on each level.
func TestIncludesOfEverything(t *testing.T) {
	t.Parallel()
	tree := files{}
	for c := 'a'; c <= 'z'; c++ {
		tree["/"+string(c)] = strings.Repeat("include /"+string(c+1)+";\n", 3)
	}
	f, err := Read("/a", []byte(tree["/a"]), ReadOptions{Product: Nginx, Include: tree.include})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.sources) > maxSources || !strings.Contains(strings.Join(f.Notes, " "), "there is no end to it") {
		t.Errorf("%d files were read, notes = %q", len(f.sources), f.Notes)
	}
}

func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 12<<20)
	for name, text := range map[string]string{
		"one-line":  "server { server_name lync.contoso.example; proxy_pass " + long + "; }",
		"apache":    "<VirtualHost *:443>\nServerName lync.contoso.example\nProxyPass " + long + "\n",
		"closing":   "server { listen 80; }" + strings.Repeat("}", 2_000_000),
		"opening":   "<VirtualHost *:80>\n" + strings.Repeat("<Location />\n", 500_000),
		"too-large": strings.Repeat("# lync\n", 3<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Read("a.conf", []byte(text), ReadOptions{})
			if err == nil {
				Check(f, Options{})
			} else if len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func FuzzNginx(f *testing.F)  { fuzz(f, Nginx, "testdata/nginx/*.conf") }
func FuzzApache(f *testing.F) { fuzz(f, Apache, "testdata/apache/*.conf") }

func fuzz(f *testing.F, product, seeds string) {
	names, _ := filepath.Glob(seeds)
	if len(names) == 0 {
		f.Fatal("no seeds: was testdata moved?")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Read("a.conf", data, ReadOptions{Product: product})
		if err != nil {
			return
		}
		for _, x := range Check(c, Options{}) {
			if x.Rule.ID == "" || x.Reason == "" || x.Line < 0 {
				t.Errorf("finding %+v: no rule, no reason, or no line", x)
			}
		}
	})
}
