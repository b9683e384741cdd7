package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
)

// visitor is a connection that is looked at closely: checks write bytes to it and read answers with net/http.
type visitor struct {
	*client
	in *bufio.Reader
}

// visit connects; the connection ends with ctx.
func (b *bench) visit(ctx context.Context, addr string) (*visitor, error) {
	c, err := dial(ctx, addr, clientTLS(b.pool), nil, 0)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, c.close)
	return &visitor{client: c, in: bufio.NewReader(c.conn)}, nil
}

// head is a request's, with further lines.
func head(method, path, lines string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n"
}

// say writes.
func (v *visitor) say(text string) error {
	_, err := io.WriteString(v.conn, text)
	return err
}

// hear reads the head of an answer.
func (v *visitor) hear() (*http.Response, error) {
	return http.ReadResponse(v.in, &http.Request{Method: http.MethodGet})
}

// ask says a request without a body and hears the whole answer.
func (v *visitor) ask(path, lines string) (*http.Response, string, error) {
	if err := v.say(head(http.MethodGet, path, lines)); err != nil {
		return nil, "", err
	}
	resp, err := v.hear()
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// want refuses any other answer.
func want(resp *http.Response, status int) error {
	if resp.StatusCode != status {
		return fmt.Errorf("%d in place of %d", resp.StatusCode, status)
	}
	return nil
}
