package proxy

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"time"
)

// statusClientGone is what logs show for a client that left before its answer. It is never sent.
const statusClientGone = 499

// Request is one request the proxy took, for the history.
type Request struct {
	// Time is when its header had been read, by Config.Now.
	Time time.Time
	// Client is the address it came from, without a port.
	Client string
	// Listener is "https" or "http".
	Listener string
	// Method, Host and Path are as the client sent them. The query is left out, for it may hold a ticket.
	Method, Host, Path string
	// Rule is the publishing rule that took it; empty when none did.
	Rule string
	// WebServer is the alias of the web server it went to, or was last tried at; empty when it went to none.
	WebServer string
	// Status is what the client was answered: 101 for an upgraded connection, 499 when the client left first, zero when the
	// connection was reset or ended before an answer.
	Status int
	// Bytes is the size of the answer's body; of an upgraded connection, zero.
	Bytes int64
	// Duration is from its header to the end of its answer.
	Duration time.Duration
	// Pinned reports whether it used an upstream connection of its client's own.
	Pinned bool
	// Error is a short word when the proxy answered itself, e.g. "refused"; empty otherwise.
	Error string
	// Detail says more about Error, as the log does; it may be empty.
	Detail string
}

// Level is what the request is logged at: a warning when the proxy, or the web server, is to blame for it.
func (r Request) Level() slog.Level {
	if r.Error != "" && r.Status >= 500 {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Attrs are what is logged of the request.
func (r Request) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("client", r.Client), slog.String("listener", r.Listener),
		slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.Path),
		slog.String("rule", r.Rule), slog.String("web_server", r.WebServer),
		slog.Int("status", r.Status), slog.Int64("bytes", r.Bytes), slog.Duration("duration", r.Duration),
		slog.Bool("pinned", r.Pinned),
	}
	if r.Error != "" {
		attrs = append(attrs, slog.String("error", r.Error), slog.String("detail", r.Detail))
	}
	return attrs
}

// finish notes the exchange in log and history.
func (s *Server) finish(ex *exchange) {
	rec := Request{
		Time:     ex.table.cfg.Now(),
		Client:   ex.clientText,
		Listener: ex.scheme,
		Method:   ex.method,
		Host:     ex.hostField,
		Path:     ex.path,
		Status:   ex.status,
		Bytes:    ex.bytes,
		Duration: time.Since(ex.began),
		Pinned:   ex.pinned,
	}
	rec.Time = rec.Time.Add(-rec.Duration)
	if ex.rule != nil {
		rec.Rule = ex.rule.Name
	}
	if ex.node != nil {
		rec.WebServer = ex.node.server.Alias
	}
	if f := ex.failure; f != nil {
		rec.Error, rec.Detail = f.code, f.detail
		if f.status == statusClientGone && rec.Status == 0 {
			rec.Status = statusClientGone
		}
	}
	s.history.Add(rec)
	s.counts.ended(ex)
	switch level := rec.Level(); {
	case ex.table.cfg.Access != nil:
		ex.table.cfg.Access(rec)
	case s.log.Enabled(context.Background(), level):
		s.log.LogAttrs(context.Background(), level, "request", rec.Attrs()...)
	}
}

// serverErrors makes records of the lines in which net/http says what went wrong before a request was read.
type serverErrors struct{ log *slog.Logger }

// Write takes one line: log.Logger calls it once for each.
func (e serverErrors) Write(line []byte) (int, error) {
	text := strings.TrimPrefix(strings.TrimSpace(string(line)), "http: ")
	rest, ok := strings.CutPrefix(text, "TLS handshake error from ")
	if !ok {
		e.log.Warn(text)
		return len(line), nil
	}
	addr, reason, _ := strings.Cut(rest, ": ")
	client, _, err := net.SplitHostPort(addr)
	if err != nil {
		client = addr
	}
	e.log.Info("TLS handshake failed", "client", client, "reason", strings.TrimPrefix(reason, "tls: "))
	return len(line), nil
}
