package grid

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Schema names the JSON of a Result.
const Schema = "lyncpin.grid/1"

// Result is what a grid showed. It is plain data; bytes are shortened and escaped for people.
type Result struct {
	Schema string `json:"schema"`
	// Proxies are the columns, Direct first. Requests are the rows.
	Proxies  []Column `json:"proxies"`
	Requests []Row    `json:"requests"`
}

// Column is a proxy.
type Column struct {
	Name string `json:"name"`
	// Version is as the product says it; empty for none.
	Version string `json:"version"`
	// Habits are what it does to every request, and to every answer.
	RequestHabits []string `json:"request_habits"`
	AnswerHabits  []string `json:"answer_habits"`
}

// Row is a case, and what became of it in each column.
type Row struct {
	ID     string `json:"id"`
	Group  string `json:"group"`
	Title  string `json:"title"`
	Why    string `json:"why"`
	Expect string `json:"expect,omitempty"`
	// Sent is what clients sent, by step.
	Sent []string `json:"sent"`
	// Cells are in the order of Proxies.
	Cells []Cell `json:"cells"`
}

// Whether a cell is as it should be.
const (
	Expected   = "yes"
	Unexpected = "no"
	NoMatter   = "" // there is no right and wrong
)

// Cell is what one proxy did with one case.
type Cell struct {
	Proxy   string `json:"proxy"`
	Verdict string `json:"verdict"`
	// Says are the differences in a few words each.
	Says []string `json:"says"`
	// Expected is one of the constants.
	Expected string `json:"expected,omitempty"`
	// Received are the requests that the web server got, Got what the client got in each step.
	Received []Received `json:"received"`
	Got      []Got      `json:"got"`
}

// Received is a request as it arrived at the web server.
type Received struct {
	// Connection numbers the web server's connections.
	Connection int    `json:"connection"`
	Method     string `json:"method"`
	Target     string `json:"target"`
	Version    string `json:"version"`
	// Framing is none, length or chunked.
	Framing    string   `json:"framing"`
	BodyLength int      `json:"body_length"`
	BodyDigest string   `json:"body_digest,omitempty"`
	BodyCut    bool     `json:"body_cut,omitempty"`
	Ambiguous  []string `json:"ambiguous,omitempty"`
	// Head is the head's bytes.
	Head string `json:"head"`
}

// Got is what a client got in a step.
type Got struct {
	// Statuses are those of all answers in order, also of interim ones.
	Statuses   []int  `json:"statuses"`
	Framing    string `json:"framing,omitempty"`
	BodyLength int    `json:"body_length"`
	BodyDigest string `json:"body_digest,omitempty"`
	// End is complete, closed, reset, time-out, left or refused.
	End string `json:"end"`
	// Pace is how the body came: at once, in time, all at the end; empty without a body.
	Pace string  `json:"pace,omitempty"`
	MS   float64 `json:"ms"`
	// Bytes are all that came, or why no connection came about.
	Bytes string `json:"bytes"`
}

func newResult(cases []Case, cols []*column) *Result {
	r := &Result{Schema: Schema, Proxies: []Column{}, Requests: []Row{}}
	learned := make([]habits, len(cols))
	for i, col := range cols {
		learned[i] = learn(cols[0].seen[habitCase], col.seen[habitCase])
		r.Proxies = append(r.Proxies, Column{Name: col.name, Version: col.version,
			RequestHabits: texts(learned[i].request), AnswerHabits: texts(learned[i].answer)})
	}
	for i := range cases {
		c := &cases[i]
		row := Row{ID: c.ID, Group: c.Group, Title: c.Title, Why: c.Why, Expect: c.Expect, Sent: sent(c), Cells: []Cell{}}
		for j, col := range cols {
			row.Cells = append(row.Cells, newCell(c, cols[0].seen[c.ID], col, learned[j]))
		}
		r.Requests = append(r.Requests, row)
	}
	return r
}

