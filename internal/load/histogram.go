package load

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts times in buckets that are never wider than 1/32 of what they hold, from a microsecond to over an hour. The
// zero histogram is empty. It is safe for several goroutines.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint32
	longest atomic.Int64 // in microseconds
}

const (
	histogramSteps   = 32 // per power of two
	histogramPowers  = 28 // above the first: 32 µs << 28 is more than two hours
	histogramBuckets = histogramSteps * (histogramPowers + 1)
)

// bucketOf is the place of a number of microseconds: below 32 its own, then 32 steps for each power of two.
func bucketOf(us int64) int {
	us = max(us, 0)
	if us < histogramSteps {
		return int(us)
	}
	power := bits.Len64(uint64(us)) - 6 // how far to the right brings it into 32 to 63
	return min(power*histogramSteps+int(us>>power), histogramBuckets-1)
}

// topOf is the largest number of microseconds of a bucket.
func topOf(bucket int) int64 {
	if bucket < 2*histogramSteps {
		return int64(bucket)
	}
	power := bucket/histogramSteps - 1
	return int64(bucket-power*histogramSteps+1)<<power - 1
}

func (h *histogram) add(d time.Duration) {
	us := d.Microseconds()
	h.buckets[bucketOf(us)].Add(1)
	for {
		old := h.longest.Load()
		if us <= old || h.longest.CompareAndSwap(old, us) {
			return
		}
	}
}

func (h *histogram) clear() {
	for i := range h.buckets {
		h.buckets[i].Store(0)
	}
	h.longest.Store(0)
}

func (h *histogram) count() int {
	n := 0
	for i := range h.buckets {
		n += int(h.buckets[i].Load())
	}
	return n
}

// percentile is the time that so many of a hundred did not exceed, zero when there is none.
func (h *histogram) percentile(p float64) time.Duration {
	total := h.count()
	if total == 0 {
		return 0
	}
	rank, seen := int(p/100*float64(total)+0.9999), 0
	for i := range h.buckets {
		if seen += int(h.buckets[i].Load()); seen >= rank {
			return time.Duration(min(topOf(i), h.longest.Load())) * time.Microsecond
		}
	}
	return h.max()
}

func (h *histogram) max() time.Duration { return time.Duration(h.longest.Load()) * time.Microsecond }
