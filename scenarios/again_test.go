package scenarios

import (
	"slices"
	"sync"
	"testing"

	"lyncpin/internal/topology"
)

// What fails while time runs fast is looked at again, and the second look counts.
func TestLookAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	looks := map[string]int{}
	scenario := func(id string, signIn bool, brokenLooks int) Scenario {
		return Scenario{ID: id, Kind: KindBaseline, SignIn: signIn, brief: true, outside: true, build: func() *topology.Topology {
			mu.Lock()
			defer mu.Unlock()
			out := topology.Healthy()
			if looks[id]++; looks[id] <= brokenLooks {
				out.Proxy.Rules = nil
			}
			return out
		}}
	}
	results := Run(t.Context(), []Scenario{scenario("chance", true, 1), scenario("broken", true, 9), scenario("slow", false, 1)}, Options{Jobs: 1, Fresh: true})
	var ok, twice []bool
	for _, r := range results {
		ok, twice = append(ok, r.OK), append(twice, r.First != "")
	}
	if !slices.Equal(ok, []bool{true, false, false}) || !slices.Equal(twice, []bool{true, true, false}) {
		t.Errorf("ok = %v, looked at again = %v; want [true false false] and [true true false]", ok, twice)
	}
}
