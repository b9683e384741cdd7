package scenarios

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"lyncpin/internal/failure"
	"lyncpin/internal/nearest"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// Load reads a scenario that an administrator wrote in YAML. Path is the file's name for errors and, without its
// extension, the scenario's when the file gives none; data is the content.
//
//	name: half of the pool is published on the wrong port
//	extends: healthy                     # or baseline/<name>; left out: healthy
//	edits:                               # made in order
//	  - set: {path: "proxy.web_servers[fe1-https].port", value: 443}
//	  - add: {path: sip_domains, value: tailspin.example}
//	  - remove: {path: "pools[0].balancer"}
//	  - set_record: {view: external, name: dialin.contoso.example, type: A, value: 203.0.113.99}
//	  - add_record: {view: internal, name: meet.contoso.example, type: A, value: 10.10.10.12}
//	  - remove_record: {view: external, name: meet.contoso.example}
//	faults: [dns.lyncdiscover-missing]   # modes, or <mode>/<case>; made after the edits
//	sign_in: true                        # the first users sign in; left out: when a fault or hold needs it
//	hold: 200s                           # and hold a silent long poll so long; left out: when a fault needs it
//	expect:
//	  found: [dns.lyncdiscover-missing]  # the root causes: exactly these, in any order; []: nothing, and no doubt
//	  absent: [dns.servfail]             # must not be found, not even as a consequence
//
// A path is that of a field in the YAML form of a topology. In brackets stands which entry of a list is meant: its
// alias, name, FQDN or SIP address, the text itself in a list of texts, or its number, from 0; in a mapping, the key.
// set_record replaces all records of the name. Without expect, the modes of faults are the root causes; with absent
// alone, anything else may be found.
//
// What is not known is refused with file, line, column and the nearest valid word.
func Load(path string, data []byte) (Scenario, error) {
	root, err := parse(path, data)
	if err != nil {
		return Scenario{}, err
	}
	f := &file{path: path, base: topology.Healthy}
	if err := f.read(root); err != nil {
		return Scenario{}, err
	}
	return f.scenario()
}

// holdMost is the longest that a poll is held: clients wait for 30 minutes at most (UCWA SDK, "Event channel details").
const holdMost = 30 * time.Minute

// file is a scenario file while it is read.
type file struct {
	path    string
	name    string
	base    func() *topology.Topology
	changes []change
	modes   []probe.ID    // of the faults
	signIn  *bool         // nil when it was left out
	hold    time.Duration // zero when it was left out
	needed  struct {      // by the faults
		signIn bool
		hold   time.Duration
	}
	expect *expectation
	start  ast.Node
}

// change is one edit, with its place for errors that show only when it is made.
type change struct {
	node ast.Node
	edit func(*topology.Topology) error
}

type expectation struct {
	found, absent []probe.ID
	anyFound      bool // found was left out
}

func (f *file) read(root ast.Node) error {
	f.start = root
	var edits, faults []change
	err := f.fields(root, map[string]func(ast.Node) error{
		"name":    func(n ast.Node) error { return f.text(n, &f.name) },
		"extends": f.readExtends,
		"edits": func(n ast.Node) error {
			return f.items(n, func(item ast.Node) error {
				c, err := f.readEdit(item)
				edits = append(edits, c)
				return err
			})
		},
		"faults": func(n ast.Node) error {
			return f.items(n, func(item ast.Node) error {
				c, err := f.readFault(item)
				faults = append(faults, c)
				return err
			})
		},
		"sign_in": func(n ast.Node) error { f.signIn = new(bool); return f.yes(n, f.signIn) },
		"hold":    f.readHold,
		"expect":  f.readExpect,
	})
	f.changes = slices.Concat(edits, faults)
	return err
}

func (f *file) readHold(n ast.Node) error {
	var word string
	if err := f.text(n, &word); err != nil {
		return err
	}
	d, err := time.ParseDuration(word)
	switch {
	case err != nil:
		return f.errorf(n, "%q is not a duration, such as 200s", word)
	case d <= 0 || d > holdMost:
		return f.errorf(n, "a long poll is held for up to %s, not for %s", holdMost, d)
	}
	f.hold = d
	return nil
}

