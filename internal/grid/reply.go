package grid

import (
	"bufio"
	"bytes"
	"strings"
)

// replies takes apart the answers in data, the last of which may be incomplete. The methods are those of the requests, in order;
// ended says that nothing more comes.
func replies(data []byte, methods []string, ended bool) []reply {
	var out []reply
	for len(data) > 0 {
		var r reply
		switch r.readHead(data) {
		case headMissing:
			return append(out, r)
		case headNone:
			if len(out) > 0 {
				return out // bytes behind the last answer
			}
			r.message, r.begin, r.size = message{}, 0, len(data)
			r.body = body{framing: framingClose, data: data}
			r.complete = ended
			return append(out, r)
		}
		method := ""
		if len(methods) > len(out) {
			method = methods[len(out)]
		}
		r.readBody(data[r.begin:], method, ended)
		out = append(out, r)
		data = data[r.size:]
	}
	return out
}

// What a look for a head may find.
const (
	headThere   = iota
	headMissing // it has not come whole
	headNone    // HTTP/0.9, or no HTTP at all: a body that ends with the connection
)

// readHead passes over interim answers to the head of the final one, behind which the body begins.
func (r *reply) readHead(data []byte) int {
	for {
		n := headEnd(data[r.begin:])
		if n == 0 {
			r.message, r.size = parse(data[r.begin:]), len(data)
			if !bytes.HasPrefix(data[r.begin:], []byte("HTTP/")) {
				return headNone
			}
			return headMissing
		}
		r.message = parse(data[r.begin : r.begin+n])
		status := r.message.status()
		if status == 0 {
			return headNone
		}
		r.begin += n
		if status >= 200 || status == 101 {
			return headThere
		}
		r.interim = append(r.interim, status)
	}
}

// readBody finds where the answer ends, as RFC 9112 §6.3 says.
func (r *reply) readBody(data []byte, method string, ended bool) {
	status := r.message.status()
	length := r.message.length()
	switch {
	case method == "HEAD" || status == 101 || status == 204 || status == 304:
		r.body.framing = framingNone
		r.complete = true
	case r.message.has("Transfer-Encoding", "chunked"):
		r.body.framing = framingChunked
		counted := bytes.NewReader(data)
		buffered := bufio.NewReader(counted)
		err := readChunks(buffered, &r.body)
		r.complete = err == nil
		r.size = len(data) - counted.Len() - buffered.Buffered()
	case length >= 0:
		r.body.framing = framingLength
		n := min(int64(len(data)), length)
		r.body.data, r.size = data[:n], int(n)
		r.complete = n == length
	default:
		r.body.framing = framingClose
		r.body.data, r.size = data, len(data)
		r.complete = ended
	}
	r.size += r.begin
}

// whole are those that came to their end.
func whole(all []reply) []reply {
	n := 0
	for n < len(all) && all[n].complete {
		n++
	}
	return all[:n]
}

// methodsOf are the methods of the requests in what was sent: each line that ends like the first one of a request.
func methodsOf(sent string) []string {
	var out []string
	for l := range strings.SplitSeq(sent, "\n") {
		l = strings.TrimSuffix(l, "\r")
		if strings.HasSuffix(l, " HTTP/1.1") || strings.HasSuffix(l, " HTTP/1.0") {
			method, _, _ := strings.Cut(l, " ")
			out = append(out, method)
		}
	}
	return out
}
