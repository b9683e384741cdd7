package dns_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lyncpin/dns"
)

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "config", "split.yaml")
	zone := filepath.Join("testdata", "config", "zones", "contoso.zone")
	zoneText, err := os.ReadFile(zone)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dns.LoadConfig(path, data)
	if err != nil {
		t.Fatal(err)
	}
	want := dns.Config{Views: []dns.View{{
		Name:    "external",
		Addrs:   []string{"198.51.100.53:53"},
		Clients: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Zones: []dns.Zone{{
			Name: "contoso.example", Text: string(zoneText), Source: zone, Records: []string{"dialin CNAME meet"},
		}},
	}, {
		Name:    "internal",
		Addrs:   []string{"10.10.10.53:53", "[::1]:53"},
		UDPOnly: true,
		Zones:   []dns.Zone{{Name: "contoso.example", Text: "$TTL 60\nlyncdiscoverinternal A 10.10.10.10\n"}},
		Behaviours: []dns.Behaviour{
			{Name: "*.fabrikam.example", Type: "AAAA", Times: 2, RCode: "SERVFAIL", Delay: 3 * time.Second},
			{Name: "meet.contoso.example", Drop: true},
			{Name: "dialin.contoso.example", Truncate: true, NoAA: true},
			{Name: "sip.contoso.example", Bogus: true, Delay: 250 * time.Millisecond},
		},
	}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// Windows has other separators; errors name files as the system spells them.
func zonePath(name string) string { return filepath.Join("testdata", "config", "zones", name) }

func TestLoadConfigErrors(t *testing.T) {
	t.Parallel()
	const head = "views:\n  - name: a\n    listen: [\"127.0.0.1:53\"]\n"
	const zone = head + "    zones:\n      - name: contoso.example\n"
	const behaviour = head + "    behaviours:\n      - name: meet.contoso.example\n"
	for _, tt := range []struct{ name, data, want string }{
		{"empty", "", "lab.yaml: views: no views: there is nothing to serve"},
		{"comment-only", "# nothing\n", "lab.yaml: views: no views: there is nothing to serve"},
		{"not-a-mapping", "views\n", "lab.yaml:1:1: string was used where mapping is expected"},
		{"syntax", "views: [\n", "lab.yaml:1:8: sequence end token ']' not found"},
		{"panic-of-the-library", "views:\n- {listen:! 0}\n", "lab.yaml: not YAML that can be read"},
		{"unknown-field", head + "    zone: []\n", `lab.yaml:4:5: unknown field "zone"`},
		{"unknown-field-in-behaviour", behaviour + "        rcod: SERVFAIL\n", `lab.yaml:6:9: unknown field "rcod"`},
		{"field-twice", head + "    name: b\n", `lab.yaml:4:5: mapping key "name" already defined at [2:5]`},
		{"two-documents", head + "---\n" + head, "lab.yaml: 2 YAML documents; one is wanted"},
		{"wrong-kind", head + "    udp_only: often\n", "lab.yaml:4:15: wrong kind of value: often"},
		{"address", "views:\n  - name: a\n    listen: [\"127.0.0.1\"]\n",
			`lab.yaml:3:14: views[0].listen[0]: view "a": address "127.0.0.1" is not ip:port, such as 127.0.0.1:53`},
		{"client", head + "    clients: [10.0.0.0/8, 10.1.1.1]\n",
			`lab.yaml:4:27: views[0].clients[1]: "10.1.1.1" is not a network, such as 203.0.113.0/24`},
		{"delay-without-unit", behaviour + "        delay: 3\n",
			`lab.yaml:6:16: views[0].behaviours[0].delay: "3" is not a duration, such as 3s or 250ms`},
		{"delay-negative", behaviour + "        delay: -3s\n",
			`lab.yaml:6:16: views[0].behaviours[0].delay: view "a": behaviour for "meet.contoso.example": delay -3s is negative`},
		{"rcode", behaviour + "        rcode: SERVERFAIL\n",
			`lab.yaml:6:16: views[0].behaviours[0].rcode: view "a": behaviour for "meet.contoso.example": ` +
				`unknown response code "SERVERFAIL" (known are NXDOMAIN, SERVFAIL, REFUSED …)`},
		{"zone-text", zone + "        text: |\n          a A 192.0.2.1\n          b A nonsense\n",
			`lab.yaml:6:15: views[0].zones[0].text: view "a": zone contoso.example: line 2: bad A A: "nonsense"`},
		{"zone-record", zone + "        records:\n          - a A 192.0.2.1\n          - b AAAA 192.0.2.1\n",
			`lab.yaml:8:13: views[0].zones[0].records[1]: view "a": zone contoso.example: record "b AAAA 192.0.2.1": ` +
				`bad AAAA AAAA: "192.0.2.1"`},
		{"zone-file-and-text", zone + "        file: testdata/config/zones/contoso.zone\n        text: a A 192.0.2.1\n",
			`lab.yaml:6:15: views[0].zones[0].file: zone contoso.example has a file and a text; one is wanted`},
		{"zone-file-broken", zone + "        file: testdata/config/zones/broken.zone\n",
			`lab.yaml:6:15: views[0].zones[0].file: view "a": zone contoso.example: ` + zonePath("broken.zone") +
				`:3:20: not a TTL: "CNAMEE"`},
		{"zone-file-is-a-folder", zone + "        file: testdata/config/zones\n",
			`lab.yaml:6:15: views[0].zones[0].file: zone contoso.example: ` + zonePath("") + ` is not a file`},
		{"no-address", "views:\n  - name: a\n", `lab.yaml:2:9: views[0]: view "a": no address to listen at`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := dns.LoadConfig("lab.yaml", []byte(tt.data))
			if err == nil {
				t.Fatal("it was taken")
			}
			if err.Error() != tt.want {
				t.Errorf("error = %s\n       want %s", err, tt.want)
			}
		})
	}
	t.Run("zone-file-missing", func(t *testing.T) {
		t.Parallel()
		_, err := dns.LoadConfig("lab.yaml", []byte(zone+"        file: nowhere.zone\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "lab.yaml:6:15: views[0].zones[0].file: zone contoso.example: ") ||
			!os.IsNotExist(unwrapAll(err)) {
			t.Errorf("error = %v, want the place and that the file is missing", err)
		}
	})
}

func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if _, isPath := err.(*os.PathError); !ok || isPath {
			return err
		}
		err = inner.Unwrap()
	}
}

func FuzzLoadConfig(f *testing.F) {
	files, _ := filepath.Glob("testdata/config/*.yaml")
	if len(files) == 0 {
		f.Fatal("no seeds: was testdata moved?")
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add("views: [{name: a, listen: [\"127.0.0.1:53\"], zones: [{name: ., records: [\"* A 192.0.2.1\"]}]}]")
	f.Add("views: [{name: a, listen: [\"127.0.0.1:53\"], behaviours: [{name: \"*\", rcode: SERVFAIL, delay: 1s}]}]")
	f.Add("views:\n- &v {name: a, listen: [\"127.0.0.1:0\"]}\n- *v\n")
	f.Fuzz(func(t *testing.T, data string) {
		if strings.Contains(data, "$GENERATE") || strings.Contains(data, "file") {
			t.Skip("slow, or reads what is not ours")
		}
		cfg, err := dns.LoadConfig("fuzz.yaml", []byte(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzz.yaml:") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		if len(cfg.Views) == 0 || len(cfg.Views[0].Addrs) == 0 {
			t.Errorf("%+v was taken for a configuration", cfg)
		}
	})
}
