package main

import (
	"encoding/json"
	"math"
	"os"
)

// figure is one that may be missing: null in JSON.
type figure float64

// MarshalJSON is json.Marshaler's.
func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(math.Round(float64(f)*100) / 100)
}

// result is all that came out.
type result struct {
	Rounds  int      `json:"rounds"`
	Seconds float64  `json:"seconds"`
	Polls   int      `json:"polls"`
	Peers   []*entry `json:"peers"`

	quick bool
}

// save writes it to a file.
func (r *result) save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// peer is the one of that name; nil when it took no part.
func (r *result) peer(name string) *entry {
	for _, e := range r.Peers {
		if e.Name == name && e.Missing == "" {
			return e
		}
	}
	return nil
}

// absolute is the spread of a peer's figures.
func (e *entry) absolute(measure string) spread { return spreadOf(floats(e.Figures[measure])) }

// ratio is the spread of ours to a peer's, round by round.
func (r *result) ratio(measure string, e *entry) spread {
	return spreadOf(ratios(floats(r.peer(ours).Figures[measure]), floats(e.Figures[measure])))
}

func floats(figures []figure) []float64 {
	out := make([]float64, len(figures))
	for i, f := range figures {
		out[i] = float64(f)
	}
	return out
}

// good says that ours reached every goal that was measured, and passed every check.
func (r *result) good() bool {
	for _, c := range r.peer(ours).Checks {
		if c.Error != "" {
			return false
		}
	}
	for _, g := range r.judged() {
		if !g.reached() {
			return false
		}
	}
	return true
}
