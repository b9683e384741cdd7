package grid

import (
	"fmt"
	"strings"
	"time"
)

// judgeKept wants an answer to every request of a connection.
func judgeKept(_, via *Observation) (verdict, says string) {
	for i := range via.heard {
		if h := &via.heard[i]; h.reused && h.end != endComplete {
			return Broken, fmt.Sprintf("ends the connection before request %d", i+1)
		}
	}
	return "", ""
}

func judgeCutUpload(_, via *Observation) (verdict, says string) {
	switch {
	case len(via.received) == 0:
		return Same, "nothing arrives"
	case !via.received[0].bodyErr:
		return Unsafe, "half an upload looks like a whole one"
	}
	return Same, "it arrives cut"
}

// spread tells whether the body came as it was sent, spread over time, and when it began.
func spread(direct, via *Observation) (inTime bool, first time.Duration) {
	d, v := direct.reply(0, 0), via.reply(0, 0)
	return v.last-v.first >= (d.last-d.first)*6/10, v.first
}

func judgeDrip(direct, via *Observation) (verdict, says string) {
	if verdict, says = judgeSpread(direct, via); verdict == Differs {
		verdict = Broken
	}
	return verdict, says
}

func judgeSpread(direct, via *Observation) (verdict, says string) {
	if inTime, first := spread(direct, via); !inTime && via.reply(0, 0).complete {
		return Differs, fmt.Sprintf("all at the end, after %d ms", first.Milliseconds())
	}
	return "", ""
}

// noticed is how soon a Front End must learn that nobody waits any more.
const noticed = 2 * time.Second

func judgeLeft(_, via *Observation) (verdict, says string) {
	if len(via.received) == 0 || len(via.heard) == 0 {
		return "", ""
	}
	left := via.received[0].left
	if left.IsZero() {
		return Broken, "the Front End never notices"
	}
	after := max(left.Sub(via.heard[0].left), 0)
	if after > noticed {
		return Broken, fmt.Sprintf("the Front End notices after %d ms", after.Milliseconds())
	}
	return Same, ""
}

func judgeCutAnswer(_, via *Observation) (verdict, says string) {
	r := via.reply(0, 0)
	switch {
	case r.message.status() >= 500:
		return Refused, fmt.Sprint(r.message.status())
	case r.complete:
		return Broken, "half an answer looks like a whole one"
	}
	return Same, "the client can tell: " + via.heard[0].end
}

func judgeNoAnswer(_, via *Observation) (verdict, says string) {
	n, method := 0, ""
	for i := range via.received {
		if via.received[i].step == 1 {
			n++
			method, _, _ = via.received[i].message.requestLine()
		}
	}
	status := via.status(1)
	switch {
	case n > 1 && method == "POST":
		return Unsafe, fmt.Sprintf("sends a POST %d times", n)
	case n > 1:
		return Differs, fmt.Sprintf("sends it %d times, then %d", n, status)
	case status >= 500:
		return Refused, fmt.Sprint(status)
	}
	return "", ""
}

func judgeCached(_, via *Observation) (verdict, says string) {
	if len(via.received) == 1 && via.reply(1, 0).complete {
		return Broken, "the second answer comes from a cache"
	}
	return "", ""
}

// logged is who the server takes the client of a step for; empty when it takes it for nobody.
func (o *Observation) logged(step int) string {
	_, who, _ := strings.Cut(string(o.reply(step, 0).body.data), "you are ")
	return who
}

func judgeLogOn(direct, via *Observation) (verdict, says string) {
	last := len(direct.heard) - 1
	if who := via.logged(last); who == "alice" {
		return Same, ""
	}
	for i := range direct.heard {
		if a, b := direct.status(i), via.status(i); a != b {
			return Broken, fmt.Sprintf("no log-on: request %d gets %d", i+1, b)
		}
	}
	return Broken, "no log-on"
}

func judgeLeak(_, via *Observation) (verdict, says string) {
	if who := via.logged(2); who != "" {
		return Unsafe, "another client is taken for " + who
	}
	return Same, ""
}

func judgeLogOns(_, via *Observation) (verdict, says string) {
	a, b := via.logged(4), via.logged(5)
	switch {
	case a == "bob" || b == "alice":
		return Unsafe, "one client is taken for the other"
	case a != "alice" || b != "bob":
		return Broken, "not both are logged on"
	}
	return Same, ""
}
