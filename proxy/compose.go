package proxy

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// compose writes the head for the web server into o, line by line from the client's. It reports whether the web server is asked for
// 100 Continue.
func (ss *session) compose(o *outlet) (asksToGoOn bool) {
	ex, h, w := &ss.ex, &ss.head, ss.ex.node.server
	rule := ex.rule
	out := o.buf
	out = append(out, ex.method...)
	out = append(out, ' ')
	out = append(out, rule.target(ex)...)
	if rule.HTTP10 {
		out = append(out, " HTTP/1.0\r\n"...)
	} else {
		out = append(out, " HTTP/1.1\r\n"...)
	}
	out = appendField(out, "Host", ex.hostHeader(ex.hostField, w))
	var forwardedFor []byte
	for i := range h.fields {
		f := &h.fields[i]
		switch f.kind {
		case ordinary, kindAuthorization:
		case kindForwardedFor:
			if len(forwardedFor) > 0 {
				forwardedFor = append(forwardedFor, ", "...)
			}
			forwardedFor = append(forwardedFor, f.value...)
			continue
		case kindTE:
			if !namesTrailers(f.value) || rule.HTTP10 {
				continue
			}
			if !rule.replaces("TE", "trailers") {
				out = append(out, "TE: trailers\r\nConnection: TE\r\n"...) // RFC 9110, 10.1.4: it is for this hop
			}
			continue
		case kindTrailer:
			if !ss.sendsChunks() {
				continue
			}
		case kindExpect:
			if !h.expects || ss.held != nil || rule.HTTP10 {
				continue
			}
		default:
			continue
		}
		if f.hop || len(rule.removeRequest)+len(rule.setRequest) > 0 && rule.replaces(string(f.name), string(f.value)) {
			continue
		}
		if f.kind == kindExpect {
			asksToGoOn = true
		}
		out = appendField(out, f.name, f.value)
	}
	for _, f := range ss.forwarded(forwardedFor) {
		if f[1] != "" && !rule.replaces(f[0], f[1]) {
			out = appendField(out, f[0], f[1])
		}
	}
	if ex.upgrade != "" && !rule.replaces("Upgrade", ex.upgrade) {
		out = appendField(out, "Upgrade", ex.upgrade)
		if !rule.replaces("Connection", "Upgrade") {
			out = append(out, "Connection: Upgrade\r\n"...)
		}
	} else if rule.HTTP10 || rule.Connections == "close" {
		out = append(out, "Connection: close\r\n"...)
	}
	for _, f := range rule.setRequest {
		out = appendField(out, f.name, ex.fill(f.value))
	}
	switch {
	case ss.sendsChunks():
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	case ss.held != nil && ss.body.done():
		out = appendLength(out, int64(len(ss.held)))
	case h.framing == sized:
		out = appendLength(out, h.length)
	case ex.method == http.MethodPost, ex.method == http.MethodPut, ex.method == http.MethodPatch:
		out = appendLength(out, 0) // IIS wants one
	}
	o.buf = append(out, "\r\n"...)
	return asksToGoOn
}

func appendLength(out []byte, n int64) []byte {
	return append(strconv.AppendInt(append(out, "Content-Length: "...), n, 10), "\r\n"...)
}

func namesTrailers(te []byte) bool {
	for option := range bytes.SplitSeq(te, []byte(",")) {
		if foldEqual(trimBlanks(option), "trailers") {
			return true
		}
	}
	return false
}

// forwarded are the X-Forwarded fields; before is the list that came in.
func (ss *session) forwarded(before []byte) [3][2]string {
	ex := &ss.ex
	if ex.table.cfg.Forwarded == "none" {
		return [3][2]string{}
	}
	client := ""
	if ex.conn.client.IsValid() {
		client = ex.clientText
		if len(before) > 0 && ex.table.cfg.Forwarded != "replace" {
			client = string(before) + ", " + client
		}
	}
	return [3][2]string{{"X-Forwarded-For", client}, {"X-Forwarded-Host", ex.hostField}, {"X-Forwarded-Proto", ex.scheme}}
}

// A setField is a field that a rule sets.
type setField struct{ name, value string }

// setFields sorts what a rule sets, without what the proxy alone decides.
func setFields(fields map[string]string, without ...kind) []setField {
	var out []setField
	for name, value := range fields {
		if !slices.Contains(without, kindOf([]byte(name))) {
			out = append(out, setField{http.CanonicalHeaderKey(name), value})
		}
	}
	slices.SortFunc(out, func(a, b setField) int { return strings.Compare(a.name, b.name) })
	return out
}

// replaces reports whether the rule takes off, or sets, that field of a request.
func (r *rule) replaces(name, value string) bool {
	return dropped(r.removeRequest, r.setRequest, name, value)
}

// replacesAnswer is replaces for an answer.
func (r *rule) replacesAnswer(name, value string) bool {
	return dropped(r.removeResponse, r.setResponse, name, value)
}

