package proxy_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"lyncpin/proxy"
)

// Types and flags of frames (RFC 9113, 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	flagEndStream, flagAck, flagEndHeaders                          = 1, 1, 4
)

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	out = append(out, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	out = binary.BigEndian.AppendUint32(out, stream)
	return append(out, payload...)
}

// sayHTTP2 sends one request over HTTP/2, whatever is in its fields, and waits until it has been answered or refused.
func (tp *tape) sayHTTP2(t *testing.T, fields [][2]string, data string) (o outcome) {
	t.Helper()
	front := tls.Client(tp.w.raw("https").(*tls.Conn).NetConn(), &tls.Config{RootCAs: tp.w.ca.pool, ServerName: published, NextProtos: []string{"h2"}})
	defer front.Close()
	var head bytes.Buffer
	enc := hpack.NewEncoder(&head)
	for _, f := range fields {
		enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	flags := byte(flagEndHeaders)
	if data == "" {
		flags |= flagEndStream
	}
	out := appendFrame([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frameSettings, 0, 0, nil)
	out = appendFrame(out, frameHeaders, flags, 1, head.Bytes())
	if data != "" {
		out = appendFrame(out, frameData, flagEndStream, 1, []byte(data))
	}
	if _, err := front.Write(out); err != nil {
		t.Fatal(err)
	}
	for ended := false; !ended; {
		var header [9]byte
		if _, err := io.ReadFull(front, header[:]); err != nil {
			t.Fatalf("neither an answer nor a refusal: %v", err)
		}
		size := int(header[0])<<16 | int(header[1])<<8 | int(header[2])
		if _, err := io.CopyN(io.Discard, front, int64(size)); err != nil {
			t.Fatal(err)
		}
		switch kind, flags := header[3], header[4]; kind {
		case frameSettings:
			if flags&flagAck == 0 {
				front.Write(appendFrame(nil, frameSettings, flagAck, 0, nil))
			}
		case frameHeaders, frameData:
			ended = flags&flagEndStream != 0
		case frameReset, frameGoAway:
			ended = true
		}
	}
	front.Close()
	return tp.rewind()
}

// TestHTTP2Border says over HTTP/2 what HTTP/1.1 has no words for, or too many. (RFC 9113, 8.2, 8.3, 10.3.)
func TestHTTP2Border(t *testing.T) {
	t.Parallel()
	tp := newTape(t, func(cfg *proxy.Config) { cfg.TLS.HTTP2 = true })
	request := func(method, path string, more ...string) [][2]string {
		fields := [][2]string{{":method", method}, {":scheme", "https"}, {":authority", published}, {":path", path}}
		for i := 0; i < len(more); i += 2 {
			fields = append(fields, [2]string{more[i], more[i+1]})
		}
		return fields
	}
	instead := func(name, value string) [][2]string {
		fields := request("GET", "/")
		for i := range fields {
			if fields[i][0] == name {
				fields[i][1] = value
			}
		}
		return fields
	}
	hidden := "0\r\n\r\n" + inner
	for _, tc := range []struct {
		name   string
		fields [][2]string
		data   string
		want   string // that arrives; nothing of it whole when empty
	}{
		{"get", request("GET", "/x?y"), "", "GET /x?y "},
		{"post", request("POST", "/"), "hello", "POST / hello"},
		{"post-length", request("POST", "/", "content-length", "5"), "hello", "POST / hello"},
		{"post-a-request", request("POST", "/"), hidden, "POST / " + hidden},
		{"cookies", request("GET", "/", "cookie", "a=b", "cookie", "c=d"), "", "GET / "},

		{"length-short", request("POST", "/", "content-length", "3"), "hello", ""},
		{"length-long", request("POST", "/", "content-length", "50"), "hello", ""},
		{"length-without-data", request("POST", "/", "content-length", "5"), "", ""},
		{"length-twice-unlike", request("POST", "/", "content-length", "0", "content-length", "5"), "hello", ""},
		{"coding", request("POST", "/", "transfer-encoding", "chunked"), hidden, ""},
		{"coding-underscore", request("POST", "/", "transfer_encoding", "chunked"), hidden, ""},
		{"length-underscore", request("POST", "/", "content_length", "0"), "hello", ""},
		{"connection", request("GET", "/", "connection", "close"), "", ""},
		{"keep-alive", request("GET", "/", "keep-alive", "x"), "", ""},
		{"upgrade", request("GET", "/", "upgrade", "h2c"), "", ""},
		{"te", request("GET", "/", "te", "chunked"), "", ""},

		{"value-crlf", request("POST", "/", "x-a", "b\r\ntransfer-encoding: chunked"), hidden, ""},
		{"value-lf", request("GET", "/", "x-a", "b\nc: d"), "", ""},
		{"value-cr", request("GET", "/", "x-a", "b\rc: d"), "", ""},
		{"value-nul", request("GET", "/", "x-a", "b\x00c"), "", ""},
		{"name-crlf", request("POST", "/", "x-a: b\r\ntransfer-encoding", "chunked"), hidden, ""},
		{"name-colon", request("POST", "/", "transfer-encoding:", "chunked"), hidden, ""},
		{"name-space", request("POST", "/", "transfer-encoding ", "chunked"), hidden, ""},
		{"name-upper", request("POST", "/", "Transfer-Encoding", "chunked"), hidden, ""},
		{"name-empty", request("GET", "/", "", "x"), "", ""},

		{"path-crlf", request("GET", "/ HTTP/1.1\r\nHost: evil.example\r\n\r\nGET /inner"), "", ""},
		{"path-space", request("GET", "/x HTTP/1.1"), "", ""},
		{"path-tab", request("GET", "/x\ty"), "", ""},
		{"path-empty", request("GET", ""), "", ""},
		{"path-relative", request("GET", "x"), "", ""},
		{"path-asterisk", request("GET", "*"), "", ""},
		{"path-fragment", request("GET", "/a#b"), "", ""},
		{"path-nul", request("GET", "/\x00"), "", ""},
		{"path-absolute", request("GET", "https://evil.example/"), "", ""},
		{"path-twice", request("GET", "/", ":path", "/inner"), "", ""},
		{"path-late", request("GET", "/", "x-a", "b", ":path", "/inner"), "", ""},
		{"method-space", request("GET /inner HTTP/1.1", "/"), "", ""},
		{"method-crlf", request("GET / HTTP/1.1\r\nX-A:", "/"), "", ""},
		{"method-empty", request("", "/"), "", ""},
		{"method-connect", [][2]string{{":method", "CONNECT"}, {":authority", "evil.example:443"}}, "", ""},
		{"pseudo-unknown", request("GET", "/", ":odd", "x"), "", ""},
		{"scheme-odd", instead(":scheme", "https://evil.example/?"), "", ""},
		{"authority-crlf", instead(":authority", published+"\r\nX-A: b"), "", ""},
		{"authority-user", instead(":authority", "x@"+published), "", ""},
		{"authority-path", instead(":authority", published+"/x"), "", ""},
		{"authority-space", instead(":authority", published+" x"), "", ""},
		{"authority-and-host", request("GET", "/", "host", "evil.example"), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, m := range tp.agreed(t, tp.sayHTTP2(t, tc.fields, tc.data)) {
				if m.host != published {
					t.Errorf("for %q", m.host)
				}
				got = append(got, fmt.Sprintf("%s %s %s", m.method, m.target, m.body))
			}
			if want := slices.DeleteFunc([]string{tc.want}, func(s string) bool { return s == "" }); !slices.Equal(got, want) {
				t.Errorf("%q arrived, want %q", strings.Join(got, "|"), tc.want)
			}
		})
	}
}
