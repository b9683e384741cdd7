package grid

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFieldChanges(t *testing.T) {
	t.Parallel()
	f := func(pairs ...string) []Field {
		var out []Field
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, Field{pairs[i], pairs[i+1]})
		}
		return out
	}
	for _, c := range []struct {
		name     string
		from, to []Field
		want     []string
	}{
		{"none", f("A", "1", "B", "2"), f("b", "2", "A", "1"), nil},
		{"framing", f("Content-Length", "1"), f("Transfer-Encoding", "chunked", "Date", "x"), nil},
		{"added", f("A", "1"), f("A", "1", "Via", "1.1 x"), []string{"adds Via: 1.1 x"}},
		{"dropped", f("A", "1"), nil, []string{"drops A"}},
		{"appended", f("X", "192.0.2.1"), f("X", "192.0.2.1, 127.0.0.1"), []string{"appends to X: 127.0.0.1"}},
		{"another", f("X", "192.0.2.1"), f("X", "192.0.2.1", "x", "127.0.0.1"), []string{"adds another field X: 127.0.0.1"}},
		{"replaced", f("X", "http"), f("X", "https"), []string{"X: http becomes https"}},
		{"order", f("W", "NTLM", "W", "Negotiate"), f("W", "Negotiate", "W", "NTLM"), []string{"W: NTLM | Negotiate becomes Negotiate | NTLM"}},
		{"joined", f("C", "a", "C", "b"), f("C", "a, b"), []string{"joins the fields C into one: a, b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, x := range fieldChanges(c.from, c.to) {
				got = append(got, x.text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// observe is what one request and one answer look like.
func observe(request, answer, end string) *Observation {
	o := &Observation{heard: []heard{{raw: []byte(answer), end: end}}}
	if request != "" {
		o.received = []seen{{connection: 1, message: parse([]byte(request)), body: body{framing: framingNone}}}
	}
	o.heard[0].replies = replies([]byte(answer), nil, end == endClosed)
	return o
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	const (
		sent = "GET /a%2Fb HTTP/1.1\r\nHost: a.example\r\n\r\n"
		ok   = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		bad  = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	)
	c := &Case{ID: "x", Steps: once(sent)}
	malformed := &Case{ID: "x", Steps: once(sent), Malformed: true}
	for _, x := range []struct {
		name    string
		c       *Case
		via     *Observation
		verdict string
		says    []string
	}{
		{"same", c, observe(sent, ok, endComplete), Same, nil},
		{"habit", c, observe("GET /a%2Fb HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 x\r\n\r\n", ok, endComplete), Same, nil},
		{"decoded", c, observe("GET /a/b HTTP/1.1\r\nHost: a.example\r\n\r\n", ok, endComplete), Differs, []string{"target: /a%2Fb becomes /a/b"}},
		{"old-version", c, observe("GET /a%2Fb HTTP/1.0\r\nHost: a.example\r\n\r\n", ok, endComplete), Differs, []string{"version: HTTP/1.1 becomes HTTP/1.0"}},
		{"refused", c, observe("", bad, endComplete), Refused, []string{"400"}},
		{"hangs-up", c, observe("", "", endClosed), Refused, []string{"hangs up"}},
		{"gateway", c, observe(sent, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", endComplete), Broken, []string{"502"}},
		{"gateway-malformed", malformed, observe(sent, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", endComplete), Refused, []string{"502"}},
		{"time-out", c, observe(sent, "", endTimeout), Broken, []string{"time-out after nothing"}},
		{"cut", c, observe(sent, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", endReset), Broken, []string{"reset after 200 and 1 bytes"}},
		{"other-body", c, observe(sent, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", endComplete), Broken, []string{"another body: 2 bytes, not 2"}},
		{"answered", c, observe("", ok, endComplete), Differs, []string{"answers 200 itself"}},
		{"ambiguous", c, observe("GET /a%2Fb HTTP/1.1\r\nHost: a.example\r\nX : 1\r\n\r\n", ok, endComplete), Unsafe, []string{"passes on a space before a colon"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			usual := habits{request: map[string]change{"+via": {}}, answer: map[string]change{}}
			verdict, says := judgeCell(x.c, observe(sent, ok, endComplete), x.via, usual)
			if verdict != x.verdict || cmp.Diff(x.says, says) != "" {
				t.Errorf("got %s %q, want %s %q", verdict, says, x.verdict, x.says)
			}
		})
	}
	tunnel := observe("GET /a%2Fb HTTP/1.1\r\nHost: a.example\r\nX : 1\r\n\r\n", ok, endComplete)
	tunnel.tunnel = true
	if verdict, _ := judgeCell(c, observe(sent, ok, endComplete), tunnel, habits{}); verdict == Unsafe {
		t.Error("a tunnel is unsafe: nobody else uses its connection")
	}
	hidden := observe(sent, ok, endComplete)
	hidden.received = append(hidden.received, seen{step: hiddenStep, message: parse([]byte(sent))})
	if verdict, _ := judgeCell(malformed, observe(sent, ok, endComplete), hidden, habits{}); verdict != Unsafe {
		t.Errorf("a request that comes out of a body is %s, want unsafe", verdict)
	}
}

func TestJudges(t *testing.T) {
	t.Parallel()
	said := func(bodies ...string) *Observation {
		o := &Observation{}
		for _, b := range bodies {
			o.heard = append(o.heard, heard{end: endComplete, replies: []reply{{complete: true, body: body{data: []byte(b)}}}})
		}
		return o
	}
	for _, c := range []struct {
		name  string
		judge func(direct, via *Observation) (string, string)
		via   *Observation
		want  string
	}{
		{"leak", judgeLeak, said("leg 2", "you are alice", "you are alice"), Unsafe},
		{"no-leak", judgeLeak, said("leg 2", "you are alice", "nobody"), Same},
		{"two", judgeLogOns, said("", "", "", "", "you are alice", "you are bob"), Same},
		{"crossed", judgeLogOns, said("", "", "", "", "you are bob", "you are bob"), Unsafe},
		{"none", judgeLogOns, said("", "", "", "", "nobody", "nobody"), Broken},
		{"cut-looks-whole", judgeCutAnswer, said("half"), Broken},
	} {
		if got, _ := c.judge(nil, c.via); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	twice := &Observation{received: []seen{{step: 1, message: parse([]byte("POST / HTTP/1.1\r\n\r\n"))}, {step: 1, message: parse([]byte("POST / HTTP/1.1\r\n\r\n"))}}}
	if got, _ := judgeNoAnswer(nil, twice); got != Unsafe {
		t.Errorf("a POST that is sent twice is %s, want unsafe", got)
	}
}
