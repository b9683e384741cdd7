package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/proxy"
)

func ordinaryRequest() proxy.Request {
	return proxy.Request{
		Time:   time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC),
		Client: "198.51.100.7", Listener: "https", Method: "GET", Host: "lyncweb-ext.contoso.example", Path: "/ucwa/v1/applications",
		Rule: "rule 1", WebServer: "fe1", Status: 200, Bytes: 1200, Duration: 1_234_567 * time.Nanosecond,
	}
}

// TestJournalSpeaksAsSlog has log/slog write the same requests.
func TestJournalSpeaksAsSlog(t *testing.T) {
	t.Parallel()
	requests := map[string]func(*proxy.Request){
		"ordinary":       func(*proxy.Request) {},
		"another zone":   func(r *proxy.Request) { r.Time = r.Time.In(time.FixedZone("", -5400)) },
		"a full second":  func(r *proxy.Request) { r.Time, r.Duration = r.Time.Truncate(time.Second), 0 },
		"nothing":        func(r *proxy.Request) { *r = proxy.Request{Time: r.Time} },
		"a long path":    func(r *proxy.Request) { r.Path = "/" + strings.Repeat("a", 4000) },
		"pinned":         func(r *proxy.Request) { r.Pinned = true },
		"minutes":        func(r *proxy.Request) { r.Duration = 190 * time.Second },
		"an equals sign": func(r *proxy.Request) { r.Path = "/a=b" },
		"quotes":         func(r *proxy.Request) { r.Path = `/"a"` },
		"a backslash":    func(r *proxy.Request) { r.Path = `/a\b` },
		"letters":        func(r *proxy.Request) { r.Rule = "Büro" },
		"no text":        func(r *proxy.Request) { r.Path = "/\xff\xfe" },
		"a control":      func(r *proxy.Request) { r.Rule = "a\nb\x7f" },
		"markup":         func(r *proxy.Request) { r.Path = "/<&>'" },
		"refused":        func(r *proxy.Request) { r.Status, r.Error, r.Detail = 404, "unknown-path", "no rule" },
		"failed":         func(r *proxy.Request) { r.Status, r.Error, r.Detail = 502, "refused", "dial tcp" },
	}
	for _, format := range []string{"text", "json"} {
		for name, edit := range requests {
			t.Run(format+" "+name, func(t *testing.T) {
				t.Parallel()
				r := ordinaryRequest()
				edit(&r)
				var got, want bytes.Buffer
				j := newJournal(&got, format)
				j.request(r)
				j.flush()
				var handler slog.Handler = slog.NewTextHandler(&want, nil)
				if format == "json" {
					handler = slog.NewJSONHandler(&want, nil)
				}
				rec := slog.NewRecord(r.Time.Add(r.Duration), r.Level(), "request", 0)
				rec.AddAttrs(r.Attrs()...)
				if err := handler.Handle(context.Background(), rec); err != nil {
					t.Fatal(err)
				}
				if _, ok := appendRequest(nil, &r, new(clock), format == "json"); !ok { // then log/slog took the time itself
					got, want = *afterTime(&got), *afterTime(&want)
				}
				if diff := cmp.Diff(want.String(), got.String()); diff != "" {
					t.Errorf("(-log/slog +journal)\n%s", diff)
				}
			})
		}
	}
}

// afterTime cuts the time off, which comes first.
func afterTime(b *bytes.Buffer) *bytes.Buffer {
	_, rest, _ := strings.Cut(b.String(), "level")
	return bytes.NewBufferString(rest)
}

// TestJournalGathers has lines of requests lie for a moment, and no other line behind them.
func TestJournalGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		j := newJournal(&out, "text")
		written := func() string {
			j.mu.Lock() // a flush may come
			defer j.mu.Unlock()
			return out.String()
		}
		lines := func() int { return strings.Count(written(), "\n") }
		j.request(ordinaryRequest())
		j.request(ordinaryRequest())
		if got := lines(); got != 0 {
			t.Errorf("%d lines at once, want none", got)
		}
		<-time.After(journalDelay)
		synctest.Wait()
		if got := lines(); got != 2 {
			t.Errorf("%d lines after a moment, want both", got)
		}
		j.request(ordinaryRequest())
		j.log.Warn("something")
		if got := lines(); got != 4 || !strings.HasSuffix(written(), "msg=something\n") {
			t.Errorf("%d lines after a warning, want all 4 and the warning last:\n%s", got, written())
		}
		for range journalFull / 100 {
			j.request(ordinaryRequest())
		}
		if got := len(written()); got < journalFull {
			t.Errorf("%d bytes of many requests, want %d written without a wait", got, journalFull)
		}
		<-time.After(journalDelay) // the flush that is still to come
	})
}

func BenchmarkJournal(b *testing.B) {
	j := newJournal(io.Discard, "text")
	r := ordinaryRequest()
	b.ReportAllocs()
	for b.Loop() {
		j.request(r)
	}
	j.flush()
}
