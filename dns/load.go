package dns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lyncpin/internal/yamlfile"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxZoneFile is the most bytes read of a zone file: room for a hundred thousand records, and an end to what a
// wrong path (a device, a disk image) could fill the memory with.
const maxZoneFile = 16 << 20

// The configuration file; the field comments of Config and its parts say what each means.
type (
	configFile struct {
		Views []viewFile `yaml:"views"`
	}
	viewFile struct {
		Name       string          `yaml:"name"`
		Listen     []string        `yaml:"listen"`
		UDPOnly    bool            `yaml:"udp_only"`
		Clients    []string        `yaml:"clients"`
		Zones      []zoneFile      `yaml:"zones"`
		Behaviours []behaviourFile `yaml:"behaviours"`
	}
	zoneFile struct {
		Name    string   `yaml:"name"`
		File    string   `yaml:"file"`
		Text    string   `yaml:"text"`
		Records []string `yaml:"records"`
	}
	behaviourFile struct {
		Name     string `yaml:"name"`
		Type     string `yaml:"type"`
		Times    int    `yaml:"times"`
		RCode    string `yaml:"rcode"`
		Delay    string `yaml:"delay"`
		Drop     bool   `yaml:"drop"`
		Truncate bool   `yaml:"truncate"`
		NoAA     bool   `yaml:"no_aa"`
		Bogus    bool   `yaml:"bogus"`
	}
)

// LoadConfig reads a configuration in YAML:
//
//	views:
//	  - name: external
//	    listen: ["127.0.0.1:5353"]        # UDP and TCP; udp_only: true leaves TCP closed
//	    clients: [203.0.113.0/24]         # left out: local and documentation networks
//	    zones:
//	      - name: contoso.example
//	        file: contoso.example.zone    # relative to the configuration file
//	        text: |                       # or here; not both
//	          $TTL 300
//	          lyncdiscover A 203.0.113.10
//	        records: ["meet CNAME lyncdiscover"]
//	    behaviours:
//	      - name: "*.fabrikam.example"
//	        type: AAAA
//	        rcode: SERVFAIL
//	        delay: 3s                     # and times, drop, truncate, no_aa, bogus
//
// The name path appears in errors, and zone files are looked for beside it; data is the content. Nothing is bound,
// but everything is checked, zone data too. An unknown field is an error. Errors begin with path:line:column where
// the place is known, and name the field.
func LoadConfig(path string, data []byte) (Config, error) {
	file, tree, err := decode(data)
	if err != nil {
		return Config{}, yamlError(path, err)
	}
	if len(tree.Docs) > 1 {
		return Config{}, fmt.Errorf("%s: %d YAML documents; one is wanted", path, len(tree.Docs))
	}
	cfg, err := file.config(filepath.Dir(path))
	if err == nil {
		_, err = cfg.compile()
	}
	if err != nil {
		return Config{}, placed(path, tree, err)
	}
	return cfg, nil
}

// decode reads YAML into the file's words, and into a tree to find their places in.
func decode(data []byte) (file configFile, tree *ast.File, err error) {
	err = yamlfile.Safely(data, func() error {
		if tree, err = parser.ParseBytes(data, 0); err != nil {
			return err
		}
		decoder := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
		if err = decoder.Decode(&file); errors.Is(err, io.EOF) {
			return nil // an empty file
		}
		return err
	})
	return file, tree, err
}

// config turns the file's words into values. Zone files are relative to dir.
func (f configFile) config(dir string) (Config, error) {
	var cfg Config
	for i, v := range f.Views {
		fail := func(field, format string, args ...any) error {
			return &configError{fmt.Sprintf("views[%d].%s", i, field), fmt.Errorf(format, args...)}
		}
		view := View{Name: v.Name, Addrs: v.Listen, UDPOnly: v.UDPOnly}
		for j, text := range v.Clients {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return Config{}, fail(fmt.Sprintf("clients[%d]", j), "%q is not a network, such as 203.0.113.0/24", text)
			}
			view.Clients = append(view.Clients, prefix)
		}
		for j, z := range v.Zones {
			zone := Zone{Name: z.Name, Text: z.Text, Records: z.Records}
			if z.File != "" {
				field := fmt.Sprintf("zones[%d].file", j)
				if z.Text != "" {
					return Config{}, fail(field, "zone %s has a file and a text; one is wanted", z.Name)
				}
				text, source, err := readZone(dir, z.File)
				if err != nil {
					return Config{}, fail(field, "zone %s: %w", z.Name, err)
				}
				zone.Text, zone.Source = text, source
			}
			view.Zones = append(view.Zones, zone)
		}
		for j, b := range v.Behaviours {
			behaviour := Behaviour{
				Name: b.Name, Type: b.Type, Times: b.Times, RCode: b.RCode,
				Drop: b.Drop, Truncate: b.Truncate, NoAA: b.NoAA, Bogus: b.Bogus,
			}
			if b.Delay != "" {
				var err error
				if behaviour.Delay, err = time.ParseDuration(b.Delay); err != nil {
					return Config{}, fail(fmt.Sprintf("behaviours[%d].delay", j),
						"%q is not a duration, such as 3s or 250ms", b.Delay)
				}
			}
			view.Behaviours = append(view.Behaviours, behaviour)
		}
		cfg.Views = append(cfg.Views, view)
	}
	return cfg, nil
}

// readZone reads a zone file and says what to call it.
func readZone(dir, name string) (text, source string, err error) {
	source = name
	if !filepath.IsAbs(name) {
		source = filepath.Join(dir, name)
	}
	info, err := os.Stat(source)
	if err != nil {
		return "", "", err
	}
	if !info.Mode().IsRegular() {
		return "", "", fmt.Errorf("%s is not a file", source)
	}
	if info.Size() > maxZoneFile {
		return "", "", fmt.Errorf("%s is larger than %d MiB", source, maxZoneFile>>20)
	}
	data, err := os.ReadFile(source)
	return string(data), source, err
}

// yamlError is err on one line, with its place in front.
func yamlError(path string, err error) error {
	at, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	text := strings.TrimSpace(at.GetMessage())
	if mismatch, ok := errors.AsType[*yaml.TypeError](err); ok {
		text = fmt.Sprintf("wrong kind of value: %s", mismatch.Token.Value)
	}
	if token := at.GetToken(); token != nil && token.Position != nil {
		return fmt.Errorf("%s:%d:%d: %s", path, token.Position.Line, token.Position.Column, text)
	}
	return fmt.Errorf("%s: %s", path, text)
}

// placed puts the place of a configError in front of it: that of the field, or of what holds the field.
func placed(path string, tree *ast.File, err error) error {
	ce, ok := errors.AsType[*configError](err)
	if !ok {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := ce.path
	// The text of a zone may come from a file, which the position of the field then says.
	tries := []string{at}
	if zone, ok := strings.CutSuffix(at, ".text"); ok {
		tries = []string{at, zone + ".file"}
	}
	for up := at; ; {
		dot := strings.LastIndexAny(up, ".[")
		if dot < 0 {
			break
		}
		up = up[:dot]
		tries = append(tries, up)
	}
	for _, field := range tries {
		where, err := yaml.PathString("$." + field)
		if err != nil {
			continue
		}
		node, err := where.FilterFile(tree)
		if err != nil || node == nil || node.GetToken() == nil || node.GetToken().Position == nil {
			continue
		}
		pos := node.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s: %w", path, pos.Line, pos.Column, field, ce.err)
	}
	return fmt.Errorf("%s: %s: %w", path, at, ce.err)
}
