package load

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestOnlyLoopbackAndTheBenchAreDialled(t *testing.T) {
	t.Parallel()
	r := &run{target: Target{Allowed: []netip.Prefix{netip.MustParsePrefix("192.0.2.8/29")}}}
	for at, want := range map[string]bool{
		"127.0.0.1:443": true, "127.9.9.9:1": true, "[::1]:443": true, "[::ffff:127.0.0.1]:443": true,
		"192.0.2.8:443": true, "192.0.2.15:443": true, "[::ffff:192.0.2.9]:443": true,
		"192.0.2.16:443": false, "10.10.10.10:443": false, "0.0.0.0:443": false, "[::]:443": false, "[2001:db8::1]:443": false,
		"198.51.100.1:443": false, "[fe80::1%lo]:443": false, "lyncdiscover.contoso.example:443": false,
	} {
		if err := r.permit(t.Context(), "tcp", at, nil); (err == nil) != want || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want allowed %t", at, err, want)
		}
	}
}

func TestRefusedBeforeTheFirstPacket(t *testing.T) {
	t.Parallel()
	target := Target{Domain: "contoso.example", Hosts: []string{"lyncdiscover.contoso.example"}, Accounts: make([]Account, 1)}
	for at, want := range map[string]string{
		"192.0.2.1:443": "192.0.2.1:443 is neither loopback nor an address of the bench file", "contoso.example:443": "want ADDRESS:PORT", "127.0.0.1": "want ADDRESS:PORT",
	} {
		target.Routes = map[string]string{"": at}
		if _, err := Run(t.Context(), target, Plan{Clients: 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", at, err, want)
		}
	}
}

// TestLate has a message come after it was given up: it has not come twice.
func TestLate(t *testing.T) {
	t.Parallel()
	r := newRun(Target{Accounts: []Account{{SIP: "load1@contoso.example"}, {SIP: "load2@contoso.example"}}}, Plan{Clients: 2})
	from, to := r.clients[0], r.clients[1]
	come := func(m message) {
		to.received(&line{c: to, ctx: t.Context()}, &query{}, "sip:load1@contoso.example", m.text(from))
	}
	late, _ := from.pair.next(from)
	next, _ := from.pair.next(from)
	come(next)
	if lost := from.pair.overdue(from, time.Hour); len(lost) != 0 {
		t.Errorf("lost within an hour: %q", lost)
	}
	if lost := from.pair.overdue(from, 0); len(lost) != 1 || !strings.HasPrefix(lost[0], "message 1 to load2@contoso.example did not come in ") {
		t.Errorf("lost %q, want message 1", lost)
	}
	come(late)
	if len(r.stats.faults) > 0 || r.unsettled.Load() != 0 || r.stats.received.Load() != 2 {
		t.Errorf("faults %v, %d on their way, %d received; want 0, 0, 2", r.stats.faults, r.unsettled.Load(), r.stats.received.Load())
	}
	come(next)
	if r.stats.faults[EventTwice] == nil {
		t.Error("a message that came twice was not noticed")
	}
	r.quiet.Store(true)
	if _, ok := from.pair.next(from); ok || r.unsettled.Load() != 0 {
		t.Error("a message was begun although everybody waits for the end")
	}
}

// TestNobodyGoesBeforeAMessageHasCome has a client that is to sign out and come again while a message to it is on its way.
func TestNobodyGoesBeforeAMessageHasCome(t *testing.T) {
	t.Parallel()
	r := newRun(Target{Accounts: []Account{{SIP: "load1@contoso.example"}, {SIP: "load2@contoso.example"}}, Routes: map[string]string{"": "127.0.0.1:1"}},
		Plan{Clients: 2, Grace: time.Millisecond})
	from, to := r.clients[0], r.clients[1]
	to.stage, to.session = here, &session{host: "lyncweb-ext.contoso.example", app: "/ucwa"}
	if _, ok := from.pair.next(from); !ok {
		t.Fatal("no message before anything happens")
	}
	to.stepOut(t.Context())
	if to.stage != here || to.returns {
		t.Error("it went although a message to it is on its way")
	}
	if _, ok := from.pair.next(from); !ok {
		t.Error("no message although it stayed")
	}
	from.pair.overdue(from, 0)
	to.stepOut(t.Context())
	r.work.Wait()
	if to.stage != going || !to.returns {
		t.Errorf("stage %d, returns %t; want that it goes to come again", to.stage, to.returns)
	}
	if _, ok := from.pair.next(from); ok {
		t.Error("a message was begun to somebody who is away")
	}
	to.pair.fresh()
	if _, ok := from.pair.next(from); !ok {
		t.Error("no message to somebody who is back")
	}
}

func TestPlansThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Plan{
		"nobody": {}, "negative": {Clients: -1}, "too-many": {Clients: maxClients + 1}, "slow": {Clients: 1, SignIns: -1},
		"time": {Clients: 1, Duration: -1}, "poll": {Clients: 1, PollTime: time.Hour}, "ntlm": {Clients: 1, NTLM: 1.1}, "busy": {Clients: 1, Messages: 1e9},
		"churn": {Clients: 1, Churn: -1},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, p := range []Plan{Low(), Medium(), High(), {Clients: 1}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// TestPercentiles compares the buckets with the sorted times themselves.
func TestPercentiles(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond)).Truncate(time.Microsecond)
		all = append(all, d)
		h.add(d)
	}
	slices.Sort(all)
	for _, p := range []float64{50, 90, 99, 100} {
		want := all[int(p/100*float64(len(all)))-1]
		if got := h.percentile(p); got < want || float64(got) > 1.04*float64(want) {
			t.Errorf("p%g = %s, want %s and at most 4%% more", p, got, want)
		}
	}
	if h.max() != all[len(all)-1] || h.count() != len(all) {
		t.Errorf("max %s of %d, want %s of %d", h.max(), h.count(), all[len(all)-1], len(all))
	}
	h.clear()
	h.add(-time.Second)
	h.add(1000 * time.Hour)
	if h.count() != 2 || h.percentile(50) != 0 || h.percentile(100) <= time.Hour {
		t.Errorf("of too short and too long: %d, %s, %s", h.count(), h.percentile(50), h.percentile(100))
	}
	for us := range int64(1 << 20) {
		if b := bucketOf(us); topOf(b) < us || b > 0 && topOf(b-1) >= us {
			t.Fatalf("%d µs is in bucket %d, which ends at %d", us, b, topOf(b))
		}
	}
}

