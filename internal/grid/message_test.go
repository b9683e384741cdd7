package grid

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAmbiguous(t *testing.T) {
	t.Parallel()
	const line = "POST / HTTP/1.1\r\nHost: a.example\r\n"
	for _, c := range []struct {
		name, head string
		want       []string
	}{
		{"plain", line + "Content-Length: 4\r\n\r\n", nil},
		{"chunked", line + "Transfer-Encoding: chunked\r\n\r\n", nil},
		{"capitals", line + "TRANSFER-ENCODING: Chunked\r\n\r\n", nil},
		{"tab-behind-colon", line + "X:\ta\r\n\r\n", nil},
		{"colon-in-value", line + "X: a : b\r\n\r\n", nil},
		{"same-host-in-url", "GET https://a.example/ HTTP/1.1\r\nHost: A.example\r\n\r\n", nil},
		{"both", line + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", []string{"Content-Length and Transfer-Encoding"}},
		{"two-lengths", line + "Content-Length: 4\r\nContent-length: 4\r\n\r\n", []string{"two Content-Lengths"}},
		{"plus", line + "Content-Length: +4\r\n\r\n", []string{`Content-Length "+4"`}},
		{"coding", line + "Transfer-Encoding: xchunked\r\n\r\n", []string{`Transfer-Encoding "xchunked"`}},
		{"hosts", line + "Host: b.example\r\n\r\n", []string{"two Hosts"}},
		{"url", "GET https://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", []string{"a URL with another host than Host"}},
		{"lf", "GET / HTTP/1.1\nHost: a.example\r\n\r\n", []string{"a line that ends with LF alone"}},
		{"fold", line + "X: a\r\n b\r\n\r\n", []string{"a folded line"}},
		{"space", line + "X : a\r\n\r\n", []string{"a space before a colon"}},
		{"nul", line + "X: a\x00\r\n\r\n", []string{"CR or NUL inside a line"}},
		{"cr", line + "X: a\rY: b\r\n\r\n", []string{"CR or NUL inside a line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := parse([]byte(c.head))
			if diff := cmp.Diff(c.want, m.ambiguous()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestHeadEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0}, {"a\r\n", 0}, {"a\r\n\r\nb", 5}, {"a\n\nb", 3}, {"\r\na\r\n\r\n", 7}, {"a\r\nb: c\r\n\r\n", 11},
	} {
		if got := headEnd([]byte(c.text)); got != c.want {
			t.Errorf("headEnd(%q) = %d, want %d", c.text, got, c.want)
		}
	}
}

// The framing is that of RFC 9112 §6.3; the chunks are those of Wikipedia's article on them.
func TestReplies(t *testing.T) {
	t.Parallel()
	type want struct {
		Interim  []int
		Status   int
		Body     string
		Framing  string
		Complete bool
	}
	for _, c := range []struct {
		name, text string
		methods    []string
		ended      bool
		want       []want
	}{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", nil, false, []want{{Status: 200, Body: "ok", Framing: "length", Complete: true}}},
		{"length-short", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", nil, true, []want{{Status: 200, Body: "ok", Framing: "length"}}},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n7\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\n\r\n", nil, false,
			[]want{{Status: 200, Body: "Wikipedia in \r\nchunks.", Framing: "chunked", Complete: true}}},
		{"chunked-cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n7\r\nped", nil, true, []want{{Status: 200, Body: "Wikiped", Framing: "chunked"}}},
		{"close", "HTTP/1.1 200 OK\r\n\r\nall", nil, true, []want{{Status: 200, Body: "all", Framing: "close", Complete: true}}},
		{"close-open", "HTTP/1.1 200 OK\r\n\r\nall", nil, false, []want{{Status: 200, Body: "all", Framing: "close"}}},
		{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", nil, false,
			[]want{{Interim: []int{100, 103}, Status: 204, Framing: "none", Complete: true}}},
		{"head", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", []string{"HEAD"}, false, []want{{Status: 200, Framing: "none", Complete: true}}},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", nil, false, []want{{Status: 304, Framing: "none", Complete: true}}},
		{"two", "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []string{"GET", "GET"}, false,
			[]want{{Status: 401, Body: "no", Framing: "length", Complete: true}, {Status: 200, Framing: "length", Complete: true}}},
		{"half-head", "HTTP/1.1 200 OK\r\nCont", nil, true, []want{{Status: 200}}},
		{"no-http", "SSH-2.0-OpenSSH\r\n", nil, true, []want{{Body: "SSH-2.0-OpenSSH\r\n", Framing: "close", Complete: true}}},
		{"behind-the-last", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok junk\r\n\r\n", nil, true, []want{{Status: 200, Body: "ok", Framing: "length", Complete: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []want
			for _, r := range replies([]byte(c.text), c.methods, c.ended) {
				got = append(got, want{r.interim, r.message.status(), string(r.body.data), r.body.framing, r.complete})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadChunksTellsWhatIsOdd(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"4\r\nbody\r\n0\r\n\r\n":       "",
		"A;x=1\r\n0123456789\r\n0\r\n": "",
		"4\nbody\n0\n\n":               "a chunk that does not end where its size says",
		"0x4\r\nbody\r\n0\r\n\r\n":     `a chunk of the size "0x4"`,
		"2\r\nbody\r\n0\r\n\r\n":       "a chunk that does not end where its size says",
	} {
		var b body
		_ = readChunks(bufio.NewReader(strings.NewReader(text)), &b)
		if b.bad != want && !(strings.Contains(text, "4\n") && b.bad != "") {
			t.Errorf("%q: bad = %q, want %q", text, b.bad, want)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"GET / HTTP/1.1\r\nA: \"b\\c\"\r\n\r\n": "GET / HTTP/1.1\nA: \"b\\c\"\n\n",
		"GET / HTTP/1.1\nA: b\r\n\r\nx\ny":      "GET / HTTP/1.1\\n\nA: b\n\nx\ny",
		"A: b\x00\rc\r\n":                       "A: b\\x00\\rc\n",
		"\xff":                                  `\xff`,
	} {
		if got := shorten([]byte(in)); got != want {
			t.Errorf("shorten(%q) = %q, want %q", in, got, want)
		}
	}
	if got := shorten(bytes.Repeat([]byte("a\n"), 4<<20)); len(got) > 20000 {
		t.Errorf("8 MiB are shortened to %d bytes", len(got))
	}
}

func FuzzReplies(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n0\r\n\r\n", "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "\r\n\r\n", "ok"} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, ended bool) {
		size := 0
		for _, r := range replies(data, []string{"GET", "HEAD"}, ended) {
			if r.size <= 0 || r.begin > r.size {
				t.Fatalf("an answer of %d bytes with a head of %d", r.size, r.begin)
			}
			size += r.size
		}
		if size > len(data) {
			t.Fatalf("answers of %d bytes in %d", size, len(data))
		}
		m := parse(data)
		m.ambiguous()
		m.requestLine()
		shorten(data)
	})
}
