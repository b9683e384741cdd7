package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// abandonedPatience is how long a web server may go on holding a poll whose client has left.
	abandonedPatience = time.Second
	// arrivePatience is how long something may take that is not measured.
	arrivePatience = 2 * time.Second
	// onTime is how much later than it was sent a chunk may arrive.
	onTime = 20 * time.Millisecond
	// tries are as many as chunks get: a machine may be busy for a moment, a proxy that holds them back does it always.
	tries = 5
	// longHead is what the head of a request has in all, in bytes, that is as large as they get.
	longHead = 64000
	// expected is the size of a body that waits to be asked for.
	expected = 3 << 20
	// longPoll is how long polls of mobile clients are held.
	longPoll = 190 * time.Second
)

// checkAbandoned leaves while its poll is held.
func checkAbandoned(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.say(head(http.MethodGet, pathPoll, "")); err != nil {
		return err
	}
	if _, err := b.until(ctx, arrivePatience, func(s webState) bool { return s.Held == 1 }); err != nil {
		return errors.New("the poll did not reach the web server")
	}
	v.close()
	if _, err := b.until(ctx, abandonedPatience, func(s webState) bool { return s.Held == 0 }); err != nil {
		b.ask(ctx, pathRelease)
		return fmt.Errorf("the web server still holds it after %v", abandonedPatience)
	}
	return nil
}

// checkExpect waits to be asked for its body. To be asked again later is odd, and allowed (RFC 9110 section 15.2).
func checkExpect(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.say(head(http.MethodPost, pathUpload, fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n", expected))); err != nil {
		return err
	}
	resp, err := v.hear()
	if err != nil {
		return err
	}
	if err := want(resp, http.StatusContinue); err != nil {
		return err
	}
	if err := v.say(strings.Repeat("x", expected)); err != nil {
		return err
	}
	return v.uploaded(expected)
}

// uploaded hears that so much has arrived.
func (v *visitor) uploaded(size int) error {
	resp, err := v.hear()
	for err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = v.hear()
	}
	if err != nil {
		return err
	}
	if err := want(resp, http.StatusOK); err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != strconv.Itoa(size) {
		err = fmt.Errorf("%q bytes of %d arrived", body, size)
	}
	return err
}

// checkUpload sends a chunk, and the next one only when the web server has the first.
func checkUpload(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.say(head(http.MethodPost, pathUpload, "Transfer-Encoding: chunked\r\n") + "5\r\nfirst\r\n"); err != nil {
		return err
	}
	if _, err := b.until(ctx, arrivePatience, func(s webState) bool { return s.Uploaded == 5 }); err != nil {
		return errors.New("the first chunk of a body waits for the last")
	}
	if err := v.say("4\r\nlast\r\n0\r\n\r\n"); err != nil {
		return err
	}
	return v.uploaded(9)
}

// checkChunks compares when chunks were sent with when they arrive.
func checkChunks(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	for range tries {
		late, lateErr := v.chunks()
		if lateErr != nil {
			return lateErr
		}
		if late <= onTime {
			return nil
		}
		err = fmt.Errorf("one came %v late", late.Round(time.Millisecond))
	}
	return err
}

// chunks is by how much the latest one was late.
func (v *visitor) chunks() (time.Duration, error) {
	if err := v.say(head(http.MethodGet, pathChunks, "")); err != nil {
		return 0, err
	}
	resp, err := v.hear()
	if err != nil {
		return 0, err
	}
	if err := want(resp, http.StatusOK); err != nil {
		return 0, err
	}
	lines, count, latest := bufio.NewScanner(resp.Body), 0, time.Duration(0)
	for lines.Scan() {
		sent, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return 0, err
		}
		latest = max(latest, time.Since(time.Unix(0, sent)))
		count++
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	if count != chunkCount {
		return 0, fmt.Errorf("%d of %d chunks came", count, chunkCount)
	}
	return latest, nil
}

// checkHead sends a token as large as Negotiate's get.
func checkHead(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	const field = "Authorization: Bearer "
	token := strings.Repeat("t", longHead-len(head(http.MethodGet, pathHead, field+"\r\n")))
	resp, body, err := v.ask(pathHead, field+token+"\r\n")
	if err != nil {
		return err
	}
	if err := want(resp, http.StatusOK); err != nil {
		return err
	}
	if length := strconv.Itoa(len("Bearer ") + len(token)); body != length {
		return fmt.Errorf("%q bytes of %s arrived", body, length)
	}
	return nil
}

// checkLongPoll is held for as long as a mobile client's.
func checkLongPoll(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	begin := time.Now()
	resp, _, err := v.ask(pathPoll+"?for="+longPoll.String(), "")
	if err != nil {
		return fmt.Errorf("after %v: %w", time.Since(begin).Round(time.Second), err)
	}
	if err := want(resp, http.StatusOK); err != nil {
		return fmt.Errorf("after %v: %w", time.Since(begin).Round(time.Second), err)
	}
	return nil
}