// TestAnswersAreReadAsByNetHTTP reads the same bytes with both.
func TestAnswersAreReadAsByNetHTTP(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"none":        "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
		"chunks":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n",
		"to-the-end":  "HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"old":         "HTTP/1.0 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno",
		"close":       "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"on-the-way":  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
		"bare-lf":     "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
		"large":       "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000),
		"empty-field": "HTTP/1.1 200 OK\r\nX:\r\nContent-Length: 0\r\n\r\n",
	} {
		want, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if want.StatusCode == 100 {
			_, rest, _ := strings.Cut(text, "\r\n\r\n")
			if want, err = http.ReadResponse(bufio.NewReader(strings.NewReader(rest)), nil); err != nil {
				t.Fatal(err)
			}
		}
		body, err := io.ReadAll(want.Body)
		if err != nil {
			t.Fatal(err)
		}
		for how, from := range map[string]io.Reader{"at-once": strings.NewReader(text), "by-bytes": iotest.OneByteReader(strings.NewReader(text))} {
			var a answer
			var c conn
			r := reader{from: from}
			if err := r.answer(&a, &c); err != nil || a.status != want.StatusCode || !bytes.Equal(a.body, body) || c.ended != want.Close {
				t.Errorf("%s, %s: %d, %.40q, ended %t, %v; want %d, %.40q, %t", name, how, a.status, a.body, c.ended, err, want.StatusCode, body, want.Close)
			}
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"mail": "220 smtp\r\n\r\n", "number": "HTTP/1.1 2000 OK\r\n\r\n", "word": "HTTP/1.1 abc\r\n\r\n", "length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"huge": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"huge-chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "no-end": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", maxHead+bufferSize),
		"endless-body": "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("y", maxBody+bufferSize),
		"chunk-end":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
	} {
		var a answer
		r := reader{from: strings.NewReader(text)}
		if err := r.answer(&a, &conn{}); !errors.Is(err, errUnreadable) {
			t.Errorf("%s: %v, want %v", name, err, errUnreadable)
		}
		if cap(r.buf) > 2*maxBody {
			t.Errorf("%s: %d bytes were kept", name, cap(r.buf))
		}
	}
	for _, text := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"} {
		r := reader{from: strings.NewReader(text)}
		if err := r.answer(&answer{}, &conn{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v, want %v", text, err, io.ErrUnexpectedEOF)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		r := reader{from: bytes.NewReader(text)}
		var a answer
		_ = r.answer(&a, &conn{}) // must end, without a panic
		for range a.values("Content-Length") {
			continue
		}
	})
}

