package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		figures []float64
		want    spread
	}{
		"none":     {nil, spread{}},
		"one":      {[]float64{3}, spread{3, 3, 3, 1}},
		"odd":      {[]float64{9, 1, 2}, spread{2, 1, 9, 3}},
		"even":     {[]float64{4, 1, 2, 9}, spread{3, 1, 9, 4}},
		"missing":  {[]float64{missing, 5, missing}, spread{5, 5, 5, 1}},
		"all gone": {[]float64{missing, math.Inf(1)}, spread{}},
	} {
		if diff := cmp.Diff(c.want, spreadOf(c.figures)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A round that was slow for both is no reason for a ratio to move.
func TestRatiosAreOfOneRound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ of, to, want []float64 }{
		"a slow round":   {[]float64{10, 100, 10}, []float64{20, 200, 20}, []float64{0.5, 0.5, 0.5}},
		"one is missing": {[]float64{10, missing}, []float64{missing, 5}, []float64{missing, missing}},
		"one is shorter": {[]float64{10}, []float64{5, 5}, []float64{2}},
		"nothing":        {[]float64{10, -1}, []float64{0, 5}, []float64{missing, missing}},
	} {
		if diff := cmp.Diff(c.want, ratios(c.of, c.to), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
