package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"lyncpin/internal/golden"
	"lyncpin/internal/render"
	"lyncpin/probe"
)

func ExampleText() {
	rep := &probe.Report{
		Verdict: probe.VerdictFound, Summary: "The discovery name does not exist outside: lyncdiscover.contoso.example is not in the zone.",
		Findings: []probe.Finding{{
			ID: "dns.lyncdiscover-missing", Severity: probe.Critical, Title: "the discovery name does not exist outside",
			Cause: "the external zone has no record for it", Remedy: "add the record and point it at the reverse proxy",
			Evidence: []probe.Evidence{{Vantage: probe.External, Text: "lyncdiscover.contoso.example has no address"}},
		}},
	}
	if err := render.Text(os.Stdout, rep, render.Options{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// The discovery name does not exist outside: lyncdiscover.contoso.example is not in the zone.
	//
	// CRITICAL  The discovery name does not exist outside [dns.lyncdiscover-missing]
	//   Seen    external: lyncdiscover.contoso.example has no address
	//   Cause   the external zone has no record for it
	//   Fix     add the record and point it at the reverse proxy
}

func ExampleSettings() {
	err := render.Settings(os.Stdout, []probe.Setting{
		{Product: "pfSense", Text: "System > Advanced > Firewall & NAT: NAT reflection Pure NAT; or a host override of the external names."},
		{Product: "HAProxy", Text: "server fe1 10.10.10.11:4443 ssl verify required ca-file enterprise-root.pem sni str(fe1.contoso.example)"},
		{Product: "nginx", Text: "proxy_ssl_verify on; proxy_ssl_trusted_certificate enterprise-root.pem; proxy_ssl_server_name on;"},
		{Product: "IIS ARR", Text: "URL rewrite rule with the condition {HTTP_HOST} = HOST, which leads to the server farm."},
		{Product: "others", Text: "open the zone in the control panel of your provider and add a record of the type A"},
	}, 2, render.Options{Width: 60})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	//   pfSense: System > Advanced > Firewall & NAT: NAT
	//            reflection Pure NAT; or a host override of the
	//            external names.
	//   HAProxy: server fe1 10.10.10.11:4443 ssl verify required ca-file enterprise-root.pem sni str(fe1.contoso.example)
	//   nginx: proxy_ssl_verify on; proxy_ssl_trusted_certificate enterprise-root.pem; proxy_ssl_server_name on;
	//   IIS ARR: URL rewrite rule with the condition {HTTP_HOST} =
	//            HOST, which leads to the server farm.
	//   others: open the zone in the control panel of your
	//           provider and add a record of the type A
}

func ExampleJUnit() {
	err := render.JUnit(os.Stdout, []render.Case{
		{Suite: "dns", Name: "no-record", Duration: 20 * time.Millisecond},
		{Suite: "dns", Name: "servfail", Failure: "got clear, want found\nsee the report"},
		{Suite: "dns", Name: "elsewhere", Skipped: "the product cannot do it"},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <testsuites tests="3" failures="1" errors="0" time="0.020">
	//   <testsuite name="dns" tests="3" failures="1" errors="0" skipped="1" time="0.020">
	//     <testcase classname="dns" name="no-record" time="0.020"></testcase>
	//     <testcase classname="dns" name="servfail" time="0.000">
	//       <failure message="got clear, want found" type="failure">got clear, want found&#xA;see the report</failure>
	//     </testcase>
	//     <testcase classname="dns" name="elsewhere" time="0.000">
	//       <skipped message="the product cannot do it"></skipped>
	//     </testcase>
	//   </testsuite>
	// </testsuites>
}

// reports are the hand-written reports of testdata, by file name.
func reports(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reports: was testdata moved? (%v)", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	}
	return out
}

func parse(t testing.TB, text []byte) *probe.Report {
	t.Helper()
	rep := &probe.Report{}
	if err := json.Unmarshal(text, rep); err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestText(t *testing.T) {
	t.Parallel()
	options := map[string]render.Options{
		"":         {},
		"-verbose": {Verbose: true},
		"-narrow":  {Width: 60},
		"-color":   {Color: true},
	}
	for name, text := range reports(t) {
		for suffix, opts := range options {
			t.Run(name+suffix, func(t *testing.T) {
				t.Parallel()
				var got bytes.Buffer
				if err := render.Text(&got, parse(t, text), opts); err != nil {
					t.Fatal(err)
				}
				golden.Compare(t, "testdata/"+name+suffix+".txt", got.Bytes())
				checkPrintable(t, got.String(), opts.Color)
			})
		}
	}
}

func TestAClearReportIsShort(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := render.Text(&got, parse(t, reports(t)["clear"]), render.Options{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got.String(), "\n"); n > 6 {
		t.Errorf("a clear report has %d lines, want at most 6:\n%s", n, &got)
	}
}

// ours are the only escapes that Text may write.
var ours = strings.NewReplacer("\x1b[1m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "")

func checkPrintable(t *testing.T, text string, color bool) {
	t.Helper()
	if color {
		text = ours.Replace(text)
	}
	for i, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%q at byte %d of %q", r, i, text)
		}
	}
}

func TestJSONIsTheReport(t *testing.T) {
	t.Parallel()
	for name, want := range reports(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := parse(t, want)
			var got bytes.Buffer
			if err := render.JSON(&got, rep); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/"+name+".json", got.Bytes())
			checkPrintable(t, got.String(), false)
		})
	}
}

func TestJSONHasNoNullLists(t *testing.T) {
	t.Parallel()
	rep := &probe.Report{Findings: []probe.Finding{{Severity: probe.Low}}}
	var got bytes.Buffer
	if err := render.JSON(&got, rep); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.String(), "null") {
		t.Errorf("null in %s", &got)
	}
	if rep.Findings[0].Evidence != nil || rep.Steps != nil {
		t.Error("JSON changed the report")
	}
	if !strings.HasSuffix(got.String(), "}\n") {
		t.Errorf("got %q at the end, want a newline", got.String()[got.Len()-3:])
	}
}

func TestJUnitIsXML(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	err := render.JUnit(&got, []render.Case{
		{Suite: "b\x00", Name: `<"&'>`, Failure: "\x1b[31mred\x1b[0m\r\nsecond ]]> line", Output: "tab\tand \u009b and \xff"},
		{Suite: "a", Name: "one"}, {Suite: "b\x00", Name: "two", Duration: 1500 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "testdata/junit.xml", got.Bytes())
	for d := xml.NewDecoder(&got); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// failing is a writer that is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWritersReportErrors(t *testing.T) {
	t.Parallel()
	rep := &probe.Report{Summary: "x"}
	for name, err := range map[string]error{
		"text": render.Text(failing{}, rep, render.Options{}), "json": render.JSON(failing{}, rep), "junit": render.JUnit(failing{}, nil),
		"settings": render.Settings(failing{}, nil, 0, render.Options{}),
	} {
		if !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: error = %v, want that of the writer", name, err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("\x1b[31m", "\u009b2J\r\n", "a b c", 10)
	f.Add("\u202e", "\xff\xfe", strings.Repeat("x", 300), -1)
	f.Add("dns.a", "dns.a", "\t;{", 100)
	f.Fuzz(func(t *testing.T, a, b, c string, width int) {
		step := probe.Step{ID: a, Name: b, State: c, Detail: a, Curl: b, Milliseconds: float64(width), Steps: []probe.Step{
			{ID: b, Name: a, State: probe.Failed, Detail: c}, {Name: c, State: probe.NotTried, Detail: a}, {Name: a, State: probe.NotTried, Detail: a},
		}}
		rep := &probe.Report{
			Verdict: c, Summary: a, Notes: []string{b}, Undecided: []probe.Undecided{{ID: probe.ID(b), Why: c}}, Steps: []probe.Step{step},
			Findings: []probe.Finding{
				{ID: probe.ID(a), Severity: probe.Severity(width), Title: b, Cause: c, Remedy: a + "\n" + b, BecauseOf: probe.ID(b),
					Evidence: []probe.Evidence{{Vantage: b, Text: c, Step: a}}, Settings: []probe.Setting{{Product: c, Text: b}, {Product: b, Text: a}}},
				{ID: probe.ID(b), Title: a, BecauseOf: probe.ID(a)},
			},
		}
		for _, opts := range []render.Options{{Width: width}, {Width: width, Verbose: true}, {Color: true, Verbose: true}} {
			var got bytes.Buffer
			if err := render.Text(&got, rep, opts); err != nil {
				t.Fatal(err)
			}
			checkPrintable(t, got.String(), opts.Color)
		}
	})
}
