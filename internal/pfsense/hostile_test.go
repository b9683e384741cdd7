package pfsense

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// What is no backup, or one that means harm, ends in one line that says so, soon and without much memory.
func TestHostileFiles(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "it is no XML"},
		{"binary", strings.Repeat("\x00\x01\xfe", 1000), "it is no XML"},
		{"compressed", "\x1f\x8b\x08\x00", "it is compressed"},
		{"encrypted", "---- BEGIN config.xml ----\nabc", "it is encrypted"},
		{"another file", "<html></html>", "it is no backup of a pfSense firewall"},
		{"another firewall", "<opnsense></opnsense>", "OPNsense"},
		{"cut off", "<pfsense>\n<version>1</version>\n<system>", "line 3: not well-formed"},
		{"two documents", "<pfsense></pfsense>\n<pfsense></pfsense>", "line 2: a second document"},
		{"entities", `<!DOCTYPE x [<!ENTITY a "b">]><pfsense>&a;</pfsense>`, "it declares entities"},
		{"deep", "<pfsense>" + strings.Repeat("<system>", 1e6), "nested more than 64 deep"},
		{"wide", "<pfsense><cert>" + strings.Repeat("<a/>", 1e6) + "</cert></pfsense>", "more than 500000 elements"},
		{"a long tag", "<pfsense " + strings.Repeat(`a="" `, 1e6) + "></pfsense>", "a tag that does not end"},
		{"large", "<pfsense>" + strings.Repeat(" ", maxSize), "larger than 64 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			started := time.Now()
			_, err := Parse("config.xml", []byte(c.data))
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if spent := time.Since(started); spent > 20*time.Second {
				t.Errorf("it took %v", spent)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
				t.Errorf("it took %d MiB", used>>20)
			}
		})
	}
}

// What is odd and harmless is read.
func TestOddBackupsAreRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"named characters":   "<pfsense><system><hostname>B&uuml;ro</hostname></system></pfsense>",
		"control characters": "<pfsense><system><hostname>a\x01b</hostname></system></pfsense>",
		"bytes of no code":   "<pfsense><system><hostname>a\xfcb</hostname></system></pfsense>",
		"blanks before":      "\r\n  <?xml version=\"1.0\"?><pfsense/>",
		"self-closed":        "<pfsense/>",
	} {
		if _, err := Parse(name, []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"squid-right.xml", "squid-recipe.xml", "squid31-migrated.xml", "oldest-squid.xml", "haproxy-right.xml", "haproxy-legacy.xml", "haproxy-15.xml", "minimal.xml"} {
		f.Add([]byte(readText(f, name)))
	}
	f.Fuzz(func(t *testing.T, data []byte) { said(data) })
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{`^https?://lyncdiscover\.contoso\.example/.*$`, `^(http|https)://[a-z]+\.x\.example`, `[^]]a{2,3}\<`, `*.x`} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		p := squidPattern(text)
		p.matches("https://lyncdiscover.contoso.example/")
		haproxyPattern(text, false).matches("lyncdiscover.contoso.example")
	})
}
