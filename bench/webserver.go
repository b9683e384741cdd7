package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Paths of the web server. The first group is asked through a proxy, the second beside it.
const (
	pathSmall  = "/lyncdiscover"
	pathLarge  = "/large"
	pathPoll   = "/poll"
	pathNTLM   = "/ntlm"
	pathChunks = "/chunks"
	pathUpload = "/upload"
	pathHead   = "/head"

	pathState   = "/state"
	pathRelease = "/release"
)

const (
	// smallSize is the size of a discovery document, in bytes.
	smallSize = 1200
	// largeSize is the size of a large body, in bytes.
	largeSize = 1 << 20
	// longestPoll bounds a poll that nobody releases.
	longestPoll = 10 * time.Minute
	// chunkCount and chunkGap are how a slow answer comes.
	chunkCount, chunkGap = 5, 40 * time.Millisecond
)

// webServer is the Front End of the measurements: net/http, with an authentication that is bound to the connection.
type webServer struct {
	small, large []byte
	held         atomic.Int64 // polls
	uploaded     atomic.Int64 // bytes of the upload that is under way, or was last

	mu       sync.Mutex
	released chan struct{} // closed for those who poll now
}

// webState is what it says of itself.
type webState struct{ Held, Uploaded int64 }

func newWebServer() *webServer {
	small := `{"_links":{"self":{"href":"https://` + host + `/Autodiscover/AutodiscoverService.svc/root"},"pad":{"href":"`
	small += strings.Repeat("x", smallSize-len(small)-4) + `"}}}`
	return &webServer{small: []byte(small[:smallSize]), large: bytes.Repeat([]byte("0123456789abcdef"), largeSize/16), released: make(chan struct{})}
}

// serveWeb serves until ctx ends.
func serveWeb(ctx context.Context, ln net.Listener, _ settings) error {
	return serveHTTP(ctx, ln, &http.Server{Handler: newWebServer().handler(), ConnContext: withLogon})
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, ln net.Listener, s *http.Server) error {
	defer context.AfterFunc(ctx, func() { s.Close() })()
	err := s.Serve(ln)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *webServer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(pathSmall, func(w http.ResponseWriter, _ *http.Request) { answer(w, "application/json", s.small) })
	mux.HandleFunc(pathLarge, func(w http.ResponseWriter, _ *http.Request) { answer(w, "application/octet-stream", s.large) })
	mux.HandleFunc(pathPoll, s.poll)
	mux.HandleFunc(pathNTLM, serveNTLM)
	mux.HandleFunc(pathChunks, chunks)
	mux.HandleFunc(pathUpload, s.upload)
	mux.HandleFunc(pathHead, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, len(r.Header.Get("Authorization"))) })
	mux.HandleFunc(pathState, func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(webState{s.held.Load(), s.uploaded.Load()})
	})
	mux.HandleFunc(pathRelease, func(http.ResponseWriter, *http.Request) { s.release() })
	return mux
}

func answer(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// poll is held until it is released, its client has left, or the time of ?for= is over.
func (s *webServer) poll(w http.ResponseWriter, r *http.Request) {
	wait, err := time.ParseDuration(r.FormValue("for"))
	if err != nil {
		wait = longestPoll
	}
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	s.held.Add(1)
	defer s.held.Add(-1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-released:
	case <-r.Context().Done():
		return
	}
	answer(w, "application/json", s.small)
}

func (s *webServer) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.released)
	s.released = make(chan struct{})
}

// chunks answers little by little; each line is the time it was sent, in nanoseconds.
func chunks(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(chunkGap)
	defer tick.Stop()
	for range chunkCount {
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
		fmt.Fprintln(w, time.Now().UnixNano())
		http.NewResponseController(w).Flush()
	}
}

// upload reads the whole body and answers with its length.
func (s *webServer) upload(w http.ResponseWriter, r *http.Request) {
	s.uploaded.Store(0)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buf)
		s.uploaded.Add(int64(n))
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	fmt.Fprint(w, s.uploaded.Load())
}
