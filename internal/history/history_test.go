package history_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"lyncpin/internal/history"
)

func ExampleLog() {
	log := history.Log[string]{Limit: 2}
	log.Add("first")
	log.Add("second")
	log.Add("third")
	fmt.Println(log.All(), log.Dropped())
	// Output: [second third] 1
}

func TestLogKeepsTheNewestInOrder(t *testing.T) {
	t.Parallel()
	log := history.Log[int]{Limit: 3}
	for i := range 7 {
		log.Add(i)
	}
	if got, want := log.All(), []int{4, 5, 6}; !slices.Equal(got, want) {
		t.Errorf("All() = %v, want %v", got, want)
	}
	if got := log.Dropped(); got != 4 {
		t.Errorf("Dropped() = %d, want 4", got)
	}
}

func TestLogTakesConcurrentAdds(t *testing.T) {
	t.Parallel()
	var log history.Log[int]
	var adders sync.WaitGroup
	for range 8 {
		adders.Go(func() {
			for i := range 100 {
				log.Add(i)
			}
		})
	}
	adders.Wait()
	if got := len(log.All()); got != 800 {
		t.Errorf("kept %d entries, want 800", got)
	}
}

func TestLogIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	log := history.Log[string]{Bytes: 10, Size: func(s *string) int { return len(*s) }}
	for _, step := range []struct {
		add     string
		want    []string
		dropped int
	}{
		{"aaaa", []string{"aaaa"}, 0},
		{"bbbb", []string{"aaaa", "bbbb"}, 0},
		{"cc", []string{"aaaa", "bbbb", "cc"}, 0},
		{"d", []string{"bbbb", "cc", "d"}, 1},
		{"eeeeeeeeeeeeeee", []string{"eeeeeeeeeeeeeee"}, 4},
		{"f", []string{"f"}, 5},
	} {
		log.Add(step.add)
		if got := log.All(); !slices.Equal(got, step.want) || log.Dropped() != step.dropped {
			t.Errorf("after %q: %v with %d dropped, want %v with %d", step.add, got, log.Dropped(), step.want, step.dropped)
		}
	}
}
