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
	level, detail := slog.LevelInfo, ""
	if f := ex.failure; f != nil {
		rec.Error, detail = f.code, f.detail
		if f.status == statusClientGone && rec.Status == 0 {
			rec.Status = statusClientGone
		}
		if rec.Status >= 500 {
			level = slog.LevelWarn
		}
	}
	s.history.Add(rec)
	if !s.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("client", rec.Client), slog.String("listener", rec.Listener),
		slog.String("method", rec.Method), slog.String("host", rec.Host), slog.String("path", rec.Path),
		slog.String("rule", rec.Rule), slog.String("web_server", rec.WebServer),
		slog.Int("status", rec.Status), slog.Int64("bytes", rec.Bytes), slog.Duration("duration", rec.Duration),
		slog.Bool("pinned", rec.Pinned),
	}
	if rec.Error != "" {
		attrs = append(attrs, slog.String("error", rec.Error), slog.String("detail", detail))
	}
	s.log.LogAttrs(context.Background(), level, "request", attrs...)
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
