package proxy

import (
	"bytes"
)

// parseRequest reads a whole head, p, as RFC 9112 has it and no other way. What could mean two things to two readers, of which
// one is the web server, is refused with a *borderError.
func (h *head) parseRequest(p []byte) error {
	line, rest := cutLine(p)
	if err := h.requestLine(line); err != nil {
		return err
	}
	if err := h.parseFields(rest); err != nil {
		return err
	}
	if err := h.requestFraming(); err != nil {
		return err
	}
	return h.splitTarget()
}

// requestLine takes exactly: method, space, target, space, HTTP/1.0 or HTTP/1.1.
func (h *head) requestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || len(method) == 0 || len(target) == 0 {
		return ambiguous("the request line is not method, target and version")
	}
	for _, c := range method {
		if !tokenByte(c) {
			return ambiguous("the method has a byte that methods cannot have")
		}
	}
	for _, c := range target {
		if c <= ' ' || c == 0x7f || c == '#' {
			return ambiguous("the request target has a byte that targets cannot have")
		}
	}
	switch string(version) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
		h.minor = 0
	default:
		if number, ok := bytes.CutPrefix(version, []byte("HTTP/")); ok && allBytes(number, func(c byte) bool { return digit(c) || c == '.' }) {
			return &borderError{505, "version", "this version of HTTP is not spoken here"}
		}
		return ambiguous("the request line does not end with a version")
	}
	h.method, h.target = method, target
	return nil
}

// requestFraming finds out where the body ends, and what is said about the connection.
func (h *head) requestFraming() error {
	h.framing, h.length, h.host, h.expects, h.upgrade = noBody, 0, nil, false, nil
	var hosts, lengths, codings int
	var coding []byte
	for i := range h.fields {
		f := &h.fields[i]
		switch f.kind {
		case kindHost:
			hosts++
			h.host = f.value
		case kindContentLength:
			lengths++
			n, ok := contentLength(f.value)
			if !ok {
				return ambiguous("Content-Length is not a number")
			}
			h.length = n
		case kindTransferEncoding:
			codings++
			coding = f.value
		case kindExpect:
			if !foldEqual(f.value, "100-continue") {
				return &borderError{417, "expectation", "nothing but 100-continue can be expected here"}
			}
			h.expects = h.minor > 0
		case kindUpgrade:
			h.upgrade = f.value
		case kindTrailer:
			if announcesFraming(f.value) {
				return ambiguous("a trailer is announced that belongs into a head")
			}
		case ordinary:
			if looksLikeFraming(f.name) {
				return ambiguous("the name of a header field passes for one of those that frame a message")
			}
		}
	}
	switch {
	case hosts > 1:
		return ambiguous("there is more than one Host")
	case hosts == 0 && h.minor > 0:
		return ambiguous("there is no Host")
	case !validHost(h.host):
		return ambiguous("Host is not a name")
	case lengths > 1:
		return ambiguous("there is more than one Content-Length")
	case codings > 1:
		return ambiguous("there is more than one Transfer-Encoding")
	case codings == 1 && lengths == 1:
		return ambiguous("there are a Content-Length and a Transfer-Encoding")
	case codings == 1 && h.minor == 0:
		return ambiguous("HTTP/1.0 has no Transfer-Encoding")
	case codings == 1 && !foldEqual(coding, "chunked"):
		return &borderError{501, "coding", "no transfer coding but chunked is understood here"}
	case codings == 1:
		h.framing = chunked
	case lengths == 1 && h.length > 0:
		h.framing = sized
	}
	h.expects = h.expects && h.framing != noBody // there is nothing to wait for (RFC 9110, 10.1.1)
	closes, keeps, upgrades := h.connectionOptions()
	h.keep = !closes && (h.minor > 0 || keeps)
	// A switch to HTTP/2 would take requests past every rule. One with a body before it is a request like others.
	if !upgrades || h.minor == 0 || h.framing != noBody || upgradesToHTTP2(h.upgrade) {
		h.upgrade = nil
	}
	return nil
}

func upgradesToHTTP2(upgrade []byte) bool {
	for protocol := range bytes.SplitSeq(upgrade, []byte(",")) {
		name, _, _ := bytes.Cut(trimBlanks(protocol), []byte("/"))
		if foldEqual(name, "h2c") || foldEqual(name, "h2") || foldEqual(name, "http") {
			return true
		}
	}
	return false
}

