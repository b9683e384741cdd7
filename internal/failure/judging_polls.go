package failure

import (
	"fmt"
	"strings"
	"time"

	"lyncpin/probe"
)

// A long poll is answered after the time that the client asked for, when nothing happens. UCWA, "Event channel
// details". What ends it before has a clock of its own.

const (
	// leastPatience is the shortest time-out that any product is known to ship with, and some: what ends a poll earlier is
	// no time-out.
	leastPatience = 10 * time.Second
	// releaseDelay is how long events of low urgency may wait. UCWA, "events".
	releaseDelay = 15 * time.Second
)

// noPollHeld is the verdict where nobody held a silent long poll.
var noPollHeld = probe.NotApplicable("no long poll was held")

// poll is a long poll somebody held.
type poll struct {
	*probe.Poll
	at *probe.Place
	// answer is the request; nil when the record has lost it.
	answer *probe.Exchange
}

// pollsFor are the long polls of those purposes at a place.
func pollsFor(p *probe.Place, purposes ...string) []poll {
	var out []poll
	for _, l := range p.Polls(purposes...) {
		out = append(out, poll{l, p, p.Exchange(l.Exchange)})
	}
	return out
}

// near tells whether two times are the same to a clock of which nobody knows how exact it is.
func near(a, b time.Duration) bool { return (a - b).Abs() <= max(4*time.Second, b/20) }

// ended tells whether something ended the poll, and it was not the Front End.
func (l poll) ended() bool { return isCut(l.Outcome.Code) || l.Outcome.OK() && !l.FrontEnd }

// cut tells whether something ended the poll before its time, after a silence that could be a time-out.
func (l poll) cut() bool {
	return l.ended() && l.Elapsed >= leastPatience && l.Elapsed < l.Asked && !near(l.Elapsed, l.Asked)
}

// torn tells whether the connection broke when the Front End's answer was due. Time-outs that count from the request on, such as that of
// Go's servers for writing, show then only: TLS ends in a record that cannot be read.
func (l poll) torn() bool {
	return !l.Outcome.OK() && l.Outcome.Code != probe.Timeout && l.Renewed && !l.Delivered && l.Elapsed >= leastPatience && (near(l.Elapsed, l.Asked) || l.Elapsed > l.Asked)
}

// whole tells whether the Front End ended the poll: when its time was over, or with what was made to happen.
func (l poll) whole() bool {
	return l.Outcome.OK() && l.FrontEnd && l.Status == 200 && (l.Delivered || near(l.Elapsed, l.Asked))
}

// lost tells whether the poll died without a word: its time was over, or something happened, and nothing came, though
// the server answers on a fresh connection.
func (l poll) lost() bool {
	return l.Outcome.Code == probe.Timeout && l.Renewed && !l.Delivered && (l.Event > 0 || l.Elapsed > l.Asked+releaseDelay)
}

// end puts how the poll ended into words.
func (l poll) end() string {
	switch {
	case l.Outcome.OK() && l.answer != nil:
		return fmt.Sprintf("%d from %s", l.Status, probe.MakerOf(l.answer).Name())
	case l.Outcome.OK():
		return fmt.Sprint(l.Status)
	case l.Outcome.Code == probe.Reset:
		return "the connection was reset"
	case l.Outcome.Code == probe.Closed:
		return "the connection was closed without an answer"
	}
	return l.Outcome.Words()
}

// cutByAge is the poll that shows that, at a place, connections are cut at that age and not after that much silence: an
// event had come over it in the meantime. It is nil when there is none.
func cutByAge(p *probe.Place, age time.Duration) *probe.Poll {
	for _, l := range pollsFor(p, probe.PollBusy) {
		if l.ended() && l.Delivered && near(l.Age, age) && l.Event > age/10 {
			return l.Poll
		}
	}
	return nil
}

// seconds writes a duration as people read clocks of time-outs.
func seconds(d time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
}

// whoseTime are the products that end silence after such a time unless told otherwise. Inferred: general knowledge of
// products, but for nginx, HAProxy, Apache and Squid, which were measured, and for what was advised: "Deploy and configure
// mobility for Skype for Business Server".
var whoseTime = map[time.Duration]string{
	30 * time.Second:  "the default of HAProxy as pfSense sets it up, and of IIS ARR",
	50 * time.Second:  "the default of HAProxy as Linux distributions ship it",
	60 * time.Second:  "the default of nginx (proxy_read_timeout) and Apache (Timeout)",
	100 * time.Second: "the default of Cloudflare",
	120 * time.Second: "the default of IIS and of IIS ARR",
	180 * time.Second: "the default of NetScaler",
	200 * time.Second: "the least that is advised, too short for phones",
	300 * time.Second: "the default of F5 (TCP profile), Web Application Proxy and Sophos UTM",
	660 * time.Second: "the default of KEMP LoadMaster",
	900 * time.Second: "the default of Squid (read_timeout)",
	960 * time.Second: "what is advised where phones are used",
}

// fits says whose a time is; empty when nobody's is known.
func fits(d time.Duration) string {
	t, ok := probe.NearestDefault(d)
	if !ok {
		return ""
	}
	return whoseTime[t]
}
