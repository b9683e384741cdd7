package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// host is what every client asks for.
const host = "lyncweb-ext.contoso.example"

// clientTLS makes full handshakes: it keeps no session.
func clientTLS(pool *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: pool, ServerName: host, NextProtos: []string{"http/1.1"}, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
}

// client is one connection that asks for the same thing again and again, and allocates nothing for it.
type client struct {
	conn    *tls.Conn
	request []byte
	buf     []byte
}

// request is a GET as mobile clients write it.
func request(path, connection string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: application/json\r\nConnection: " + connection + "\r\n\r\n")
}

// dial connects.
func dial(ctx context.Context, addr string, cfg *tls.Config, request []byte, size int) (*client, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return &client{conn: conn, request: request, buf: make([]byte, size)}, nil
}

// close ends the connection at once.
func (c *client) close() { c.conn.NetConn().Close() }

// ask sends the request and reads the answer, which must be 200, to its end.
func (c *client) ask() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	return c.answer()
}

var endOfHead = []byte("\r\n\r\n")

func (c *client) answer() error {
	n := 0
	for {
		m, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return fmt.Errorf("after %d bytes of an answer: %w", n, err)
		}
		n += m
		end := bytes.Index(c.buf[:n], endOfHead)
		if end < 0 {
			if n == len(c.buf) {
				return errors.New("the head of an answer is too large")
			}
			continue
		}
		length, err := readHead(c.buf[:end+2])
		if err != nil {
			return err
		}
		return c.skip(length - (n - end - 4))
	}
}

// skip reads what is left of a body.
func (c *client) skip(left int) error {
	for left > 0 {
		m, err := c.conn.Read(c.buf)
		left -= m
		if err != nil && left > 0 {
			return fmt.Errorf("%d bytes before the end of an answer: %w", left, err)
		}
	}
	if left < 0 {
		return errors.New("an answer is longer than its Content-Length")
	}
	return nil
}

var contentLength = []byte("content-length:")

// readHead is the length that a head with the status 200 announces.
func readHead(head []byte) (int, error) {
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		line, _, _ := bytes.Cut(head, endOfHead[:2])
		return 0, fmt.Errorf("the answer is %.100q", line)
	}
	for len(head) > 0 {
		end := bytes.IndexByte(head, '\n') + 1
		line := head[:end]
		head = head[end:]
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			return strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		}
	}
	return 0, fmt.Errorf("an answer has no Content-Length: %w", io.ErrUnexpectedEOF)
}
