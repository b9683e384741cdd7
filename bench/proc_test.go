package main

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Lines as the kernel writes them, proc_pid_stat(5): the name stands in parentheses and may hold some.
const (
	master = "4211 (nginx) S 1 4211 4200 34816 4200 4194560 500 900 0 0 7 3 20 10 20 0 1 0 4711 11333632 300 18446744073709551615\n"
	worker = "4212 (x) R 0 (y) R 4211 4211 4200 34816 4200 4194560 500 900 0 0 150 250 0 0 20 0 1 0 4711 11333632 300 18446744073709551615\n"
	other  = "9000 (squid) S 1 9000 9000 0 -1 4194560 500 900 0 0 99 99 0 0 20 0 1 0 4711 11333632 300 18446744073709551615\n"
)

func TestGroup(t *testing.T) {
	t.Parallel()
	proc := fstest.MapFS{
		"4211/stat": {Data: []byte(master)}, "4212/stat": {Data: []byte(worker)}, "9000/stat": {Data: []byte(other)},
		"self/stat": {Data: []byte(other)}, "uptime": {Data: []byte("1 2")},
	}
	dirs, used, err := group(proc, 4211)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"4211", "4212"}, dirs); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	// 40 ticks of the first and of its children that have ended, 400 of the second.
	if want := 4400 * time.Millisecond; used != want {
		t.Errorf("used %v, want %v", used, want)
	}
	if _, _, err := group(proc, 4212); err == nil {
		t.Error("a group that has no process was found")
	}
}

func TestParseStatRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "4211 (nginx) S 1", "4211 (nginx) S 1 x 4200 34816 4200 4194560 500 900 0 0 7 3 20 10 20 0",
		"4211 (nginx) S 1 4211 4200 34816 4200 4194560 500 900 0 0 7 3 20 ten 20 0"} {
		if s, err := parseStat(text); err == nil {
			t.Errorf("%q was read as %+v", text, s)
		}
	}
}

func TestParsePSS(t *testing.T) {
	t.Parallel()
	const rollup = "55d0c4a4d000-7ffe5b9f2000 ---p 00000000 00:00 0    [rollup]\nRss:   9000 kB\nPss:                1234 kB\nPss_Dirty:    100 kB\n"
	got, err := parsePSS(rollup)
	if err != nil || got != 1234<<10 {
		t.Errorf("got %d bytes (%v), want %d", got, err, 1234<<10)
	}
	for _, text := range []string{"", "Rss: 5 kB\n", "Pss: many kB\n"} {
		if _, err := parsePSS(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
