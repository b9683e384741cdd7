package proxy

import (
	"bytes"
	"cmp"
	"errors"
)

const (
	// maxFields is twice what other proxies take (Apache 100, HAProxy 101).
	maxFields = 256
	// maxLine is the most bytes of a request line beyond what the fields may have.
	maxLine = 64 << 10
	// maxAnswerHead is what net/http, too, takes of a web server.
	maxAnswerHead = 1 << 20
)

// A kind is what a field means to the proxy.
type kind uint8

const (
	ordinary kind = iota
	kindHost
	kindContentLength
	kindTransferEncoding
	kindConnection
	kindUpgrade
	kindTE
	kindTrailer
	kindExpect
	kindForwardedFor
	kindForwarded // the others of the family
	kindHop       // ends at the next hop, whatever it says
	kindAuthorization
)

// A field is one line of a head. Both slices lie in the buffer it was read into.
type field struct {
	name, value []byte
	kind        kind
	hop         bool // named by a Connection field
}

// A framing says where a body ends.
type framing uint8

const (
	noBody framing = iota
	sized
	chunked
	untilClose
)

// A head is what comes before a body. Its slices are valid until its wire is read again.
type head struct {
	method, target []byte // of a request
	status         int    // of an answer
	reason         []byte // of an answer
	minor          int    // of HTTP/1.x
	fields         []field
	most           int // how many fields there may be; zero is maxFields
	size           int // of the fields

	framing framing
	length  int64 // if sized
	keep    bool  // the sender wants the connection to go on
	host    []byte
	expects bool   // 100-continue
	upgrade []byte // nil without
}

// forget lets go of the buffer that the head was read into, and keeps what the rest of an exchange goes by.
func (h *head) forget() {
	h.method, h.target, h.reason, h.host, h.upgrade, h.fields = nil, nil, nil, nil, nil, nil
}

// A borderError is a request that is refused as it came in: it could be read in more than one way, or is too much.
type borderError struct {
	status int
	code   string
	text   string
}

func (e *borderError) Error() string { return e.text }

func ambiguous(text string) error { return &borderError{400, "framing", text} }

var errNotHTTP = errors.New("malformed HTTP answer")

// headEnd looks for the empty line that ends a head. from is how much of p is known to hold no end; the length of the head and
// its empty line, or zero, is returned with the next from. With strict, lines must end with CR LF.
func headEnd(p []byte, from int, strict bool) (end, next int, err error) {
	for {
		i := bytes.IndexByte(p[from:], '\n')
		if i < 0 {
			return 0, from, nil
		}
		lf := from + i
		line := p[from:lf]
		if cr := len(line) > 0 && line[len(line)-1] == '\r'; cr {
			line = line[:len(line)-1]
		} else if strict {
			return 0, from, ambiguous("a line ends without a carriage return")
		}
		if len(line) == 0 {
			return lf + 1, lf + 1, nil
		}
		from = lf + 1
	}
}

// cutLine takes the first line off p, which ends with a line feed.
func cutLine(p []byte) (line, rest []byte) {
	i := bytes.IndexByte(p, '\n')
	return bytes.TrimSuffix(p[:i], []byte("\r")), p[i+1:]
}

// parseFields reads the lines up to the empty one that ends p.
func (h *head) parseFields(p []byte) error {
	h.fields = h.fields[:0]
	h.size = len(p)
	for {
		var line []byte
		if line, p = cutLine(p); len(line) == 0 {
			return nil
		}
		f, err := parseField(line)
		if err != nil {
			return err
		}
		if len(h.fields) >= cmp.Or(h.most, maxFields) {
			return &borderError{431, "header-count", "there are more header fields than the proxy allows"}
		}
		h.fields = append(h.fields, f)
	}
}

func parseField(line []byte) (field, error) {
	if line[0] == ' ' || line[0] == '\t' {
		return field{}, ambiguous("a header field is folded")
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return field{}, ambiguous("a header line has no name")
	}
	name := line[:colon]
	for _, c := range name {
		if !tokenByte(c) {
			return field{}, ambiguous("the name of a header field has a byte that names cannot have")
		}
	}
	value := trimBlanks(line[colon+1:])
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return field{}, ambiguous("the value of a header field has a control character")
		}
	}
	return field{name: name, value: value, kind: kindOf(name)}, nil
}

func trimBlanks(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t') {
		p = p[1:]
	}
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// kindOf compares with as few names as the length leaves.
func kindOf(name []byte) kind {
	is := func(s string) bool { return foldEqual(name, s) }
	switch len(name) {
	case 2:
		if is("te") {
			return kindTE
		}
	case 4:
		if is("host") {
			return kindHost
		}
	case 6:
		if is("expect") {
			return kindExpect
		}
	case 7:
		switch {
		case is("upgrade"):
			return kindUpgrade
		case is("trailer"):
			return kindTrailer
		}
	case 9:
		if is("forwarded") {
			return kindForwarded
		}
	case 10:
		switch {
		case is("connection"):
			return kindConnection
		case is("keep-alive"):
			return kindHop
		}
	case 13:
		if is("authorization") {
			return kindAuthorization
		}
	case 14:
		if is("content-length") {
			return kindContentLength
		}
	case 15:
		if is("x-forwarded-for") {
			return kindForwardedFor
		}
	case 16:
		switch {
		case is("x-forwarded-host"):
			return kindForwarded
		case is("proxy-connection"):
			return kindHop
		}
	case 17:
		switch {
		case is("transfer-encoding"):
			return kindTransferEncoding
		case is("x-forwarded-proto"):
			return kindForwarded
		}
	case 18:
		if is("proxy-authenticate") {
			return kindHop
		}
	case 19:
		if is("proxy-authorization") {
			return kindHop
		}
	}
	return ordinary
}

// foldEqual reports whether p is lower, a text of lower case, but for its case.
func foldEqual(p []byte, lower string) bool {
	if len(p) != len(lower) {
		return false
	}
	for i, c := range p {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// tokenByte reports whether c may be in a method or in the name of a field (RFC 9110, 5.6.2).
func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

// connectionOptions marks the fields that end at this hop, and tells what the Connection fields say.
func (h *head) connectionOptions() (closes, keeps, upgrades bool) {
	for i := range h.fields {
		if h.fields[i].kind != kindConnection {
			continue
		}
		for option := range bytes.SplitSeq(h.fields[i].value, []byte(",")) {
			option = trimBlanks(option)
			switch {
			case foldEqual(option, "close"):
				closes = true
			case foldEqual(option, "keep-alive"):
				keeps = true
			case foldEqual(option, "upgrade"):
				upgrades = true
			default:
				for j := range h.fields {
					if bytes.EqualFold(h.fields[j].name, option) {
						h.fields[j].hop = true
					}
				}
			}
		}
	}
	return closes, keeps, upgrades
}

// values are the values of the fields with that name.
func (h *head) values(name string) []string {
	var out []string
	for i := range h.fields {
		if bytes.EqualFold(h.fields[i].name, []byte(name)) {
			out = append(out, string(h.fields[i].value))
		}
	}
	return out
}

// contentLength reads the digits of a Content-Length.
func contentLength(p []byte) (int64, bool) {
	if len(p) == 0 || len(p) > 18 { // fits an int64
		return 0, false
	}
	var n int64
	for _, c := range p {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