func dropped(remove []fieldPattern, set []setField, name, value string) bool {
	return slices.ContainsFunc(remove, func(f fieldPattern) bool { return f.fits(name, value) }) ||
		slices.ContainsFunc(set, func(f setField) bool { return strings.EqualFold(f.name, name) })
}

// composeAnswer writes the head of the answer into the client's outlet, and says how its body goes on. text, unless nil, takes the
// place of the body.
func (ss *session) composeAnswer(o *outlet, answer *body, text []byte) {
	ex, h := &ss.ex, &ss.ans
	rule := ex.rule
	edits := len(rule.removeResponse)+len(rule.setResponse) > 0
	length := int64(-1)
	if h.framing == sized {
		length = h.length
	}
	if text != nil {
		length = int64(len(text))
	}
	if edits && length >= 0 && slices.ContainsFunc(rule.removeResponse, func(f fieldPattern) bool { return f.fits("Content-Length", "") }) {
		length = -1
	}
	o.chunks = h.framing != noBody && length < 0 && ss.head.minor > 0
	o.hold, o.held = 0, 0
	if h.framing != noBody {
		o.hold = rule.BufferResponse
	}
	if h.framing != noBody && length < 0 && ss.head.minor == 0 || ss.expecting {
		ss.keep = false
	}
	out := ss.appendStatus(o.buf, h.status, string(h.reason))
	for i := range h.fields {
		f := &h.fields[i]
		switch f.kind {
		case kindContentLength:
			if h.framing == noBody && h.status != http.StatusNoContent && length < 0 { // of HEAD and 304
				length = -2
				out = appendField(out, f.name, f.value)
			}
			continue
		case kindConnection, kindTransferEncoding, kindUpgrade, kindHop, kindTE:
			continue
		case kindTrailer:
			if !o.chunks || announcesFraming(f.value) {
				continue
			}
		}
		if f.hop || edits && rule.replacesAnswer(string(f.name), string(f.value)) {
			continue
		}
		if len(rule.ReplaceLocation) > 0 && foldEqual(f.name, "location") {
			value := string(f.value)
			for _, rep := range rule.ReplaceLocation {
				value = strings.ReplaceAll(value, rep.From, rep.To)
			}
			out = appendField(out, string(f.name), value)
			continue
		}
		out = appendField(out, f.name, f.value)
	}
	for _, f := range rule.setResponse {
		value := ex.fill(f.value)
		if f.name == "Connection" {
			ss.keep = ss.keep && !strings.EqualFold(value, "close")
			continue
		}
		out = appendField(out, f.name, value)
	}
	if rule.Balance == "cookie" && ex.cookie != ex.node.id() {
		out = appendField(out, "Set-Cookie", rule.Cookie.to(ex.node).String())
	}
	if h.status == http.StatusUpgradeRequired && h.upgrade != nil { // RFC 9110, 15.5.22: such an answer says to what
		out = append(appendField(out, []byte("Upgrade"), h.upgrade), "Connection: Upgrade\r\n"...)
	}
	if o.chunks {
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	} else if length >= 0 && h.framing != noBody {
		out = appendLength(out, length)
	}
	out = ss.appendConnection(out)
	o.buf = append(out, "\r\n"...)
	ex.status = h.status
	if answer.done() {
		o.hold = 0
	}
}

// replaceable reports whether the body is text as it stands.
func (h *head) replaceable(method string) bool {
	if method == http.MethodHead || len(h.values("Content-Encoding")) > 0 {
		return false
	}
	types := h.values("Content-Type")
	if len(types) == 0 {
		return false
	}
	return isText(types[0])
}

// isText reports whether a Content-Type is that of text.
func isText(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return strings.HasPrefix(kind, "text/") ||
		slices.ContainsFunc([]string{"json", "xml", "javascript"}, func(s string) bool { return strings.HasSuffix(kind, s) })
}

// replaceText reads a body and replaces text in it. Nil says that it is too large; what was read then comes again.
func (ss *session) replaceText(c *serverConn, answer *body) ([]byte, error) {
	// The head lies in the buffer that is read into.
	ss.ans.own()
	text := []byte{}
	for {
		p, err := answer.next()
		if err == nil && p == nil {
			err = answer.ended(ss.readMore(c))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			if isBorder(err) {
				err = errNotHTTP
			}
			return nil, err
		}
		if text = append(text, p...); len(text) > maxHeld {
			ss.early = text
			return nil, nil
		}
	}
	for _, rep := range ss.ex.rule.ReplaceBody {
		text = bytes.ReplaceAll(text, []byte(rep.From), []byte(rep.To))
	}
	return text, nil
}

// cookie is the value of a cookie, or nothing.
func (h *head) cookie(name string) string {
	r := http.Request{Header: http.Header{"Cookie": h.values("Cookie")}}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// own copies the head out of the buffer it was read into.
func (h *head) own() {
	for i := range h.fields {
		f := &h.fields[i]
		f.name, f.value = bytes.Clone(f.name), bytes.Clone(f.value)
	}
	h.reason = bytes.Clone(h.reason)
	h.upgrade = bytes.Clone(h.upgrade)
}
