package cli

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"lyncpin/proxy"
)

const (
	// journalDelay is how long the line of a request may lie: not so long that somebody who looks on would notice.
	journalDelay = 250 * time.Millisecond
	// journalFull is how much may lie: some hundred lines.
	journalFull = 64 << 10
)

// A journal is the log of a proxy. The lines of requests that went well are gathered and written together, for a system call
// for each would cost more than all else about it. Every other line is written at once, behind those that came before it.
type journal struct {
	log  *slog.Logger // writes to the journal
	json bool

	mu      sync.Mutex
	w       io.Writer
	lines   []byte
	pending bool // a flush will come
	clock   clock
}

// newJournal writes to w, in the words of log/slog: its JSON, or its text. The caller must flush it at the end.
func newJournal(w io.Writer, format string) *journal {
	j := &journal{w: w, json: format == "json"}
	if j.json {
		j.log = slog.New(slog.NewJSONHandler(j, nil))
	} else {
		j.log = slog.New(slog.NewTextHandler(j, nil))
	}
	return j
}

// Write writes p, and before it what has been gathered.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, p...)
	return len(p), j.writeOut()
}

// flush writes what has been gathered.
func (j *journal) flush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = false
	j.writeOut()
}

// writeOut is called with mu held: who logs faster than can be written waits.
func (j *journal) writeOut() error {
	if len(j.lines) == 0 {
		return nil
	}
	_, err := j.w.Write(j.lines)
	j.lines = j.lines[:0]
	return err
}

// request is proxy.Config.Access.
func (j *journal) request(r proxy.Request) {
	if !j.gather(&r) {
		j.log.LogAttrs(context.Background(), r.Level(), "request", r.Attrs()...)
	}
}

// gather adds the line of an ordinary request. It is false for others.
func (j *journal) gather(r *proxy.Request) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines, ok := appendRequest(j.lines, r, &j.clock, j.json)
	if !ok {
		return false
	}
	j.lines = lines
	if len(j.lines) >= journalFull {
		j.writeOut()
	} else if !j.pending {
		j.pending = true
		time.AfterFunc(journalDelay, j.flush)
	}
	return true
}

// appendRequest adds the line of a request, as log/slog would. It does not know how to say that something went wrong, and all that
// log/slog does about unusual characters.
func appendRequest(out []byte, r *proxy.Request, c *clock, json bool) (lines []byte, ok bool) {
	if r.Error != "" {
		return nil, false
	}
	l := requestLine{out, json, true}
	at := r.Time.Add(r.Duration)
	if json {
		l.out = append(at.AppendFormat(append(l.out, `{"time":"`...), time.RFC3339Nano), `","level":"INFO","msg":"request"`...)
	} else {
		l.out = append(c.appendTime(append(l.out, "time="...), at), " level=INFO msg=request"...)
	}
	l.text("client", r.Client)
	l.text("listener", r.Listener)
	l.text("method", r.Method)
	l.text("host", r.Host)
	l.text("path", r.Path)
	l.text("rule", r.Rule)
	l.text("web_server", r.WebServer)
	l.key("status")
	l.out = strconv.AppendInt(l.out, int64(r.Status), 10)
	l.key("bytes")
	l.out = strconv.AppendInt(l.out, r.Bytes, 10)
	l.key("duration")
	if json {
		l.out = strconv.AppendInt(l.out, int64(r.Duration), 10)
	} else {
		l.out = append(l.out, r.Duration.String()...)
	}
	l.key("pinned")
	l.out = strconv.AppendBool(l.out, r.Pinned)
	if json {
		l.out = append(l.out, '}')
	}
	return append(l.out, '\n'), l.ok
}

// A clock writes times as the text of log/slog has them. It keeps the second, of which there are many lines.
type clock struct {
	second       int64
	before, zone []byte // the milliseconds, and behind them
}

func (c *clock) appendTime(out []byte, t time.Time) []byte {
	if s := t.Unix(); s != c.second || c.before == nil {
		c.second = s
		c.before, c.zone = t.AppendFormat(c.before[:0], "2006-01-02T15:04:05."), t.AppendFormat(c.zone[:0], "Z07:00")
	}
	ms := t.Nanosecond() / int(time.Millisecond)
	out = append(append(out, c.before...), byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	return append(out, c.zone...)
}

// A requestLine is a line in the making.
type requestLine struct {
	out  []byte
	json bool
	ok   bool // until a value is met that is better left to log/slog
}

func (l *requestLine) key(name string) {
	if l.json {
		l.out = append(append(append(l.out, `,"`...), name...), `":`...)
	} else {
		l.out = append(append(append(l.out, ' '), name...), '=')
	}
}

func (l *requestLine) text(name, value string) {
	l.key(name)
	quoted := l.json || value == ""
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ', c > '~', c == '"', c == '\\':
			l.ok = false
			return
		case c == ' ', c == '=':
			quoted = true
		}
	}
	if quoted {
		l.out = append(append(append(l.out, '"'), value...), '"')
	} else {
		l.out = append(l.out, value...)
	}
}
