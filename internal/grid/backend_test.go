package grid

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// ask opens a connection to a backend that knows the cases.
func ask(t *testing.T, cases ...Case) (*backend, net.Conn, *bufio.Reader) {
	t.Helper()
	b, err := startBackend(cases, &tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	c, err := net.Dial("tcp", b.address(b.plain).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return b, c, bufio.NewReader(c)
}

// say writes a request and reads an answer with a body of known length.
func say(t *testing.T, c net.Conn, r *bufio.Reader, text string) string {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	raw, err := readHead(r)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(raw)
	b, err := readRequestBody(r, &m)
	if err != nil {
		t.Fatal(err)
	}
	return m.line + " | " + string(b.data)
}

func TestBackendKeepsBytes(t *testing.T) {
	t.Parallel()
	b, c, r := ask(t)
	const odd = "geT /a%2F//b?  HTTP/1.1\r\nhOST: x\r\nX-Grid: grid-some-case.3\r\nX:\ta \r\nX-Fold: a\r\n b\r\n\r\n"
	if got := say(t, c, r, "\r\n"+odd); got != "HTTP/1.1 200 OK | ok" {
		t.Errorf("answer %q", got)
	}
	if got := say(t, c, r, "POST / HTTP/1.1\r\nX-Grid: GRID-Some-Case.0\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\n0\r\nSum: 1\r\n\r\n"); got != "HTTP/1.1 200 OK | ok" {
		t.Errorf("answer %q", got)
	}
	got := b.received(t.Context(), "some-case")
	if len(got) != 2 {
		t.Fatalf("%d requests, want 2", len(got))
	}
	if string(got[0].message.raw) != odd || got[0].step != 3 {
		t.Errorf("kept %q of step %d", got[0].message.raw, got[0].step)
	}
	if got[0].connection != got[1].connection {
		t.Error("two connections, want one")
	}
	if s := got[1]; string(s.body.data) != "wiki" || s.body.chunks[0] != "4;x=y" || len(s.body.trailers) != 1 || s.bodyErr {
		t.Errorf("body %+v", s.body)
	}
}

func TestBackendAnswersAsTheCaseSays(t *testing.T) {
	t.Parallel()
	c := Case{ID: "x", Steps: []Step{{}, {Answer: Answer{Pieces: answer("401 No", "go away")}}}}
	_, conn, r := ask(t, c)
	if got := say(t, conn, r, "GET /grid-x.1 HTTP/1.1\r\n\r\n"); got != "HTTP/1.1 401 No | go away" {
		t.Errorf("answer %q", got)
	}
	if got := say(t, conn, r, "GET /grid-unknown.1 HTTP/1.1\r\n\r\n"); got != "HTTP/1.1 200 OK | ok" {
		t.Errorf("answer %q", got)
	}
}

func TestBackendLogsOnConnections(t *testing.T) {
	t.Parallel()
	steps := []Step{{Answer: Answer{Authenticates: true}}}
	b, c, r := ask(t, Case{ID: "x", Steps: steps})
	with := func(token string) string {
		return "GET /grid-x.0 HTTP/1.1\r\nAuthorization: NTLM " + token + "\r\n\r\n"
	}
	for _, x := range []struct{ send, want string }{
		{"GET /grid-x.0 HTTP/1.1\r\n\r\n", "nobody"},
		{with(legThree + "alice"), "a leg 3 without its leg 1"},
		{with(legOne), "leg 2"},
		{with(legThree + "alice"), "you are alice"},
		{"GET /grid-x.0 HTTP/1.1\r\n\r\n", "you are alice"},
	} {
		if got := say(t, c, r, x.send); !strings.HasSuffix(got, "| "+x.want) {
			t.Errorf("%q gets %q, want %q", x.send, got, x.want)
		}
	}
	other, err := net.Dial("tcp", b.address(b.plain).String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := say(t, other, bufio.NewReader(other), "GET /grid-x.0 HTTP/1.1\r\n\r\n"); !strings.HasSuffix(got, "| nobody") {
		t.Errorf("another connection gets %q", got)
	}
}

func TestBackendNoticesWhoLeaves(t *testing.T) {
	t.Parallel()
	b, c, _ := ask(t, Case{ID: "x", Steps: []Step{{Answer: Answer{Hold: time.Minute}}}})
	if _, err := io.WriteString(c, "GET /grid-x.0 HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); err != nil { // the backend hangs up when it has noticed
		t.Fatal(err)
	}
	if got := b.received(t.Context(), "x"); len(got) != 1 || got[0].left.IsZero() {
		t.Errorf("received %+v, want one request whose client left", got)
	}
}
