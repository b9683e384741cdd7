package proxy_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var mutants = flag.Int("mutants", 1000, "how many mutated requests TestMutants sends")

// sound are requests, and several at once, that pass as they are.
func sound() [][]byte {
	var out [][]byte
	for _, s := range []string{
		getHead + "\r\n",
		postHead + "Content-Length: 5\r\n\r\nhello",
		inChunks + "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
		getHead + "\r\n" + inner,
		postHead + "Content-Length: 5\r\n\r\nhello" + inner,
		inChunks + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" + inner,
		postHead + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(inner)) + inner,
		inChunks + fmt.Sprintf("%x\r\n", len(inner)) + inner + "\r\n0\r\n\r\n" + inner,
		postHead + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + inner,
		"POST http://" + published + "/x?y HTTP/1.1\r\n" + hostLine + "Connection: X-A\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi" + inner,
		"POST / HTTP/1.0\r\n" + hostLine + "Connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello" + inner,
	} {
		out = append(out, []byte(s))
	}
	return out
}

// A mutation changes a message at i, which lies in it. What it returns is new.
type mutation func(r *rand.Rand, p []byte, i int) []byte

// put replaces the n bytes at i.
func put(p []byte, i, n int, s string) []byte {
	n = min(n, len(p)-i)
	return append(append(bytes.Clone(p[:i]), s...), p[i+n:]...)
}

// mutations are small damages of the kind that readers differ on.
func mutations() []mutation {
	lines := []string{
		"Content-Length: 0\r\n", "Content-Length: 3\r\n", "Content-Length: 5, 5\r\n", "Content-Length : 7\r\n", "content_length: 3\r\n", "Content-Length: +5\r\n",
		"Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\tchunked\r\n", "Transfer-Encoding : chunked\r\n",
		"Transfer-Encoding: chunked, chunked\r\n", "X: y\nTransfer-Encoding: chunked\r\n", " folded\r\n", "Host: meet.fabrikam.example\r\n", "Host:\r\n",
		"Connection: close, Content-Length\r\n", "Connection: keep-alive, Host\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\n", "Trailer: Content-Length\r\n", "\r\n", "0\r\n\r\n",
	}
	bits := []string{"\r", "\n", "\r\n", "\x00", " ", "\t", "\v", ":", ";", ",", "0", "1", "f", "x", "+", "-", "_", "\"", "\xa0", "\xff", "0x", "\r\n ", "\n\r\n", "chunked", "HTTP/1.0"}
	return []mutation{
		func(r *rand.Rand, p []byte, i int) []byte { return put(p, i, 0, bits[r.IntN(len(bits))]) },
		func(r *rand.Rand, p []byte, i int) []byte { return put(p, i, 1, bits[r.IntN(len(bits))]) },
		func(r *rand.Rand, p []byte, i int) []byte { return put(p, i, 1+r.IntN(3), "") },
		func(r *rand.Rand, p []byte, i int) []byte { return put(p, i, 1, string(p[i]^0x20)) },
		func(r *rand.Rand, p []byte, i int) []byte {
			return put(p, i, 0, string(p[i:min(len(p), i+1+r.IntN(40))]))
		},
		func(r *rand.Rand, p []byte, i int) []byte { // a line more, behind one
			at := i + bytes.IndexByte(p[i:], '\n') + 1
			return put(p, at, 0, lines[r.IntN(len(lines))])
		},
		func(r *rand.Rand, p []byte, i int) []byte { // a line end of another kind
			if at := bytes.Index(p[i:], []byte("\r\n")); at >= 0 {
				return put(p, i+at, 2, []string{"\n", "\r", "\r\r\n", "\n\r", " \r\n", "\r\n\r\n"}[r.IntN(6)])
			}
			return p
		},
		func(r *rand.Rand, p []byte, i int) []byte { // a digit of a size
			if at := bytes.IndexAny(p[i:], "0123456789"); at >= 0 {
				return put(p, i+at, 1, fmt.Sprint(r.IntN(10)))
			}
			return p
		},
	}
}

// TestMutants damages sound requests in one to three places. Whatever reaches the web server must mean one thing to all readers, and
// be what the client said to net/http: nothing else, and in no greater number.
func TestMutants(t *testing.T) {
	t.Parallel()
	tp := newTape(t, nil)
	r := rand.New(rand.NewPCG(9112, 9110)) // the same damages every time
	seeds, changes := sound(), mutations()
	for _, p := range seeds {
		said, _ := strictly(p)
		if got := tp.check(t, p, tp.say(t, p, len(said))); len(got) != len(said) {
			t.Fatalf("%q is not sound: %q arrives", p, got)
		}
	}
	passed := 0
	for range *mutants {
		p := seeds[r.IntN(len(seeds))]
		for range 1 + r.IntN(3) {
			p = changes[r.IntN(len(changes))](r, p, r.IntN(len(p)))
		}
		said, _ := strictly(p)
		if len(tp.check(t, p, tp.say(t, p, len(said)))) > 0 {
			passed++
		}
		if t.Failed() {
			return
		}
	}
	if passed < *mutants/10 {
		t.Errorf("only %d of %d damaged messages had a request that passed: they show nothing", passed, *mutants)
	}
}

// FuzzThrough is TestMutants with damages that nobody thought of.
func FuzzThrough(f *testing.F) {
	for _, p := range sound() {
		f.Add(p)
	}
	for _, tc := range borderCases() {
		f.Add([]byte(tc.request))
	}
	tp := newTape(f, nil)
	f.Fuzz(func(t *testing.T, p []byte) {
		said, _ := strictly(p)
		tp.check(t, p, tp.say(t, p, len(said)))
	})
}