func (f *file) readExtends(n ast.Node) error {
	var word string
	if err := f.text(n, &word); err != nil {
		return err
	}
	known := []string{"healthy"}
	if word == known[0] {
		return nil
	}
	for _, b := range baselines() {
		if b.ID == word {
			f.base = b.build
			return nil
		}
		known = append(known, b.ID)
	}
	return f.wrap(n, 0, &UnknownError{What: "deployment", Word: word, Nearest: nearest.Word(word, known)})
}

func (f *file) readFault(n ast.Node) (change, error) {
	var id string
	if err := f.text(n, &id); err != nil {
		return change{}, err
	}
	mode, edit, err := Fault(id)
	if err != nil {
		return change{}, f.wrap(n, 0, err)
	}
	f.needed.signIn, f.needed.hold = needs(mode, f.needed.signIn, f.needed.hold)
	if !slices.Contains(f.modes, mode) && !strings.Contains(id, "/near/") {
		f.modes = append(f.modes, mode)
	}
	return change{n, func(t *topology.Topology) error { edit(t); return nil }}, nil
}

func (f *file) readExpect(n ast.Node) error {
	e := &expectation{anyFound: true, found: []probe.ID{}}
	f.expect = e
	at := map[probe.ID]bool{}
	list := func(into *[]probe.ID) func(ast.Node) error {
		return func(n ast.Node) error {
			return f.items(n, func(item ast.Node) error {
				id, err := f.mode(item)
				if err != nil {
					return err
				}
				if at[id] {
					return f.errorf(item, "%s is listed twice", id)
				}
				at[id] = true
				*into = append(*into, id)
				return nil
			})
		}
	}
	err := f.fields(n, map[string]func(ast.Node) error{
		"found": func(n ast.Node) error {
			e.anyFound = false
			return list(&e.found)(n)
		},
		"absent": list(&e.absent),
	})
	if err == nil && e.anyFound && len(e.absent) == 0 {
		return f.errorf(n, "expect says nothing: list modes under found or absent, or found: [] for a healthy deployment")
	}
	return err
}

// mode reads the ID of a mode that can be decided.
func (f *file) mode(n ast.Node) (probe.ID, error) {
	var word string
	if err := f.text(n, &word); err != nil {
		return "", err
	}
	var known []string
	for _, m := range failure.Modes() {
		if string(m.ID) == word {
			if m.Undecidable != "" {
				return "", f.wrap(n, 0, &UndecidableError{ID: m.ID, Why: m.Undecidable})
			}
			return m.ID, nil
		}
		known = append(known, string(m.ID))
	}
	return "", f.wrap(n, 0, &UnknownError{What: "mode", Word: word, Nearest: nearest.Word(word, known)})
}

// scenario checks that the file's deployment can be built, so that nothing fails later.
func (f *file) scenario() (Scenario, error) {
	if f.expect == nil {
		if len(f.modes) == 0 {
			return Scenario{}, f.errorf(f.start, "expect is missing: say which modes are to be found, [] for none")
		}
		f.expect = &expectation{found: f.modes}
	}
	t := f.base()
	for _, c := range f.changes {
		if err := f.make(t, c); err != nil {
			return Scenario{}, err
		}
	}
	if err := t.Validate(); err != nil {
		return Scenario{}, f.wrap(f.start, 0, fmt.Errorf("no lab can run the edited deployment: %w", err))
	}
	hold := cmp.Or(f.hold, f.needed.hold)
	signIn := f.needed.signIn || hold > 0
	if f.signIn != nil {
		signIn = *f.signIn
	}
	if !signIn && f.hold > 0 {
		return Scenario{}, f.errorf(f.start, "hold needs somebody who signs in: sign_in is false")
	}
	if !signIn {
		hold = 0
	}
	name := f.name
	if name == "" {
		base := filepath.Base(f.path)
		name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	return Scenario{
		ID: name, Kind: KindFile, Want: f.expect.found, AnyFound: f.expect.anyFound, Absent: f.expect.absent,
		SignIn: signIn, Hold: hold,
		build: func() *topology.Topology {
			t := f.base()
			for _, c := range f.changes {
				c.edit(t) // has been tried on an equal topology
			}
			return t
		},
	}, nil
}

// make makes one change. The edits of the catalogue expect the shape of the healthy deployment and panic without it.
func (f *file) make(t *topology.Topology, c change) (err error) {
	defer func() {
		if recover() != nil {
			err = f.errorf(c.node, "this does not fit the deployment as it is here")
		}
	}()
	if err := c.edit(t); err != nil {
		return f.wrap(c.node, 0, err)
	}
	return nil
}
