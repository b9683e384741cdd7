package load

import "time"

// Schema names the format of Result in JSON.
const Schema = "lyncpin.load/1"

// Result is what came of a load. Times are in milliseconds unless their name says otherwise.
type Result struct {
	// Schema is the constant of that name.
	Schema string    `json:"schema"`
	Began  time.Time `json:"began"`
	// Seconds is how long it took, with sign-in and sign-out.
	Seconds float64 `json:"seconds"`
	// Interrupted says that it was cut off: it ended before its time, or somebody did not leave in time.
	Interrupted bool    `json:"interrupted"`
	Clients     int     `json:"clients"`
	Totals      Totals  `json:"totals"`
	Faults      []Fault `json:"faults"`
	// Latencies are of the time after the warm-up, those of signing in of all time.
	Latencies []Latency `json:"latencies"`
	// Series has one entry for each second.
	Series []Second `json:"series"`
}

// Correct says that clients signed in, and that nothing was wrong.
func (r *Result) Correct() bool { return len(r.Faults) == 0 && r.Totals.SignIns > 0 }

// Totals are the counts of a whole load.
type Totals struct {
	// SignIns are those that succeeded, SignOuts likewise.
	SignIns  int `json:"sign_ins"`
	SignOuts int `json:"sign_outs"`
	// Requests are all that were answered, polls among them.
	Requests int `json:"requests"`
	// Polls are those that were answered, Events what they told of.
	Polls  int `json:"polls"`
	Events int `json:"events"`
	// MostPolls is how many were held at once.
	MostPolls int `json:"most_polls"`
	// Sent and Received are messages.
	Sent     int `json:"messages_sent"`
	Received int `json:"messages_received"`
	// Reconnects are polls that found their kept connection closed, which a server may do between two requests.
	Reconnects int `json:"reconnects"`
}

// Kinds of Fault.
const (
	WrongSite    = "wrong-site"    // an answer led to the internal web site, or elsewhere
	WrongUser    = "wrong-user"    // an answer or an event was somebody else's
	PollLost     = "poll-lost"     // a poll had no answer by its time and the grace
	PollCut      = "poll-cut"      // a poll's connection ended, or something on the way answered in its place
	EventLost    = "event-lost"    // an event did not come
	EventTwice   = "event-twice"   // an event came twice
	EventOrder   = "event-order"   // an event came after one that happened later
	BadStatus    = "bad-status"    // an answer had another status than the request leads to
	BadAnswer    = "bad-answer"    // an answer cannot be read, or lacks what must be in it
	ConnectError = "connect-error" // a connection was not made
	RequestError = "request-error" // a connection ended, or was silent, in the middle of a request
)

// Fault is one kind of what was not correct.
type Fault struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	// Examples are the first few.
	Examples []Example `json:"examples"`
}

// Example is one fault. Nothing secret is in it.
type Example struct {
	// Second is when, from the beginning.
	Second float64 `json:"second"`
	// Client is its number, from 1.
	Client int `json:"client"`
	// User is its sign-in address.
	User string `json:"user"`
	// Request is what was asked, Came what came of it.
	Request string `json:"request"`
	Came    string `json:"came"`
}

// Latency is how long something took.
type Latency struct {
	// What is the kind of request, or connect, sign-in (all that belongs to it), delivery (of a message, from its sending to
	// the event).
	What  string  `json:"what"`
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// Second is what happened in one second.
type Second struct {
	// Second is its end, from the beginning.
	Second int `json:"second"`
	// SignIns, Requests, Faults and Events are counts of this second.
	SignIns  int `json:"sign_ins"`
	Requests int `json:"requests"`
	Faults   int `json:"faults"`
	Events   int `json:"events"`
	// PollsHeld is how many waited at its end.
	PollsHeld int `json:"polls_held"`
	// P99 is of the answers of this second, polls not counted; zero when there were none.
	P99 float64 `json:"p99_ms"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