func TestShareOfNTLM(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]int{0: 0, 0.1: 100, 0.5: 500, 1: 1000} {
		p, n := Plan{NTLM: share}, 0
		for i := range 1000 {
			if p.byNTLM(i) {
				n++
			}
		}
		if n < want-1 || n > want {
			t.Errorf("share %g: %d of 1000, want %d", share, n, want)
		}
	}
}

// TestWrittenForms reads what is written with other readers.
func TestWrittenForms(t *testing.T) {
	t.Parallel()
	r := &Result{Schema: Schema, Clients: 3, Totals: Totals{SignIns: 3}, Faults: []Fault{{Kind: PollCut, Count: 7, Examples: []Example{{Client: 2, User: "user2@contoso.example", Request: "GET <x>", Came: "connection reset"}}}},
		Latencies: []Latency{{What: "sign-in", Count: 3, P50: 1.5}}}
	for i := range 5000 { // more than there are steps in the plot
		s := Second{Second: i + 1, Requests: i % 10}
		if i == 2500 {
			s.Requests = 777
		}
		r.Series = append(r.Series, s)
	}
	var text, table, plot bytes.Buffer
	for _, err := range []error{Text(&text, r), CSV(&table, r), SVG(&plot, r), SVG(io.Discard, &Result{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"3 clients", "poll-cut, 7", "client 2, user2@contoso.example", "connection reset", "sign-in"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	lines, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(lines) != 5001 || lines[2501][2] != "777" {
		t.Errorf("CSV: %d lines, %v", len(lines), err)
	}
	var svg struct {
		XMLName xml.Name `xml:"svg"`
		Width   int      `xml:"width,attr"`
		Curves  []struct {
			Points string `xml:"points,attr"`
		} `xml:"polyline"`
	}
	if err := xml.Unmarshal(plot.Bytes(), &svg); err != nil {
		t.Fatal(err)
	}
	if svg.Width != 800 || len(svg.Curves) != len(panels) {
		t.Fatalf("%d wide with %d curves, want 800 and %d", svg.Width, len(svg.Curves), len(panels))
	}
	points := strings.Fields(svg.Curves[0].Points)
	peak := fmt.Sprintf(",%.1f", float64(plotTop+12+panelHeight)-777.0/1000*panelHeight)
	if len(points) > 2*plotInside || !slices.ContainsFunc(points, func(p string) bool { return strings.HasSuffix(p, peak) }) {
		t.Errorf("%d points, want the peak %s among at most %d", len(points), peak, 2*plotInside)
	}
}
