package grid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"lyncpin/internal/export"
	"lyncpin/internal/peer"
)

func TestCasesAreWellMade(t *testing.T) {
	t.Parallel()
	all := Cases()
	if len(all) < 150 {
		t.Errorf("%d cases: were some lost?", len(all))
	}
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	ids := map[string]bool{}
	for _, c := range all {
		switch {
		case !name.MatchString(c.ID):
			t.Errorf("%q is no ID", c.ID)
		case ids[c.ID]:
			t.Errorf("%s is there twice", c.ID)
		case c.Title == "" || c.Why == "" || c.Group == "":
			t.Errorf("%s lacks a title, a reason or a group", c.ID)
		case (c.Expect == "") != (c.Fine == nil):
			t.Errorf("%s says what is expected in words or in verdicts, not both", c.ID)
		case len(c.Steps) == 0 || len(c.Steps) > hiddenStep:
			t.Errorf("%s has %d steps", c.ID, len(c.Steps))
		}
		ids[c.ID] = true
		for i, s := range c.Steps {
			var text string
			for _, p := range s.Send {
				text += tagged(p.Text, c.ID, i)
			}
			tag := tagPattern.FindStringSubmatch(text)
			if tag == nil || tag[1] != c.ID || tag[2] != fmt.Sprint(i) {
				t.Errorf("%s: step %d is tagged %q", c.ID, i, tag)
			}
			if strings.Contains(text, "{") && regexp.MustCompile(`\{(tag|inner|id|length|more)\}`).MatchString(text) {
				t.Errorf("%s: a placeholder is left in %q", c.ID, shorten([]byte(text)))
			}
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for glob, least := range map[string]int{"url-*": 20, "smuggling": 30, "border": 20, "ntlm": 1} {
		got, err := Select([]string{glob})
		if err != nil || len(got) < least {
			t.Errorf("%s: %d cases, %v", glob, len(got), err)
		}
	}
	if _, err := Select([]string{"nothing-*"}); err == nil {
		t.Error("a glob that fits nothing is no error")
	}
	if _, err := Select([]string{"[a"}); err == nil {
		t.Error("a broken glob is no error")
	}
}

// cell is that of a proxy in the row of a case.
func (r *Result) cell(t *testing.T, id, proxy string) *Cell {
	t.Helper()
	for i := range r.Requests {
		for j := range r.Requests[i].Cells {
			if c := &r.Requests[i].Cells[j]; r.Requests[i].ID == id && c.Proxy == proxy {
				return c
			}
		}
	}
	t.Fatalf("no cell %s of %s", id, proxy)
	return nil
}

// runInParts runs a grid in several side by side: in one, requests that have to be alone wait for one another. A part of them is enough
// with -short.
func runInParts(t *testing.T, proxy string) *Result {
	t.Helper()
	opts := Options{}
	if testing.Short() {
		opts.Requests = []string{"url", "log-on"}
	}
	cases, err := Select(opts.Requests)
	if err != nil {
		t.Fatal(err)
	}
	const parts = 5
	results, errs := make([]*Result, parts), make([]error, parts)
	var running sync.WaitGroup
	for p := range parts {
		var ids []string
		for i := p; i < len(cases); i += parts {
			ids = append(ids, cases[i].ID)
		}
		running.Go(func() { results[p], errs[p] = Run(t.Context(), Options{Proxies: []string{proxy}, Requests: ids}) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	res, has := *results[0], map[string]bool{}
	res.Requests = nil
	for _, part := range results {
		for _, row := range part.Requests {
			if !has[row.ID] { // an ID that is a group's name, too, stands for all of that
				res.Requests, has[row.ID] = append(res.Requests, row), true
			}
		}
	}
	if len(res.Requests) != len(cases) {
		t.Fatalf("%d requests were sent, want %d", len(res.Requests), len(cases))
	}
	return &res
}

func TestOurs(t *testing.T) {
	t.Parallel()
	res := runInParts(t, Ours)
	for _, row := range res.Requests {
		c := row.Cells[1]
		if c.Verdict == Unsafe || c.Verdict == Broken || c.Expected == Unexpected {
			t.Errorf("%s: %s %q\nreceived %v\ngot %v", row.ID, c.Verdict, c.Says, c.Received, c.Got)
		}
	}
	if res.Bad(Ours) || res.Bad(Direct) {
		t.Error("ours is bad")
	}
	var text, doc, html bytes.Buffer
	if err := res.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := res.JSON(&doc); err != nil {
		t.Fatal(err)
	}
	if err := res.HTML(&html); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^url-escaped-slash +200 +same$`).Match(text.Bytes()) {
		t.Errorf("no line of url-escaped-slash in\n%s", text.String())
	}
	var again Result
	if err := json.Unmarshal(doc.Bytes(), &again); err != nil || again.Schema != Schema || len(again.Requests) != len(res.Requests) {
		t.Errorf("JSON does not come back: %v", err)
	}
	if bytes.Contains(doc.Bytes(), []byte("null")) {
		t.Error("JSON holds null")
	}
	if got := html.String(); strings.Count(got, "<section") != len(res.Requests) || regexp.MustCompile(`<[a-z]+ [^>]*(src|href)=`).MatchString(got) || strings.Contains(got, "url(") {
		t.Error("the page lacks rows or asks for something else")
	}
}

func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const evil = `</pre><script>alert("x")</script>`
	res := &Result{Proxies: []Column{{Name: Direct, Version: evil, RequestHabits: []string{evil}}}, Requests: []Row{{ID: "x", Title: evil, Sent: []string{evil},
		Cells: []Cell{{Proxy: Ours, Verdict: Same, Says: []string{evil}, Received: []Received{{Head: evil}}, Got: []Got{{Bytes: evil}}}}}}}
	var html bytes.Buffer
	if err := res.HTML(&html); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(html.String(), "<script>alert") {
		t.Error("bytes of a proxy are not escaped")
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Run(t.Context(), Options{Proxies: []string{"ngnix"}}); err == nil || !strings.Contains(err.Error(), `"ngnix"`) {
		t.Errorf("an unknown proxy: %v", err)
	}
	if _, err := Run(t.Context(), Options{Requests: []string{"nothing"}}); err == nil {
		t.Error("a glob that fits nothing is no error")
	}
}

// fact is what a product does: the verdict, and what is said among other things. An empty one is not looked at.
type fact struct{ id, verdict, says string }

// facts are what docs/products.md says. Most were measured by other means before there was a grid.
var facts = map[string][]fact{
	export.Nginx: {
		{"border-trailer-length", Differs, "drops trailer fields"}, {"border-101-unasked", Same, ""}, {"border-extra-later", Differs, "1 answers"},
		{"forwarded-for", Differs, "appends to X-Forwarded-For: 127.0.0.1"},
		{"hop-by-hop", "", "drops Keep-Alive"},
		{"url-double-slash", Same, ""},
		{"url-escaped-slash", Same, ""},
		{"chunks-in-time", Same, ""},
		{"poll-left", Same, ""},
		{"expect-100", Differs, "drops Expect"},
		{"ntlm", Broken, "no log-on"}, {"ntlm-leak", Same, ""},
		{"underscore", Differs, "drops X_Ms_Test"},
		{"length-and-chunked", Refused, "400"},
	},
	export.NginxStream: {
		{"forwarded-for", Same, ""},
		{"host-unknown", Same, ""},
		{"ntlm", Same, ""}, {"ntlm-leak", Same, ""}, {"ntlm-two", Same, ""},
		{"chunks-in-time", Same, ""},
	},
	export.HAProxy: {
		{"border-version-2", Differs, "HTTP/2.0 becomes HTTP/1.1"}, {"border-expect-odd", Same, ""},
		{"forwarded-for", Differs, "adds another field X-Forwarded-For: 127.0.0.1"},
		{"hop-by-hop", "", ""},
		{"url-double-slash", Same, ""},
		{"url-escaped-slash", Same, ""},
		{"chunks-in-time", Same, ""},
		{"poll-left", Same, ""},
		{"ntlm", Same, ""}, {"ntlm-leak", Same, ""}, {"ntlm-two", Same, ""},
		{"expect-100", Same, ""},
	},
	export.Squid: {
		{"border-204-body", Same, ""}, {"border-expect-odd", Refused, "417"}, {"border-extra-later", Differs, "1 answers"},
		{"forwarded-for", Differs, "appends to X-Forwarded-For: 127.0.0.1"},
		{"hop-by-hop", "", "drops X-Hop"},
		{"url-escaped-slash", Same, ""},
		{"chunks-in-time", Same, ""},
		{"cache", Same, ""},
		{"poll-left", Same, ""},
		{"ntlm", Same, ""}, {"ntlm-leak", Same, ""}, {"ntlm-two", Same, ""},
	},
	export.Apache: {
		{"border-last-chunk-lf", Refused, "400"}, {"border-version-2", Differs, "HTTP/2.0 becomes HTTP/1.1"},
		{"forwarded-for", Differs, "appends to X-Forwarded-For: 127.0.0.1"},
		{"hop-by-hop", "", "drops X-Hop"},
		{"chunks-in-time", Same, ""},
		{"body-chunked", Differs, "body: chunked becomes of known length"},
		{"ntlm", Broken, "no log-on"}, {"ntlm-leak", Same, ""},
		{"poll-left", Broken, "never notices"},
		{"url-double-slash", Same, ""},
		{"accept", Differs, "joins the fields Accept"},
	},
	export.Caddy: {
		{"border-chunk-sign", Refused, "502"}, {"border-trailer-announced", Refused, "400"},
		{"forwarded-for", Differs, "X-Forwarded-For: 192.0.2.99 becomes 127.0.0.1"},
		{"hop-by-hop", "", "drops X-Hop"},
		{"url-escaped-slash", Same, ""},
		{"chunks-in-time", Same, ""},
		{"poll-left", Same, ""},
		{"ntlm", Broken, "no log-on"}, {"ntlm-leak", Same, ""},
	},
}

func TestProducts(t *testing.T) {
	t.Parallel()
	for product, list := range facts {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			if !slices.Contains(export.Products(), product) {
				t.Skipf("no configuration is written for %s", product)
			}
			if _, err := peer.Find(product); err != nil {
				if os.Getenv("LYNCPIN_REQUIRE_PEERS") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			ids := make([]string, len(list))
			for i, f := range list {
				ids[i] = f.id
			}
			res, err := Run(t.Context(), Options{Proxies: []string{product}, Requests: ids})
			if err != nil {
				t.Fatal(err)
			}
			if res.Proxies[1].Version == "" {
				t.Error("no version")
			}
			for _, f := range list {
				c := res.cell(t, f.id, product)
				if f.verdict != "" && c.Verdict != f.verdict || !strings.Contains(strings.Join(c.Says, "; "), f.says) {
					t.Errorf("%s: %s %q, want %s %q\nreceived %v\ngot %v", f.id, c.Verdict, c.Says, f.verdict, f.says, c.Received, c.Got)
				}
			}
		})
	}
}
