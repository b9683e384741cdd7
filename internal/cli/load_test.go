package cli

import (
	"errors"
	"strings"
	"testing"
)

func TestDescriptorsOfALoad(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		clients, limit int
		opts           loadOptions
		enough         bool
	}{
		{100, 1024, loadOptions{proxy: noProxy}, true},
		{1000, 1024, loadOptions{proxy: noProxy}, false},
		{10_000, 20_000, loadOptions{proxy: noProxy}, true},
		{10_000, 20_000, loadOptions{bench: "bench.yaml"}, true},
		{10_000, 20_000, loadOptions{proxy: "nginx"}, false}, // it has two for each
		{5_000, 20_000, loadOptions{}, true},
		{10_000, 20_000, loadOptions{}, false},
	} {
		err := enoughDescriptors(tc.clients, tc.opts.inOneProcess(), tc.limit)
		if (err == nil) != tc.enough || err != nil && !strings.Contains(err.Error(), "open files in one process, and the limit is ") {
			t.Errorf("%d clients, proxy %q, limit %d: %v, want enough %t", tc.clients, tc.opts.proxy, tc.limit, err, tc.enough)
		}
	}
}

func TestLastWordsOfALab(t *testing.T) {
	t.Parallel()
	err := lastWords("lyncpin: nginx is not installed\nhint: install it\n")
	h, ok := errors.AsType[*hinted](err)
	if err.Error() != "nginx is not installed" || !ok || h.hint != "install it" {
		t.Errorf("%q, want the error and its hint apart", err)
	}
	if err := lastWords("lyncpin: no room\n"); err.Error() != "no room" {
		t.Errorf("%q, want what it said", err)
	}
}