func texts(changes map[string]change) []string {
	out := []string{}
	for _, c := range changes {
		out = append(out, c.text)
	}
	slices.Sort(out)
	return out
}

// sent are the bytes of each step, with its pauses.
func sent(c *Case) []string {
	out := []string{}
	for i, s := range c.Steps {
		var text strings.Builder
		for _, p := range s.Send {
			text.WriteString(tagged(p.Text, c.ID, i))
		}
		out = append(out, shorten([]byte(text.String())))
	}
	return out
}

func newCell(c *Case, direct *Observation, col *column, h habits) Cell {
	o := col.seen[c.ID]
	cell := Cell{Proxy: col.name, Verdict: Same, Says: []string{}, Received: []Received{}, Got: []Got{}}
	if col.name != Direct {
		verdict, says := judgeCell(c, direct, o, h)
		cell.Verdict, cell.Says = verdict, append(cell.Says, says...)
		if c.Fine != nil {
			cell.Expected = Unexpected
			if slices.Contains(c.Fine, verdict) {
				cell.Expected = Expected
			}
		}
	}
	for i := range o.received {
		cell.Received = append(cell.Received, received(&o.received[i]))
	}
	for i := range o.heard {
		cell.Got = append(cell.Got, got(&o.heard[i]))
	}
	return cell
}

func received(s *seen) Received {
	out := Received{Connection: s.connection, Framing: s.body.framing, BodyLength: len(s.body.data), BodyDigest: s.body.digest(),
		BodyCut: s.bodyErr, Ambiguous: s.message.ambiguous(), Head: shorten(s.message.raw)}
	method, target, version := s.message.requestLine()
	out.Method, out.Target, out.Version = shorten([]byte(method)), shorten([]byte(target)), visible(version)
	if s.body.bad != "" {
		out.Ambiguous = append(out.Ambiguous, s.body.bad)
	}
	return out
}

func got(h *heard) Got {
	out := Got{Statuses: []int{}, End: h.end, MS: math.Round(h.took.Seconds()*1e4) / 10, Bytes: shorten(h.raw)}
	if h.err != "" {
		out.Bytes = visible(h.err)
	}
	for _, r := range h.replies {
		out.Statuses = append(out.Statuses, r.interim...)
		if s := r.message.status(); s != 0 {
			out.Statuses = append(out.Statuses, s)
		}
		out.Framing, out.BodyLength, out.BodyDigest = r.body.framing, len(r.body.data), r.body.digest()
		out.Pace = pace(&r)
	}
	return out
}

// pace words how a body came.
func pace(r *reply) string {
	const slow = 150 * time.Millisecond // less is not told from a busy machine
	switch {
	case len(r.body.data) == 0:
		return ""
	case r.last-r.first > slow:
		return "in time"
	case r.first > 3*slow:
		return "all at the end"
	}
	return "at once"
}

// Bad tells whether the column has a cell that is broken or unsafe.
func (r *Result) Bad(proxy string) bool {
	for _, row := range r.Requests {
		for _, c := range row.Cells {
			if c.Proxy == proxy && (c.Verdict == Broken || c.Verdict == Unsafe) {
				return true
			}
		}
	}
	return false
}

// short is a cell of the matrix: a word, or the status of a refusal.
func (c *Cell) short() string {
	word := c.Verdict
	switch {
	case c.Proxy == Direct:
		word = "-"
		for _, g := range c.Got {
			word = g.End
			if word == endComplete {
				word = "no status"
			}
			if n := len(g.Statuses); n > 0 {
				word = fmt.Sprint(g.Statuses[n-1])
			}
		}
	case c.Verdict == Refused && len(c.Says) > 0 && len(c.Says[0]) == 3:
		word = c.Says[0]
	case c.Verdict == Broken, c.Verdict == Unsafe:
		word = strings.ToUpper(word)
	}
	return word
}
