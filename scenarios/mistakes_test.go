package scenarios_test

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/internal/peer"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// peers has all mistakes run. Without it, and without LYNCPIN_REQUIRE_PEERS, the first of each product is: all of them take as long as
// the rest of this package.
var peers = flag.Bool("peers", false, "run all mistakes of installed products")

// leastMistakes is how many mistakes, near misses left out, a product has. TLS in nginx's stream {} knows nothing of requests, so
// that few can be made with it.
func leastMistakes(product string) int {
	if product == "nginx-stream" {
		return 6
	}
	return 15
}

// need skips where a product is missing, and fails where it must be there.
func need(t *testing.T, product string) {
	t.Helper()
	_, err := peer.Find(product)
	_, missing := errors.AsType[*peer.MissingError](err)
	switch {
	case missing && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// Each mistake is diagnosed through the product itself, and each near miss is not. All products are run at once, as many labs at a
// time as the machine bears, and beside no other test: many hold polls, and time runs fast.
func TestMistakes(t *testing.T) {
	var list []scenarios.Scenario
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			need(t, product)
			all := scenarios.Mistakes(product)
			if !*peers && os.Getenv("LYNCPIN_REQUIRE_PEERS") == "" {
				all = all[:1]
			}
			list = append(list, all...)
		})
	}
	for _, r := range scenarios.Run(t.Context(), list, scenarios.Options{}) {
		if !r.OK || len(r.Want) > 0 && (len(r.Found) == 0 || r.Found[0] != r.Want[0]) {
			t.Errorf("%s: found %v, want %v first: %s\n%s", r.ID, r.Found, r.Want, r.Problem, r.ProxyLog)
		}
	}
}

// Each product has enough mistakes, each with a name and a title of its own, and shows how each is undone.
func TestMistakesAreWhole(t *testing.T) {
	t.Parallel()
	for _, product := range peer.Products() {
		t.Run(product, func(t *testing.T) {
			t.Parallel()
			list := scenarios.Mistakes(product)
			names, titles, wrong := map[string]bool{}, map[string]bool{}, 0
			for _, s := range list {
				if names[s.ID] || titles[s.Title] || s.Title == "" {
					t.Errorf("%s (%q) is not alone in its name or title", s.ID, s.Title)
				}
				names[s.ID], titles[s.Title] = true, true
				if len(s.Want) == 0 {
					continue
				}
				wrong++
				if !hasSettings(product, s.Want[0]) {
					t.Errorf("%s: the remedy of %s shows nothing for %s", s.ID, s.Want[0], product)
				}
			}
			if least := leastMistakes(product); wrong < least {
				t.Errorf("%d mistakes, want %d at least", wrong, least)
			}
		})
	}
}

// hasSettings tells whether a remedy is narrowed to the product's own settings.
func hasSettings(product string, id probe.ID) bool {
	return slices.ContainsFunc(failure.RulesFor(product), func(r probe.Rule) bool {
		return r.ID == id && len(r.Settings) == 1 && strings.Contains(product, strings.ToLower(r.Settings[0].Product))
	})
}
