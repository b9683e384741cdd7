// Package house holds the structure of the module as tests: which room may use which, that everything public is
// documented, and a few habits that are easily lost.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "lyncpin"

// room says what a package of the module may import of the module itself, and why no more.
type room struct {
	may []string
	why string
}

// rooms is the house. Test files are free to import what they need to set up a test.
var rooms = map[string]room{
	"cmd/lyncpin": {[]string{"internal/cli"}, "main is one call; everything else is a tested function"},
	"internal/cli": {[]string{"internal/render", "internal/export", "internal/peer", "internal/lint", "internal/pfsense", "internal/grid", "internal/load", "scenarios", "internal/failure", "internal/lab", "internal/topology", "proxy", "dns", "fakelync", "probe", "internal/nearest", "internal/yamlfile"},
		"the command line wires the rooms and holds no knowledge of its own"},
	"scenarios": {[]string{"internal/failure", "internal/export", "internal/lab", "internal/pki", "internal/topology", "probe", "internal/nearest", "internal/yamlfile"},
		"a scenario is a topology, a lab, a probe and an expectation; how it is shown is not its business"},
	"internal/lab": {[]string{"dns", "fakelync", "proxy", "internal/export", "internal/peer", "internal/fabric", "internal/pki", "internal/topology", "probe"},
		"a lab runs topologies; it must not know what is wrong with one, or rules would judge what they were told"},
	"internal/failure": {[]string{"internal/topology", "probe"},
		"rules are pure functions of a record: with a lab, a fake or the proxy in reach they could dial or peek"},
	"internal/render":   {[]string{"probe"}, "a renderer shows a report, whoever made it"},
	"probe":             {nil, "the probe shares no code with the fakes: a misunderstanding written once would be confirmed by itself"},
	"dns":               {[]string{"internal/history", "internal/yamlfile"}, "the name server is configured by its own Config and serves alone"},
	"fakelync":          {[]string{"internal/history", "internal/yamlfile"}, "the fake is configured by its own Config and shares no protocol code with the probe"},
	"proxy":             {[]string{"internal/history", "internal/nearest", "internal/yamlfile"}, "the proxy is one that could be used without a lab"},
	"internal/export":   {[]string{"internal/topology"}, "a configuration is text made of plain data; whether it is right is for labs to say"},
	"internal/peer":     {nil, "it runs a program with a text, whoever wrote it"},
	"internal/lint":     {nil, "rules read files of others; what they lead to is named by ID only"},
	"internal/pfsense":  {[]string{"internal/lint", "internal/topology"}, "a backup is read, judged and translated; nothing runs here"},
	"internal/load":     {nil, "simulated clients are measured against fakes and proxies; code shared with either would be measured twice"},
	"bench":             {[]string{"internal/peer", "internal/pki"}, "it measures programs from outside, and ours as one of them"},
	"internal/grid":     {[]string{"internal/export", "internal/peer", "internal/pki", "internal/topology", "proxy"}, "it shows what proxies do with bytes, and needs no Lync for it"},
	"internal/topology": {[]string{"internal/nearest", "internal/yamlfile"}, "plain data, and its file"},
	"internal/fabric":   {nil, "addresses and listeners, whatever is served on them"},
	"internal/pki":      {nil, "certificates from a spec and a time"},
	"internal/history":  {nil, "a log"},
	"internal/golden":   {nil, "a test helper"},
	"internal/nearest":  {nil, "words"},
	"internal/yamlfile": {nil, "the border to the YAML library"},
	"internal/house":    {nil, "tests only"},
}

// file is a parsed Go file of the module.
type file struct {
	path string // from the module's root, with slashes
	room string
	test bool
	ast  *ast.File
}

func parse(t *testing.T) (*token.FileSet, []file) {
	t.Helper()
	root := filepath.Join("..", "..")
	fset := token.NewFileSet()
	var files []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		files = append(files, file{path: rel, room: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"), ast: parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 50 {
		t.Fatalf("found only %d Go files: was the module moved?", len(files))
	}
	return fset, files
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	_, files := parse(t)
	for _, f := range files {
		r, known := rooms[f.room]
		if !known {
			t.Errorf("%s: the room %s is not in the table: give it one clear purpose, and name what it may import", f.path, f.room)
			continue
		}
		if f.test {
			continue
		}
		for _, i := range f.ast.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			own, ok := strings.CutPrefix(path, module+"/")
			if ok && !slices.Contains(r.may, own) {
				t.Errorf("%s imports %s, which %s may not: %s", f.path, own, f.room, r.why)
			}
		}
	}
}

