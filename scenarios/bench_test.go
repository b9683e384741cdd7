package scenarios_test

import (
	"testing"

	"lyncpin/scenarios"
)

// One scenario from start to verdict, as many at a time as Run does by default.
func BenchmarkRun(b *testing.B) {
	list, err := scenarios.Match([]string{"baseline/pool-behind-vip"})
	if err != nil {
		b.Fatal(err)
	}
	var many []scenarios.Scenario
	for range b.N {
		many = append(many, list...)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, r := range scenarios.Run(b.Context(), many, scenarios.Options{}) {
		if !r.OK {
			b.Error(r.Problem)
		}
	}
}
