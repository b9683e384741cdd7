package proxy_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A meaning is what a reader takes a request for.
type meaning struct{ method, target, host, body string }

// strictly reads requests as net/http does, up to what it does not take or what is not whole. trailers are their names.
func strictly(p []byte) (out []meaning, trailers []string) {
	br := bufio.NewReader(bytes.NewReader(p))
	for {
		if p, _ := br.Peek(2); string(p) == "\r\n" {
			br.Discard(2) // RFC 9112, 2.2
		}
		r, err := http.ReadRequest(br)
		if err != nil {
			return out, trailers
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return out, trailers
		}
		for name := range r.Trailer {
			trailers = append(trailers, name)
		}
		out = append(out, meaning{r.Method, origin(r.RequestURI), r.Host, string(body)})
	}
}

// origin is the part of a target that a web server looks at.
func origin(target string) string {
	_, rest, ok := strings.Cut(target, "://")
	if !ok || strings.HasPrefix(target, "/") {
		return target
	}
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	}
	return rest[i:]
}

// lax reads requests as careless servers do: each field is a carelessness of one that was published.
type lax struct {
	lastLength  bool // of several lengths; otherwise the first
	lengthFirst bool // a length goes before chunks
	anyChunked  bool // a coding that only contains the word
	returnEnds  bool // a line, as a line feed does
	underscores bool // are dashes
	oddSizes    bool // of chunks: signs, prefixes, blanks
	noFirstLine bool // fields may begin with blanks, names may end with them
}

// laxReaders are each carelessness alone, and what goes together at once.
func laxReaders() []lax {
	return []lax{
		{}, {lastLength: true}, {lengthFirst: true}, {anyChunked: true}, {returnEnds: true}, {underscores: true}, {oddSizes: true}, {noFirstLine: true},
		{lastLength: true, anyChunked: true, returnEnds: true, underscores: true, oddSizes: true, noFirstLine: true},
		{lastLength: true, lengthFirst: true, underscores: true, noFirstLine: true},
	}
}

// line takes a line off p.
func (l lax) line(p []byte) (line, rest []byte, ok bool) {
	ends := "\n"
	if l.returnEnds {
		ends = "\r\n"
	}
	i := bytes.IndexAny(p, ends)
	if i < 0 {
		return nil, nil, false
	}
	rest = p[i+1:]
	if p[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return bytes.TrimSuffix(p[:i], []byte("\r")), rest, true
}

func (l lax) read(p []byte) (out []meaning) {
	for len(p) > 0 {
		m, rest, ok := l.request(p)
		if !ok {
			return out
		}
		out, p = append(out, m), rest
	}
	return out
}

func (l lax) request(p []byte) (m meaning, rest []byte, ok bool) {
	first, p, ok := l.line(p)
	words := strings.Fields(string(first))
	if !ok || len(words) < 2 {
		return m, nil, false
	}
	m.method, m.target = words[0], origin(words[1])
	length, hasLength, coding := 0, false, ""
	for {
		var line []byte
		if line, p, ok = l.line(p); !ok {
			return m, nil, false
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := strings.Cut(string(line), ":")
		if l.noFirstLine {
			name = strings.Trim(name, " \t")
		}
		if l.underscores {
			name = strings.ReplaceAll(name, "_", "-")
		}
		value, _, _ = strings.Cut(strings.Trim(value, " \t\v"), "\x00")
		switch strings.ToLower(name) {
		case "host":
			m.host = value
		case "content-length":
			n, err := strconv.Atoi(strings.TrimLeft(strings.Split(value, ",")[0], "+ "))
			if err == nil && (!hasLength || l.lastLength) {
				length, hasLength = n, true
			}
		case "transfer-encoding":
			if v := strings.ToLower(value); v == "chunked" || l.anyChunked && strings.Contains(v, "chunked") {
				coding = "chunked"
			}
		}
	}
	if coding != "" && !(hasLength && l.lengthFirst) {
		m.body, p, ok = l.chunks(p)
		return m, p, ok
	}
	if len(p) < length || length < 0 {
		return m, nil, false
	}
	m.body = string(p[:length])
	return m, p[length:], true
}

func (l lax) chunks(p []byte) (body string, rest []byte, ok bool) {
	for {
		line, rest, ok := l.line(p)
		if !ok {
			return "", nil, false
		}
		size, _, _ := strings.Cut(string(line), ";")
		if size = strings.TrimSpace(size); l.oddSizes {
			size = strings.NewReplacer("0x", "", "_", "", "+", "", "-", "").Replace(size)
		}
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil || n < 0 || len(rest) < int(n) {
			return "", nil, false
		}
		p = rest
		if n == 0 {
			for ok && len(line) > 0 {
				line, p, ok = l.line(p)
			}
			return body, p, ok
		}
		body += string(p[:n])
		if line, p, ok = l.line(p[n:]); !ok || len(line) > 0 && !l.oddSizes {
			return "", nil, false
		}
	}
}
