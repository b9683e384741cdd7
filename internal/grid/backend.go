package grid

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// seen is a request as the backend got it.
type seen struct {
	connection int
	step       int // which step's it says it is
	message    message
	body       body
	bodyErr    bool      // the body did not come whole
	left       time.Time // when the end of the connection was noticed in a hold; zero when it was not
}

// backend is a web server that keeps the bytes of requests and answers as their cases say. It serves one column.
type backend struct {
	cases       map[string]*Case
	tls, plain  net.Listener
	serving     sync.WaitGroup
	connections int // counts them

	mu      sync.Mutex
	open    map[net.Conn]bool
	closed  bool
	got     map[string][]*seen       // by case
	active  map[string]int           // requests being handled, by case
	changed map[string]chan struct{} // closed and renewed when active of a case falls
}

const (
	backendHead = time.Minute            // how long a connection may be idle: longer than a grid takes
	drainWait   = 3 * time.Second        // how long the rest of a refused body is read: longer than a client waits before it sends it
	challenge   = "TlRMTVNTUAACAAAAGRID" // leg 2 of a log-on
)

// startBackend serves at two addresses of loopback until close.
func startBackend(cases []Case, cfg *tls.Config) (*backend, error) {
	b := &backend{cases: map[string]*Case{}, open: map[net.Conn]bool{}, got: map[string][]*seen{}, active: map[string]int{}, changed: map[string]chan struct{}{}}
	for i := range cases {
		b.cases[cases[i].ID] = &cases[i]
	}
	var lc net.ListenConfig
	var err error
	if b.plain, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	inner, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, b.plain.Close())
	}
	b.tls = tls.NewListener(inner, cfg)
	for _, ln := range []net.Listener{b.tls, b.plain} {
		b.serving.Go(func() { b.accept(ln) })
	}
	return b, nil
}

func (b *backend) address(ln net.Listener) netip.AddrPort {
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

// close ends all connections and waits for who serves them.
func (b *backend) close() {
	b.mu.Lock()
	b.closed = true
	for c := range b.open {
		_ = c.Close()
	}
	b.mu.Unlock()
	_ = b.tls.Close()
	_ = b.plain.Close()
	b.serving.Wait()
}

// hangUp ends all connections, so that no request follows another on one that somebody may have left in disorder.
func (b *backend) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		_ = c.Close()
	}
}

func (b *backend) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return // it was closed
		}
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			_ = c.Close()
			return
		}
		b.connections++
		id := b.connections
		b.open[c] = true
		b.serving.Go(func() { b.serve(c, id) })
		b.mu.Unlock()
	}
}

// tagPattern finds the case and the step wherever a request carries them.
var tagPattern = regexp.MustCompile(`(?i)grid-([a-z0-9-]+)\.([0-9])`)

// caller is what the backend knows of a connection.
type caller struct {
	conn net.Conn
	r    *bufio.Reader
	id   int
	user string // who logged on, of connections that need it
	leg  int
}

func (b *backend) serve(c net.Conn, id int) {
	defer func() {
		_ = c.Close()
		b.mu.Lock()
		delete(b.open, c)
		b.mu.Unlock()
	}()
	k := &caller{conn: c, r: bufio.NewReaderSize(c, 4096), id: id}
	for {
		_ = c.SetDeadline(time.Now().Add(backendHead))
		raw, err := readHead(k.r)
		if err != nil {
			return
		}
		m := parse(raw)
		name, step := "", 0
		if t := tagPattern.FindSubmatch(raw); t != nil {
			name = strings.ToLower(string(t[1]))
			step, _ = strconv.Atoi(string(t[2]))
		}
		s := &seen{connection: id, step: step, message: m}
		b.begin(name, s)
		again := b.answer(k, s, b.script(name, step))
		b.end(name)
		if !again {
			return
		}
	}
}

// readHead reads up to the empty line, whatever is before it.
func readHead(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	begin := true // of a line
	for {
		part, err := r.ReadSlice('\n')
		empty := begin && err == nil && len(strings.TrimRight(string(part), "\r\n")) == 0
		begin = err == nil
		if empty && len(raw) == 0 {
			continue // servers pass over empty lines before a request
		}
		raw = append(raw, part...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(raw) > maxHead {
			return nil, errBody
		}
		if empty {
			return raw, nil
		}
		if err == nil && strings.HasPrefix(string(raw), "GET ") && !strings.Contains(string(raw), " HTTP/") {
			return raw, nil // HTTP/0.9 has one line
		}
	}
}

func (b *backend) begin(name string, s *seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.got[name]) < 100 {
		b.got[name] = append(b.got[name], s)
	}
	b.active[name]++
	if b.changed[name] == nil {
		b.changed[name] = make(chan struct{})
	}
}