// looksLikeFraming finds names that become those of framing fields where underscores and dashes are one, as in CGI.
func looksLikeFraming(name []byte) bool {
	if bytes.IndexByte(name, '_') < 0 {
		return false
	}
	k := kindOf(bytes.ReplaceAll(name, []byte("_"), []byte("-")))
	return k == kindContentLength || k == kindTransferEncoding
}

// announcesFraming reports whether a Trailer field has names of fields that are none of a trailer (RFC 9110, 6.5.1).
func announcesFraming(trailer []byte) bool {
	for name := range bytes.SplitSeq(trailer, []byte(",")) {
		if name = trimBlanks(name); kindOf(name) != ordinary || looksLikeFraming(name) {
			return true
		}
	}
	return false
}

// validHost takes a name or an address, with a port or without, and nothing at all. What RFC 3986 allows besides, as percent
// escapes, no host in use has, and readers differ on it.
func validHost(p []byte) bool {
	name, port := p, []byte(nil)
	if len(p) > 0 && p[0] == '[' {
		end := bytes.IndexByte(p, ']')
		if end < 0 || !allBytes(p[1:end], addressByte) || len(p) > end+1 && p[end+1] != ':' {
			return false
		}
		name, port = nil, p[min(end+2, len(p)):]
	} else if i := bytes.IndexByte(p, ':'); i >= 0 {
		name, port = p[:i], p[i+1:]
	}
	return allBytes(name, nameByte) && allBytes(port, digit)
}

func allBytes(p []byte, fits func(byte) bool) bool {
	for _, c := range p {
		if !fits(c) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func nameByte(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '-' || c == '_'
}

// addressByte is for addresses of IPv6, and their zones.
func addressByte(c byte) bool { return nameByte(c) || c == ':' || c == '%' }

// splitTarget knows the four forms of a target. Of an absolute URL, the host goes before the Host field.
func (h *head) splitTarget() error {
	switch {
	case h.target[0] == '/', string(h.method) == "CONNECT":
		return nil
	case string(h.target) == "*":
		if string(h.method) != "OPTIONS" {
			return ambiguous("only OPTIONS asks for *")
		}
		return nil
	}
	scheme, rest, ok := bytes.Cut(h.target, []byte("://"))
	if !ok || !foldEqual(scheme, "http") && !foldEqual(scheme, "https") {
		return ambiguous("the request target is neither a path nor a URL")
	}
	if i := bytes.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	if len(rest) == 0 || !validHost(rest) {
		return ambiguous("the URL has no host, or more than one")
	}
	h.host = rest
	return nil
}

// parseAnswer reads a whole head of a web server. asked is the method it answers. It is as strict as for requests where an answer
// could be taken for two, and takes lines of a head without a carriage return.
func (h *head) parseAnswer(p []byte, asked string) error {
	line, rest := cutLine(p)
	version, status, _ := bytes.Cut(line, []byte(" "))
	code, reason, _ := bytes.Cut(status, []byte(" "))
	switch string(version) {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
		h.minor = 0
	default:
		return errNotHTTP
	}
	n, ok := contentLength(code)
	if !ok || len(code) != 3 || n < 100 || n > 999 {
		return errNotHTTP
	}
	for _, c := range reason {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errNotHTTP
		}
	}
	h.status, h.reason = int(n), reason
	if h.parseFields(rest) != nil {
		return errNotHTTP
	}
	return h.answerFraming(asked)
}

func (h *head) answerFraming(asked string) error {
	h.framing, h.length, h.upgrade = untilClose, 0, nil
	var codings int
	closed := false
	for i := range h.fields {
		f := &h.fields[i]
		switch f.kind {
		case kindContentLength:
			n, ok := contentLength(f.value)
			if !ok || h.framing == sized && n != h.length {
				return errNotHTTP
			}
			h.framing, h.length = sized, n
		case kindTransferEncoding:
			if codings++; codings > 1 || !foldEqual(f.value, "chunked") {
				return errNotHTTP
			}
		case kindUpgrade:
			h.upgrade = f.value
		}
	}
	if codings > 0 {
		closed = h.framing == sized || h.minor == 0 // who says two things is not asked again (RFC 9112, 6.1)
		h.framing = chunked
	}
	if asked == "HEAD" || h.status < 200 || h.status == 204 || h.status == 304 {
		h.framing = noBody
	}
	closes, keeps, _ := h.connectionOptions()
	h.keep = !closed && !closes && (h.minor > 0 || keeps) && h.framing != untilClose
	return nil
}
