package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// outcomeOf is a run in which ours needed so much, and nginx 20, 10 and 30.
func outcomeOf(figures ...figure) *result {
	return &result{Rounds: 3, Peers: []*entry{
		{Name: ours, Figures: map[string][]figure{"get": figures}},
		{Name: "nginx", Figures: map[string][]figure{"get": {20, 10, 30}}, Checks: []checked{{Name: "NTLM leaks", Error: "x", fault: "leaks identities"}}},
		{Name: "caddy", Missing: "caddy is not installed"},
	}}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	none := figure(missing)
	for _, c := range []struct {
		name    string
		figures []figure
		want    bool
	}{
		{"reached", []figure{18, 12, 30}, true},
		{"by the second digit", []figure{20.08, 10.04, 30.12}, true},
		{"missed", []figure{20.2, 10.1, 30.3}, false},
		{"a bad round", []figure{18, 12, 90}, false},
		{"a bad round of three", []figure{18, 9, 90}, true},
		{"not measured", []figure{none, none, none}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := outcomeOf(c.figures...)
			if got := r.good(); got != c.want {
				t.Errorf("good is %t, want %t: %+v", got, c.want, r.judged())
			}
		})
	}
	r := outcomeOf(18, 9, 27)
	r.peer(ours).Checks = []checked{{Name: "Expect", Error: "417 in place of 100"}}
	if r.good() {
		t.Error("a failed check of ours is good")
	}
	r = outcomeOf(40, 40, 40)
	r.quick = true
	if !r.good() {
		t.Error("a quick run judged a goal")
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	outcomeOf(18, 9, 30).write(&b)
	for _, want := range []string{
		"caddy takes no part: caddy is not installed",
		"CPU per small GET, 64 connections",
		"nginx", "0.90", "(0.90–1.00)", "(10–30)", "but: leaks identities",
		"get  nginx    1.00     0.90       reached",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "RSA") {
		t.Errorf("what was not measured has a table:\n%s", b.String())
	}
}

func TestMissingFiguresAreNull(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal([]figure{1.234, figure(missing)})
	if err != nil || string(text) != "[1.23,null]" {
		t.Errorf("got %s (%v)", text, err)
	}
}