func (b *backend) end(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.active[name]--
	close(b.changed[name])
	b.changed[name] = make(chan struct{})
}

// update changes what was seen while others may look.
func (b *backend) update(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// received are copies of the requests of a case, when none is being handled any more or ctx has ended.
func (b *backend) received(ctx context.Context, name string) []seen {
	for {
		b.mu.Lock()
		busy, changed := b.active[name] > 0, b.changed[name]
		if !busy || ctx.Err() != nil {
			out := make([]seen, len(b.got[name]))
			for i, s := range b.got[name] {
				out[i] = *s
			}
			b.mu.Unlock()
			return out
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// script is the answer to a step; the short 200 for what no case asks.
func (b *backend) script(name string, step int) Answer {
	c := b.cases[name]
	if c == nil || step >= len(c.Steps) {
		return Answer{}
	}
	return c.Steps[step].Answer
}

// answer handles one request and tells whether the connection lives on.
func (b *backend) answer(k *caller, s *seen, a Answer) bool {
	if a.Authenticates {
		a.Pieces = k.authenticate(&s.message)
	}
	if len(a.Pieces) == 0 {
		a.Pieces = answer("200 OK", "ok")
	}
	if strings.HasPrefix(a.Pieces[0].Text, "HTTP/1.1 101 ") && len(s.message.values("Upgrade")) == 0 {
		a = Answer{Pieces: answer("426 Upgrade Required", "where is Upgrade?")} // no server changes the protocol unasked
	}
	method, _, version := s.message.requestLine()
	if a.Early {
		k.write(method, a.Pieces)
		_ = k.conn.SetReadDeadline(time.Now().Add(drainWait))
		content, err := readRequestBody(k.r, &s.message)
		b.update(func() { s.body, s.bodyErr = content, err != nil })
		return false
	}
	if s.message.has("Expect", "100-continue") && !strings.HasPrefix(a.Pieces[0].Text, "HTTP/1.1 1") {
		k.write(method, send("HTTP/1.1 100 Continue\r\n\r\n"))
	}
	content, err := readRequestBody(k.r, &s.message)
	b.update(func() { s.body, s.bodyErr = content, err != nil })
	if err != nil {
		k.write(method, answer("400 Bad Request", "no body that could be read", "Connection: close"))
		return false
	}
	if a.Hold > 0 && k.leaves(a.Hold) {
		b.update(func() { s.left = time.Now() })
		return false
	}
	if !k.write(method, a.Pieces) || a.Close {
		return false
	}
	if version == "HTTP/1.1" {
		return !s.message.has("Connection", "close")
	}
	return s.message.has("Connection", "keep-alive")
}

// leaves waits and tells whether the other side ended the connection meanwhile.
func (k *caller) leaves(hold time.Duration) bool {
	_ = k.conn.SetReadDeadline(time.Now().Add(hold))
	defer func() { _ = k.conn.SetReadDeadline(time.Now().Add(backendHead)) }()
	_, err := k.r.Peek(1)
	if err == nil { // a next request, ahead of its time: no longer a way to watch
		wait(context.Background(), hold)
		return false
	}
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// write sends the pieces, without a body to who asked for the head alone, and tells whether all went out.
func (k *caller) write(method string, pieces []Piece) bool {
	for _, p := range pieces {
		wait(context.Background(), p.Pause)
		text := strings.ReplaceAll(p.Text, "{date}", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
		if method == "HEAD" {
			text = text[:headEnd([]byte(text))]
		}
		if _, err := k.conn.Write([]byte(text)); err != nil {
			return false
		}
	}
	return true
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// authenticate is IIS with NTLM: who has said leg 3 on a connection has it for good.
func (k *caller) authenticate(m *message) []Piece {
	const offer = "WWW-Authenticate: NTLM"
	token := ""
	if v := m.values("Authorization"); len(v) > 0 {
		token, _ = strings.CutPrefix(v[0], "NTLM ")
	}
	switch {
	case token == legOne:
		k.leg, k.user = 1, ""
		return answer("401 Unauthorized", "leg 2", offer+" "+challenge)
	case strings.HasPrefix(token, legThree) && k.leg == 1:
		k.leg, k.user = 0, strings.TrimPrefix(token, legThree)
	case token != "":
		return answer("401 Unauthorized", "a leg 3 without its leg 1", offer)
	}
	if k.user == "" {
		return answer("401 Unauthorized", "nobody", offer)
	}
	return answer("200 OK", "you are "+k.user, fmt.Sprintf("X-Connection: %d", k.id))
}

// Legs of a log-on. What the third says is who logs on.
const (
	legOne   = "TlRMTVNTUAABAAAAGRID"
	legThree = "TlRMTVNTUAADAAAA"
)
