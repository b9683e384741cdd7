package fabric_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lyncpin/internal/fabric"
)

// pair is both ends of a connection to web, from outside.
func pair(t *testing.T, f *fabric.Fabric) (client, server net.Conn) {
	t.Helper()
	ln, err := f.Listen(t.Context(), "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err = f.Dialer("external")(ctx, "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() { client.Close(); server.Close() })
	client.SetDeadline(time.Now().Add(patience))
	server.SetDeadline(time.Now().Add(patience))
	return client, server
}

// lossyFabric is a fabric with a path from outside, and what moves its clock on.
func lossyFabric(t *testing.T, p fabric.Path) (f *fabric.Fabric, pass func(time.Duration)) {
	p.From, p.To = "external", netip.MustParsePrefix("203.0.113.10/32")
	began, passed := time.Now(), new(atomic.Int64)
	f = newFabric(t, fabric.Config{
		Paths: []fabric.Path{p},
		Now:   func() time.Time { return began.Add(time.Duration(passed.Load())) },
	})
	return f, func(d time.Duration) { passed.Add(int64(d)) }
}

// say writes at one end and reads at the other.
func say(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len(text))
	if _, err := io.ReadFull(to, buf); err != nil || string(buf) != text {
		t.Fatalf("got %q, %v, want %q", buf, err, text)
	}
}

// isSilent tells that nothing arrives, not even an end, until the deadline.
func isSilent(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(dropTime))
	if n, err := c.Read(make([]byte, 10)); n != 0 || !isTimeout(err) {
		t.Errorf("got %d bytes, %v, want silence", n, err)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	const after = 3 * time.Minute
	f, pass := lossyFabric(t, fabric.Path{Action: fabric.Forget, After: after})
	client, server := pair(t, f)
	for range 4 { // longer in all than it may be idle
		say(t, client, server, "still there")
		pass(after / 2)
		say(t, server, client, "so am I")
	}
	pass(after)
	if n, err := io.WriteString(client, "hello?"); n != 6 || err != nil {
		t.Errorf("writing into a forgotten connection: %d, %v, want no error", n, err)
	}
	isSilent(t, server)
	io.WriteString(server, "an event")
	isSilent(t, client)
	server.Close()
	isSilent(t, client)

	again, other := pair(t, f)
	say(t, again, other, "a new connection")
}

// Neither side hears of the other's end, and what waits is not left waiting.
func TestForgetHidesClose(t *testing.T) {
	t.Parallel()
	const after = 3 * time.Minute
	f, pass := lossyFabric(t, fabric.Path{Action: fabric.Forget, After: after})
	client, server := pair(t, f)
	ended := make(chan error, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		_, err := client.Read(make([]byte, 1))
		ended <- err
	})
	pass(after)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	reading.Wait()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read that Close ended: got %v, want %v", err, net.ErrClosed)
	}
	isSilent(t, server)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	server.SetReadDeadline(time.Now().Add(patience))
	if _, err := server.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("after the fabric is closed: got %v, want an end", err)
	}
}

func TestCloseBeforeForget(t *testing.T) {
	t.Parallel()
	f, _ := lossyFabric(t, fabric.Path{Action: fabric.Forget, After: time.Hour})
	client, server := pair(t, f)
	client.Close()
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want %v", err, io.EOF)
	}
	if _, err := client.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after Close: got %v, want %v", err, net.ErrClosed)
	}
}

func TestMTU(t *testing.T) {
	t.Parallel()
	small, large := string(bytes.Repeat([]byte("s"), 1200)), string(bytes.Repeat([]byte("l"), 3000))
	f, _ := lossyFabric(t, fabric.Path{Action: fabric.MTU})
	client, server := pair(t, f)
	say(t, client, server, small)
	say(t, server, client, small)
	io.WriteString(client, large)
	isSilent(t, server)
	io.WriteString(client, "more")
	isSilent(t, server)
	say(t, server, client, "the other direction")
	io.WriteString(server, large)
	isSilent(t, client)

	inside, err := f.Listen(t.Context(), "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	go func() {
		if c, err := inside.Accept(); err == nil {
			io.WriteString(c, large)
			c.Close()
		}
	}()
	if got, err := ask(t, f, "internal", web); err != nil || got != large {
		t.Errorf("from another place: got %d bytes, %v, want %d", len(got), err, len(large))
	}
}

// What waits for a packet that was lost has waited for long enough after DropTime, as a dial into silence has.
func TestMTUGivesUp(t *testing.T) {
	t.Parallel()
	for _, direction := range []string{"request lost", "answer lost"} {
		t.Run(direction, func(t *testing.T) {
			f, _ := lossyFabric(t, fabric.Path{Action: fabric.MTU})
			client, server := pair(t, f)
			from := client
			if direction == "answer lost" {
				from = server
			}
			if _, err := from.Write(bytes.Repeat([]byte("l"), 3000)); err != nil {
				t.Fatal(err)
			}
			_, err := client.Read(make([]byte, 1))
			if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
				t.Errorf("got %v, want a time-out", err)
			}
		})
	}
}
