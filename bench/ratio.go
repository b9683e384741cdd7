package main

import (
	"math"
	"slices"
)

// spread is the median of some figures, with the least and the most.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Rounds are as many as count.
	Rounds int `json:"rounds"`
}

// missing stands in a round for a figure that there is none of.
var missing = math.NaN()

// spreadOf leaves out what is missing. The median of an even number of figures lies between the two in the middle.
func spreadOf(figures []float64) spread {
	var there []float64
	for _, f := range figures {
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			there = append(there, f)
		}
	}
	n := len(there)
	if n == 0 {
		return spread{}
	}
	slices.Sort(there)
	return spread{Median: (there[(n-1)/2] + there[n/2]) / 2, Min: there[0], Max: there[n-1], Rounds: n}
}

// ratios are those of each round: what is loud in a round is loud for both. A round that one of them lacks is missing.
func ratios(of, to []float64) []float64 {
	out := make([]float64, min(len(of), len(to)))
	for i := range out {
		out[i] = of[i] / to[i]
		if to[i] <= 0 || of[i] < 0 {
			out[i] = missing
		}
	}
	return out
}
