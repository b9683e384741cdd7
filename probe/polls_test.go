package probe

import (
	"testing"
	"time"
)

func TestNearestDefault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ended, want time.Duration
		found       bool
	}{
		{ended: 60 * time.Second, want: 60 * time.Second, found: true},
		{ended: 60*time.Second + 300*time.Millisecond, want: 60 * time.Second, found: true},
		{ended: 61 * time.Second, want: 60 * time.Second, found: true},
		{ended: 58 * time.Second, want: 60 * time.Second, found: true},
		{ended: 50 * time.Second, want: 50 * time.Second, found: true},
		{ended: 120*time.Second + 900*time.Millisecond, want: 120 * time.Second, found: true},
		{ended: 185 * time.Second, want: 180 * time.Second, found: true},
		{ended: 196 * time.Second, want: 200 * time.Second, found: true},
		{ended: 650 * time.Second, want: 660 * time.Second, found: true},
		{ended: 905 * time.Second, want: 900 * time.Second, found: true},
		{ended: 961 * time.Second, want: 960 * time.Second, found: true},
		{ended: 0},
		{ended: 5 * time.Second},
		{ended: 75 * time.Second},
		{ended: 250 * time.Second},
		{ended: 1800 * time.Second},
	} {
		if got, found := NearestDefault(c.ended); got != c.want || found != c.found {
			t.Errorf("NearestDefault(%v) = %v, %v, want %v, %v", c.ended, got, found, c.want, c.found)
		}
	}
}