func TestDNSLibraryStaysWithNameServerAndResolver(t *testing.T) {
	t.Parallel()
	resolver := []string{"probe/resolve.go", "probe/nameserver.go"}
	_, files := parse(t)
	for _, f := range files {
		if f.test || f.room == "dns" || slices.Contains(resolver, f.path) {
			continue
		}
		for _, i := range f.ast.Imports {
			if strings.Contains(i.Path.Value, "miekg/dns") {
				t.Errorf("%s imports miekg/dns: only dns/ and the resolver files of probe (%s) do, or its types spread everywhere",
					f.path, strings.Join(resolver, ", "))
			}
		}
	}
}

func TestFastHTTPStaysWithTheMeasurements(t *testing.T) {
	t.Parallel()
	_, files := parse(t)
	for _, f := range files {
		if f.room == "bench" {
			continue
		}
		for _, i := range f.ast.Imports {
			if strings.Contains(i.Path.Value, "valyala/fasthttp") {
				t.Errorf("%s imports fasthttp: only bench does, to compare with it (docs/performance.md says why)", f.path)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	_, files := parse(t)
	documented := map[string]bool{}
	for _, f := range files {
		if f.ast.Doc != nil && !strings.HasPrefix(f.ast.Doc.Text(), "Code generated") {
			documented[f.room] = true
		}
	}
	for name := range rooms {
		if !documented[name] {
			t.Errorf("package %s has no package comment", name)
		}
	}
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	t.Parallel()
	fset, files := parse(t)
	for _, f := range files {
		if f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
					t.Errorf("%s: %s has no doc comment", fset.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
						t.Errorf("%s: type %s has no doc comment", fset.Position(ts.Pos()), ts.Name.Name)
					}
				}
			}
		}
	}
}

// exportedReceiver tells whether a function is one or belongs to an exported type, and is not one of the methods
// whose meaning the standard library's interfaces give.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	if slices.Contains([]string{"Error", "Unwrap", "IsFound", "IsClear", "IsUnknown"}, d.Name.Name) {
		return false
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// TestNoSleepsAndNoProcessWideState looks for the habits that make tests slow and unrepeatable.
func TestNoSleepsAndNoProcessWideState(t *testing.T) {
	t.Parallel()
	fset, files := parse(t)
	for _, f := range files {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				if !ok || pkg.Obj != nil {
					return true
				}
				switch name := pkg.Name + "." + n.Sel.Name; name {
				case "time.Sleep":
					t.Errorf("%s: %s: wait for what is meant, or use a bubble of testing/synctest", fset.Position(n.Pos()), name)
				case "http.HandleFunc", "http.Handle", "http.DefaultServeMux", "http.DefaultClient":
					t.Errorf("%s: %s is shared by the whole process", fset.Position(n.Pos()), name)
				}
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: an init function works before anybody asked for it", fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// TestVerificationIsSwitchedOffWhereItIsMeant keeps InsecureSkipVerify to the places that explain it.
func TestVerificationIsSwitchedOffWhereItIsMeant(t *testing.T) {
	t.Parallel()
	_, files := parse(t)
	allowed := map[string]string{
		"probe/connect.go":   "every certificate is recorded and verified by hand against several roots",
		"proxy/webserver.go": "the administrator may switch verification of a web server off",
	}
	for _, f := range files {
		if f.test || allowed[f.path] != "" {
			continue
		}
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(f.path)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "InsecureSkipVerify:") {
			t.Errorf("%s switches certificate verification off: say in this test why it may", f.path)
		}
	}
}

func TestNoFileGrewTooLong(t *testing.T) {
	t.Parallel()
	fset, files := parse(t)
	const most = 600 // lines: past that a file has two subjects
	for _, f := range files {
		if n := fset.Position(f.ast.End()).Line; n > most {
			t.Errorf("%s has %d lines, more than %d", f.path, n, most)
		}
	}
}
