package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"lyncpin/proxy"
)

// asked is a request that waits for its answer.
type asked struct {
	server, body string
	answer       chan<- string
	gone         <-chan struct{}
}

// silentServers adds web servers that answer when they are told to.
func (w *world) silentServers(aliases ...string) <-chan asked {
	all := make(chan asked)
	for _, alias := range aliases {
		w.server(alias, "https", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			answer := make(chan string, 1)
			all <- asked{alias, string(body), answer, r.Context().Done()}
			select {
			case text := <-answer:
				fmt.Fprint(rw, text)
			case <-r.Context().Done():
			}
		}))
	}
	return all
}

func TestRetrySilent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		answer int // which of the two
	}{{"first-answers", 0}, {"second-answers", 1}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			requests := w.silentServers("fe1", "fe2")
			w.rule(proxy.Rule{WebServers: []string{"fe1", "fe2"}, RetrySilent: time.Millisecond})
			w.start()
			got := make(chan string, 1)
			go func() {
				res, err := w.client().Post("https://"+published+"/messages", "text/plain", strings.NewReader("hello"))
				if err != nil {
					got <- err.Error()
					return
				}
				defer res.Body.Close()
				text, _ := io.ReadAll(res.Body)
				got <- string(text)
			}()
			both := []asked{wait(t, "the request", requests), wait(t, "the request again", requests)}
			if both[0].server == both[1].server || both[0].body != "hello" || both[1].body != "hello" {
				t.Errorf("asked %s for %q and %s for %q, want both servers asked for the same", both[0].server, both[0].body, both[1].server, both[1].body)
			}
			both[tc.answer].answer <- "sent"
			if text := wait(t, "the answer", got); text != "sent" {
				t.Errorf("got %q, want sent", text)
			}
			wait(t, "the end of the other request", both[1-tc.answer].gone)
		})
	}
}

func TestNoRetryOfAnswersInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server("fe1", "https", nil)
	w.server("fe2", "https", nil)
	w.rule(proxy.Rule{WebServers: []string{"fe1", "fe2"}, RetrySilent: time.Hour})
	w.start()
	if status, _, _ := w.do(w.client(), "POST", "https://"+published+"/x", nil, strings.NewReader("hello")); status != 200 {
		t.Errorf("status %d, want 200", status)
	}
	if got := w.requests(); len(got) != 1 || got[0].body != "hello" {
		t.Errorf("web servers got %+v, want it once", got)
	}
}
