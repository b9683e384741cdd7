package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lyncpin/proxy"
)

// A tape is a web server that keeps every byte that reaches it, and answers as net/http would.
type tape struct {
	w    *world
	ln   net.Listener
	mu   sync.Mutex
	more *sync.Cond

	dialled, ended int
	rolls          map[int][]byte // by connection, as far as they have ended
}

// unwanted is a host whose requests the proxy answers itself.
const unwanted = "unwanted.contoso.example"

// newTape starts a proxy with a tape behind it, to which each request has a connection of its own.
func newTape(t testing.TB, edit func(*proxy.Config)) *tape {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tp := &tape{w: newWorld(t), ln: ln, rolls: map[int][]byte{}}
	tp.more = sync.NewCond(&tp.mu)
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 0; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { tp.serve(conn, n) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	w := tp.w
	w.cfg.WebServers = []proxy.WebServer{{Alias: "tape", Address: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port, Scheme: "http"}}
	w.cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(context.WithoutCancel(ctx), network, addr) // so that all that are accepted are counted
		if err == nil {
			tp.mu.Lock()
			tp.dialled++
			tp.mu.Unlock()
		}
		return conn, err
	}
	w.rule(proxy.Rule{Hosts: []string{unwanted}, Respond: &proxy.Response{Status: 403}})
	w.rule(proxy.Rule{Hosts: []string{"*"}, WebServers: []string{"tape"}, Connections: "close"})
	if edit != nil {
		edit(&w.cfg)
	}
	w.start()
	return tp
}

func (tp *tape) serve(conn net.Conn, n int) {
	var roll bytes.Buffer
	defer func() {
		conn.Close()
		tp.mu.Lock()
		defer tp.mu.Unlock()
		tp.rolls[n] = roll.Bytes()
		tp.ended++
		tp.more.Broadcast()
	}()
	br := bufio.NewReader(io.TeeReader(conn, &roll))
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			break
		}
		if r.Header.Get("Expect") != "" {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			break
		}
		text := echoed(meaning{r.Method, r.RequestURI, r.Host, string(body)})
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(text))
		if r.Method != "HEAD" {
			io.WriteString(conn, text)
		}
	}
	io.Copy(io.Discard, br) // the rest goes onto the tape
}

func echoed(m meaning) string { return fmt.Sprintf("%q", m) }

// An outcome is what became of a client's bytes.
type outcome struct {
	rolls    [][]byte
	statuses []int
	echoes   []string // of answers with status 200
	closes   bool     // the last answer said so
}

// say sends text to the proxy, waits for so many answers, and ends the sending: a client that ends it earlier has left. It must not
// be called by several goroutines.
func (tp *tape) say(t testing.TB, text []byte, answers int) (o outcome) {
	t.Helper()
	conn, err := net.Dial("tcp", tp.w.proxy.HTTPAddrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	written, answered := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		conn.Write(text) // more than is read of it, perhaps
		<-answered
		conn.(*net.TCPConn).CloseWrite()
	}()
	br := bufio.NewReader(conn)
	var asked []string // methods, as far as they are known: an answer to HEAD has no body
	requests, _ := strictly(text)
	for _, m := range requests {
		asked = append(asked, m.method)
	}
	enough := sync.OnceFunc(func() { close(answered) })
	for {
		if len(o.statuses) == answers {
			enough()
		}
		req := &http.Request{Method: "GET"}
		if len(asked) > 0 {
			req.Method = asked[0]
		}
		res, err := http.ReadResponse(br, req)
		if err != nil {
			break
		}
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode == 100 {
			continue
		}
		if len(asked) > 0 {
			asked = asked[1:]
		}
		o.statuses, o.closes = append(o.statuses, res.StatusCode), res.Close
		if res.StatusCode == 200 && req.Method != "HEAD" {
			o.echoes = append(o.echoes, string(body))
		}
	}
	conn.Close()
	enough()
	<-written
	o.rolls = tp.rewind().rolls
	return o
}

// rewind returns what has arrived since the last time, when it is all.
func (tp *tape) rewind() (o outcome) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	for tp.ended < tp.dialled {
		tp.more.Wait()
	}
	for _, n := range slices.Sorted(maps.Keys(tp.rolls)) {
		o.rolls = append(o.rolls, tp.rolls[n])
	}
	tp.rolls = map[int][]byte{}
	return o
}

// agreed wants what reached the tape to mean one thing to everybody, and returns it.
func (tp *tape) agreed(t testing.TB, o outcome) (got []meaning) {
	t.Helper()
	for _, roll := range o.rolls {
		want, trailers := strictly(roll)
		for i, l := range laxReaders() {
			if read := l.read(roll); !slices.Equal(read, want) {
				t.Fatalf("a lax reader (%d) takes what net/http takes for %q for %q\ncame  %q", i, want, read, roll)
			}
		}
		for _, name := range trailers {
			switch strings.ToLower(name) {
			case "host", "content-length", "transfer-encoding", "trailer", "authorization", "connection":
				t.Errorf("a trailer is %s\ncame  %q", name, roll)
			}
		}
		if len(want) > 1 {
			t.Errorf("one request became %q\ncame  %q", want, roll)
		}
		got = append(got, want...)
	}
	return got
}

// check wants what reached the tape to be what the client said, and nothing else to anybody: in its order, maybe with some refused.
func (tp *tape) check(t testing.TB, text []byte, o outcome) []meaning {
	t.Helper()
	got := tp.agreed(t, o)
	said, _ := strictly(text)
	rest := said
	for _, m := range got {
		i := slices.Index(rest, m)
		if i < 0 {
			t.Errorf("the web server was asked %q, the client said %q\nsent  %q\ncame  %q", got, said, text, o.rolls)
			break
		}
		rest = rest[i+1:]
	}
	if len(o.echoes) > len(got) {
		t.Errorf("%d answers to %d requests\nsent  %q", len(o.echoes), len(got), text)
	}
	return got
}
