package main

import (
	"fmt"
	"slices"
	"strings"
)

// names are the words of things that have one.
func names[T any](things []T, name func(T) string) []string {
	out := make([]string, len(things))
	for i, thing := range things {
		out[i] = name(thing)
	}
	return out
}

// known refuses words that nothing has.
func known(flag string, words, all []string) error {
	for _, word := range words {
		if !slices.Contains(all, word) {
			return fmt.Errorf("%s: unknown word %q (known are %s)", flag, word, strings.Join(all, ", "))
		}
	}
	return nil
}
