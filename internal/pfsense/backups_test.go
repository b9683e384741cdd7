package pfsense

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lyncpin/internal/pki"
)

// issued is the time at which the certificates of the tests are issued, and noon of the day of the checks.
var issued = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// certificates are what the words between @ in the files of testdata stand for, in base64 as the certificate manager stores them.
func certificates(t testing.TB) map[string]string {
	t.Helper()
	authority, err := pki.New(issued)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"lyncweb-ext.contoso.example", "lyncdiscover.contoso.example", "lyncdiscover.fabrikam.example",
		"meet.contoso.example", "meet.fabrikam.example", "dialin.contoso.example"}
	out := map[string]string{"umlaut": "\xfc"} // in iso-8859-1
	for word, spec := range map[string]pki.Spec{
		"good":    {Names: names, Issuer: pki.Public},
		"expired": {Names: names, Issuer: pki.Public, Starts: -400 * 24 * time.Hour, Ends: -24 * time.Hour},
		"short":   {Names: names[:1], Issuer: pki.Public},
		"self":    {Names: names, Issuer: pki.Self},
	} {
		issued, err := authority.Issue(spec)
		if err != nil {
			t.Fatal(err)
		}
		key, err := pki.KeyPEM(issued)
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.StdEncoding.EncodeToString
		out[word] = encode(pki.LeafPEM(issued))
		if word == "good" {
			out["key"], out["intermediate"], out["chain"] = encode(key), encode(pki.ChainPEM(issued)), encode(pki.FullChainPEM(issued))
			out["root"] = encode(authority.RootPEM(pki.Public))
		}
	}
	return out
}

// backup reads a file of testdata and puts certificates in.
func backup(t testing.TB, name string) []byte {
	t.Helper()
	return filled(t, readText(t, name))
}

func readText(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func filled(t testing.TB, text string) []byte {
	t.Helper()
	for word, value := range certificates(t) {
		text = strings.ReplaceAll(text, "@"+word+"@", value)
	}
	return []byte(text)
}
