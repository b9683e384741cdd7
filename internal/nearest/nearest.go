// Package nearest guesses the word that somebody meant.
//
//	nearest.Word("dns.lyncdiscover-mising", ids) // "dns.lyncdiscover-missing"
package nearest

import (
	"fmt"
	"strings"
)

// Word is the word of known that is most likely meant by word, or empty when none is like it: the one with the
// fewest letters changed, at most a third of them or two; else the first that contains it.
func Word(word string, known []string) string {
	if word == "" {
		return ""
	}
	lower := strings.ToLower(word)
	best, least := "", max(2, len(word)/3)+1
	var within []string
	for _, k := range known {
		kl := strings.ToLower(k)
		if d := distance(lower, kl, least); d < least {
			best, least = k, d
		}
		if len(lower) > 2 && strings.Contains(kl, lower) {
			within = append(within, k)
		}
	}
	if best == "" && len(within) > 0 {
		return within[0]
	}
	return best
}

// Hint is " (did you mean …?)" with the Word, or empty when there is none.
func Hint(word string, known []string) string {
	if w := Word(word, known); w != "" {
		return fmt.Sprintf(" (did you mean %q?)", w)
	}
	return ""
}

// distance is how many letters must be changed, added, removed or swapped with their neighbour to make b of a. It
// gives up at limit and returns that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
