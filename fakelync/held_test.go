package fakelync_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lyncpin/fakelync"
)

// open is a connection to the bubble's machine by which requests go out as they are written.
func (b bubble) open(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := b.dial(func(c net.Conn) net.Conn { return c })
	if err != nil {
		t.Fatal(err)
	}
	c = overTLS(c)
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// get writes a GET of the client's.
func get(c net.Conn, as *client, target, proto, more string) {
	fmt.Fprintf(c, "GET %s %s\r\nHost: lyncweb-ext.contoso.example\r\nAuthorization: Bearer %s\r\n%s\r\n", target, proto, as.ticket, more)
}

// status reads an answer whole.
func status(t *testing.T, r *bufio.Reader) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

// TestHeldAnswersAreLikeOthers compares the bytes of a poll that is answered at once, by net/http, with those of one that
// was held.
func TestHeldAnswersAreLikeOthers(t *testing.T) {
	for _, tc := range []struct{ name, proto, more string }{
		{"1.1", "HTTP/1.1", ""},
		{"1.1-close", "HTTP/1.1", "Connection: close\r\n"},
		{"1.0", "HTTP/1.0", ""},
		{"1.0-keep-alive", "HTTP/1.0", "Connection: keep-alive\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, b bubble) {
				c := b.client(t, "user1")
				defer leave(c)
				var answers [2]string
				for i, held := range []bool{false, true} {
					conn, r := b.open(t)
					if !held {
						c.want(204, "POST", c.self+"/me/note", `{"message":"one"}`)
					}
					get(conn, c, c.events, tc.proto, tc.more)
					if held {
						synctest.Wait()
						if b.org.Polls() != 1 {
							t.Fatal("the poll does not wait")
						}
						c.want(204, "POST", c.self+"/me/note", `{"message":"one"}`)
					}
					if i == 0 {
						c.events = strings.Replace(c.events, "ack=2", "ack=3", 1)
					}
					answers[i] = bytesOf(t, conn, r)
					conn.Close()
				}
				if answers[0] != answers[1] || len(answers[0]) < 200 {
					t.Errorf("held:\n%s\nat once:\n%s", answers[1], answers[0])
				}
			})
		})
	}
}

// bytesOf are the bytes of an answer and how its connection goes on, without what differs from answer to answer.
func bytesOf(t *testing.T, c net.Conn, r *bufio.Reader) string {
	t.Helper()
	var raw strings.Builder
	status(t, bufio.NewReader(io.TeeReader(onlyBuffered{r}, &raw)))
	c.SetReadDeadline(time.Now().Add(time.Minute))
	_, err := r.ReadByte()
	text := regexp.MustCompile(`ack=\d+|Date: .*`).ReplaceAllString(raw.String(), "…")
	return text + fmt.Sprintf("then ended: %v", err == io.EOF)
}

// onlyBuffered reads no more than has come.
type onlyBuffered struct{ *bufio.Reader }

func (r onlyBuffered) Read(p []byte) (int, error) {
	if _, err := r.Peek(1); err != nil {
		return 0, err
	}
	return r.Reader.Read(p[:min(len(p), r.Buffered())])
}

// TestRequestsBehindAPoll sends a second request before the first, a poll, is answered: in the same write, and after it.
func TestRequestsBehindAPoll(t *testing.T) {
	for _, together := range []bool{true, false} {
		t.Run(fmt.Sprintf("together=%v", together), func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, b bubble) {
				c := b.client(t, "user1")
				defer leave(c)
				conn, r := b.open(t)
				var text strings.Builder
				second := fmt.Sprintf("GET %s/me HTTP/1.1\r\nHost: lyncweb-ext.contoso.example\r\nAuthorization: Bearer %s\r\n\r\n", c.self, c.ticket)
				fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: lyncweb-ext.contoso.example\r\nAuthorization: Bearer %s\r\n\r\n", c.events, c.ticket)
				if together {
					text.WriteString(second)
				}
				io.WriteString(conn, text.String())
				synctest.Wait()
				if !together {
					go io.WriteString(conn, second)
					synctest.Wait()
				}
				c.want(204, "POST", c.self+"/me/note", `{"message":"one"}`)
				for _, want := range []string{`"note"`, `"sip:user1@contoso.example"`} {
					body, _ := io.ReadAll(status(t, r).Body)
					if !strings.Contains(string(body), want) {
						t.Errorf("got %s, want %s", body, want)
					}
				}
				all := b.srv.History()
				if poll, me := all[len(all)-2], all[len(all)-1]; poll.Conn != me.Conn || poll.Status != 200 || !strings.HasSuffix(me.RequestURI, "/me") {
					t.Errorf("history: %+v\n%+v", poll, me)
				}
			})
		})
	}
}

// TestIdleAfterAPoll leaves a connection alone after its poll was answered.
func TestIdleAfterAPoll(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, b bubble) {
		c := b.client(t, "user1")
		defer leave(c)
		conn, r := b.open(t)
		get(conn, c, c.events, "HTTP/1.1", "")
		if got := status(t, r).StatusCode; got != 200 {
			t.Fatal(got)
		}
		answered := time.Now()
		if _, err := r.ReadByte(); err != io.EOF || time.Since(answered) != 2*time.Minute {
			t.Errorf("%v after %v, want the end of the connection after two minutes", err, time.Since(answered))
		}
	})
}

// TestCloseAfterAPoll stops the machine while a connection is idle that had a poll.
func TestCloseAfterAPoll(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, b bubble) {
		c := b.client(t, "user1")
		conn, r := b.open(t)
		get(conn, c, c.events, "HTTP/1.1", "")
		status(t, r)
		leave(c)
		ended := make(chan error, 1)
		go func() {
			_, err := r.ReadByte()
			ended <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := b.srv.Close(); err != nil || time.Since(began) > time.Second {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
		if <-ended == nil {
			t.Error("the connection goes on")
		}
	})
}

// TestManyPolls holds many polls; half of their clients leave at once, then the machine stops.
func TestManyPolls(t *testing.T) {
	const clients = 200
	inBubble(t, 0, func(t *testing.T, b bubble) {
		conns := make([]net.Conn, clients)
		c := dialling(t, web, b.org.Ticket("user1@contoso.example", thisPool), nil)
		for i := range conns {
			who := "user1"
			if i%2 == 0 {
				who = "user2"
			}
			ticket := b.org.Ticket(who+"@contoso.example", thisPool)
			conn, r := b.open(t)
			body := fmt.Sprintf(`{"UserAgent":"a","EndpointId":"%d","Culture":"en"}`, i)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: lyncweb-ext.contoso.example\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", web, ticket, len(body), body)
			created, _ := io.ReadAll(status(t, r).Body)
			c.ticket = ticket
			get(conn, c, regexp.MustCompile(web+`/\d{12}`).FindString(string(created))+"/events?ack=1", "HTTP/1.1", "")
			conns[i] = conn
		}
		synctest.Wait()
		if n := b.org.Polls(); n != clients {
			t.Errorf("%d polls wait, want %d", n, clients)
		}
		for _, conn := range conns[:clients/2] {
			go conn.Close()
		}
		synctest.Wait()
		if n := b.org.Polls(); n != clients/2 {
			t.Errorf("%d polls wait after half of the clients left, want %d", n, clients/2)
		}
		for _, conn := range conns[clients/2:] {
			go io.Copy(io.Discard, conn)
		}
		began := time.Now()
		if err := b.srv.Close(); err != nil || time.Since(began) > time.Second {
			t.Errorf("Close: %v after %v", err, time.Since(began))
		}
		if n := b.org.Polls(); n != 0 {
			t.Errorf("%d polls wait after Close, want none", n)
		}
		lost := 0
		for _, r := range b.srv.History() {
			if r.Status == 0 && strings.Contains(r.RequestURI, "/events") {
				lost++
			}
		}
		if lost != clients {
			t.Errorf("%d polls without an answer in the history, want %d", lost, clients)
		}
	})
}

// TestNothingStays signs clients in and out: what they were is gone, also of those that never sign out.
func TestNothingStays(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, b bubble) {
		two := b.client(t, "user2")
		two.want(201, "POST", two.self+"/communication/messagingInvitations", `{"to":"sip:nobody@contoso.example"}`)
		leave(two)
		for range 3 {
			one := b.client(t, "user1")
			one.want(201, "POST", one.self+"/people/presenceSubscriptions", `{"uris":["sip:user2@contoso.example","sip:User2@contoso.example"]}`)
			one.want(204, "DELETE", one.self, "")
			leave(one)
		}
		if got := b.org.Remembered(); got != (fakelync.Remembered{Applications: 1, People: 1}) {
			t.Errorf("after one user signed out: %+v", got)
		}
		b.org.IdleTime(61 * time.Minute)
		<-time.After(16 * time.Minute) // when it is time to look again
		c := b.client(t, "user1")
		c.want(204, "DELETE", c.self, "")
		leave(c)
		if got := b.org.Remembered(); got != (fakelync.Remembered{}) {
			t.Errorf("after all expired: %+v", got)
		}
	})
}
