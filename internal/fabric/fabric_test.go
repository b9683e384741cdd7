package fabric_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"lyncpin/internal/fabric"
)

const (
	web      = "203.0.113.10:443"
	inside   = "10.10.10.11:4443"
	dropTime = 10 * time.Millisecond
	patience = 10 * time.Second // longer than anything here takes
)

var places = map[string]netip.Addr{
	"external": netip.MustParseAddr("192.0.2.50"),
	"internal": netip.MustParseAddr("10.10.20.50"),
}

func newFabric(t *testing.T, cfg fabric.Config) *fabric.Fabric {
	t.Helper()
	cfg.Places = places
	cfg.Outside = []string{"external"}
	if cfg.DropTime == 0 {
		cfg.DropTime = dropTime
	}
	f, err := fabric.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// greet listens at addr, which it returns, and tells every client its name and who it is.
func greet(t *testing.T, f fabric.Network, addr, name string) string {
	t.Helper()
	ln, err := f.Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "%s %s %s", name, c.LocalAddr(), host(c.RemoteAddr()))
			c.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); running.Wait() })
	return ln.Addr().String()
}

func host(a net.Addr) string {
	h, _, _ := net.SplitHostPort(a.String())
	return h
}

// ask dials and returns the greeting.
func ask(t *testing.T, f fabric.Network, place, addr string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := f.Dialer(place)(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if got := c.RemoteAddr().String(); got != addr {
		t.Errorf("remote address: got %s, want %s", got, addr)
	}
	data, err := io.ReadAll(c)
	return string(data), err
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

func TestReach(t *testing.T) {
	t.Parallel()
	any4 := netip.MustParsePrefix("203.0.113.0/24")
	one := netip.MustParsePrefix("203.0.113.10/32")
	to := netip.MustParseAddrPort
	tests := []struct {
		name        string
		paths       []fabric.Path
		place, addr string
		want        string
		fails       func(error) bool
	}{
		{name: "plain", place: "external", addr: web, want: "web 203.0.113.10:443 192.0.2.50"},
		{name: "unknown-place", place: "moon", addr: web, want: "web 203.0.113.10:443 127.0.0.1"},
		{name: "ipv6", place: "external", addr: "[2001:db8::10]:443", want: "web6 [2001:db8::10]:443 192.0.2.50"},
		{name: "other-port", place: "external", addr: "203.0.113.10:444", fails: isRefused},
		{name: "nothing-there", place: "external", addr: "203.0.113.11:443", fails: isTimeout},
		{name: "private-from-outside", place: "external", addr: inside, fails: isTimeout},
		{name: "private-v6-from-outside", place: "external", addr: "[fd00::11]:443", fails: isTimeout},
		{name: "private-from-inside", place: "internal", addr: inside, want: "fe " + inside + " 10.10.20.50"},
		{name: "drop", paths: []fabric.Path{{To: one, Action: fabric.Drop}}, place: "internal", addr: web, fails: isTimeout},
		{name: "drop-prefix", paths: []fabric.Path{{To: any4, Action: fabric.Drop}}, place: "internal", addr: web, fails: isTimeout},
		{name: "drop-other-place", paths: []fabric.Path{{From: "wifi", To: one, Action: fabric.Drop}}, place: "internal", addr: web, want: "web 203.0.113.10:443 10.10.20.50"},
		{name: "drop-other-port", paths: []fabric.Path{{To: one, Port: 80, Action: fabric.Drop}}, place: "internal", addr: web, want: "web 203.0.113.10:443 10.10.20.50"},
		{name: "refuse", paths: []fabric.Path{{From: "internal", To: one, Port: 443, Action: fabric.Refuse}}, place: "internal", addr: web, fails: isRefused},
		{name: "translate-inwards", paths: []fabric.Path{{To: one, Port: 443, Action: fabric.Translate, Target: to(inside)}}, place: "external", addr: web, want: "fe " + inside + " 192.0.2.50"},
		{name: "translate-keeps-port", paths: []fabric.Path{{To: netip.MustParsePrefix("203.0.113.99/32"), Action: fabric.Translate, Target: to("203.0.113.10:0")}}, place: "external", addr: "203.0.113.99:443", want: "web 203.0.113.10:443 192.0.2.50"},
		{name: "translate-to-nothing", paths: []fabric.Path{{To: one, Action: fabric.Translate, Target: to("10.10.10.99:443")}}, place: "external", addr: web, fails: isTimeout},
		{name: "translate-to-closed-port", paths: []fabric.Path{{To: one, Action: fabric.Translate, Target: to("10.10.10.11:443")}}, place: "external", addr: web, fails: isRefused},
		{name: "first-match-wins", paths: []fabric.Path{{To: one, Action: fabric.Refuse}, {To: any4, Action: fabric.Drop}}, place: "internal", addr: web, fails: isRefused},
		{name: "a-name", place: "internal", addr: "meet.contoso.example:443", fails: func(err error) bool { _, ok := errors.AsType[*net.AddrError](err); return ok }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t, fabric.Config{Paths: tt.paths})
			greet(t, f, web, "web")
			greet(t, f, "[2001:db8::10]:443", "web6")
			greet(t, f, inside, "fe")
			greet(t, f, "[fd00::11]:443", "fe6")
			got, err := ask(t, f, tt.place, tt.addr)
			if tt.fails == nil {
				if err != nil || got != tt.want {
					t.Errorf("got %q, %v, want %q", got, err, tt.want)
				}
				return
			}
			if !tt.fails(err) {
				t.Errorf("got %q, %v (%T), want another error", got, err, err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	one := netip.MustParsePrefix("203.0.113.10/32")
	for name, p := range map[string]fabric.Path{
		"action": {To: one, Action: "dorp"},
		"target": {To: one, Action: fabric.Translate},
		"to":     {Action: fabric.Drop},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := fabric.New(fabric.Config{Paths: []fabric.Path{p}}); err == nil {
				t.Error("got no error, want one")
			}
		})
	}
}

func TestDropEndsWithContext(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{DropTime: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), dropTime)
	defer cancel()
	if _, err := f.Dialer("internal")(ctx, "tcp", web); !isTimeout(err) {
		t.Errorf("at the deadline: got %v, want a time-out", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := f.Dialer("internal")(ctx, "tcp", web); !errors.Is(err, context.Canceled) || isTimeout(err) {
		t.Errorf("when cancelled: got %v, want that it was cancelled", err)
	}
}

func TestListenTwice(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	ln, err := f.Listen(t.Context(), "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	if got := ln.Addr().String(); got != web {
		t.Errorf("address: got %s, want %s", got, web)
	}
	if _, err := f.Listen(t.Context(), "tcp", web); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the second time: got %v, want that the address is in use", err)
	}
	if got := f.Bound("tcp", web); host(netAddr(got)) != "127.0.0.1" {
		t.Errorf("bound: got %q, want a loopback address", got)
	}
	ln.Close()
	if got := f.Bound("tcp", web); got != "" {
		t.Errorf("bound after Close: got %q, want nothing", got)
	}
	again, err := f.Listen(t.Context(), "tcp", web)
	if err != nil {
		t.Fatalf("after Close: %v", err)
	}
	again.Close()
}

type netAddr string

func (netAddr) Network() string  { return "tcp" }
func (a netAddr) String() string { return string(a) }

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	for _, addr := range []string{"203.0.113.10:0", ":443", "meet.contoso.example:443", "203.0.113.10"} {
		if ln, err := f.Listen(t.Context(), "tcp", addr); err == nil {
			ln.Close()
			t.Errorf("%s: got no error, want one", addr)
		}
	}
	if _, err := f.Listen(t.Context(), "unix", web); err == nil {
		t.Error("unix: got no error, want one")
	}
}

// A connection is a real one: half-closes arrive.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	ln, err := f.Listen(t.Context(), "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var server sync.WaitGroup
	server.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		data, _ := io.ReadAll(c)
		fmt.Fprintf(c, "%d bytes", len(data))
	})
	c, err := f.Dialer("external")(t.Context(), "tcp", web)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(c); err != nil || string(data) != "5 bytes" {
		t.Errorf("got %q, %v, want 5 bytes", data, err)
	}
	server.Wait()
}

// Servers know their clients even when many come at once, and whoever comes past the fabric is shown as it is.
func TestClientsAreKnown(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	greet(t, f, web, "web")
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			place, want := "external", "web 203.0.113.10:443 192.0.2.50"
			switch i % 3 {
			case 1:
				place, want = "internal", "web 203.0.113.10:443 10.10.20.50"
			case 2:
				c, err := net.Dial("tcp", f.Bound("tcp", web))
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if data, err := io.ReadAll(c); err != nil || string(data) != "web 203.0.113.10:443 127.0.0.1" {
					t.Errorf("past the fabric: got %q, %v", data, err)
				}
				return
			}
			if got, err := ask(t, f, place, web); err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	group.Wait()
}

func TestUDP(t *testing.T) {
	t.Parallel()
	const resolver = "198.51.100.53:53"
	f := newFabric(t, fabric.Config{Paths: []fabric.Path{
		{From: "dropped", To: netip.MustParsePrefix("198.51.100.53/32"), Action: fabric.Drop},
		{From: "refused", To: netip.MustParsePrefix("198.51.100.53/32"), Action: fabric.Refuse},
	}})
	pc, err := f.ListenPacket(t.Context(), "udp", resolver)
	if err != nil {
		t.Fatal(err)
	}
	var server sync.WaitGroup
	server.Go(func() {
		buf := make([]byte, 100)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			pc.WriteTo(fmt.Appendf(nil, "%s from %s", buf[:n], host(from)), from)
		}
	})
	t.Cleanup(func() { pc.Close(); server.Wait() })
	tests := []struct {
		name, place, addr, want string
		fails                   func(error) bool
	}{
		{name: "outside", place: "external", addr: resolver, want: "ping from 192.0.2.50"},
		{name: "inside", place: "internal", addr: resolver, want: "ping from 10.10.20.50"},
		{name: "nothing-there", place: "internal", addr: "198.51.100.54:53", fails: isTimeout},
		{name: "other-port", place: "internal", addr: "198.51.100.53:54", fails: isRefused},
		{name: "dropped", place: "dropped", addr: resolver, fails: isTimeout},
		{name: "refused", place: "refused", addr: resolver, fails: isRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := f.Dialer(tt.place)(t.Context(), "udp", tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, ok := c.(net.PacketConn); !ok {
				t.Error("not a net.PacketConn: users would frame it as TCP")
			}
			c.SetDeadline(time.Now().Add(patience))
			for range 2 { // silence must not outlive its first read, nor end the association
				if _, err := io.WriteString(c, "ping"); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 100)
				n, err := c.Read(buf)
				if tt.fails != nil {
					if !tt.fails(err) {
						t.Errorf("got %q, %v, want another error", buf[:n], err)
					}
				} else if err != nil || string(buf[:n]) != tt.want {
					t.Errorf("got %q, %v, want %q", buf[:n], err, tt.want)
				}
			}
		})
	}
}

func TestUDPSilenceEndsAtDeadline(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{DropTime: time.Hour})
	c, err := f.Dialer("internal")(t.Context(), "udp", "198.51.100.54:53")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(dropTime))
	if _, err := c.Read(make([]byte, 10)); !isTimeout(err) {
		t.Errorf("got %v, want a time-out", err)
	}
}

func TestSamePortForTCPAndUDP(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	const addr = "198.51.100.53:53"
	ln, err := f.Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	blocked := f.Bound("tcp", addr)
	other, err := net.ListenPacket("udp4", blocked) // somebody else may have the port
	if err != nil {
		t.Skip("another process took the same UDP port in between")
	}
	pc, err := f.ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Bound("udp", addr); got == blocked {
		t.Errorf("got %s, which is taken", got)
	}
	pc.Close()
	other.Close()
	pc, err = f.ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if got := f.Bound("udp", addr); got != blocked {
		t.Errorf("got %s, want the port of TCP, %s", got, blocked)
	}
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	f := newFabric(t, fabric.Config{})
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	if _, err := f.Listen(t.Context(), "tcp", web); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Listen: got %v, want that it is closed", err)
	}
}

func TestDirect(t *testing.T) {
	t.Parallel()
	var d fabric.Direct
	addr := greet(t, &d, "127.0.0.1:0", "web")
	if got := d.Bound("tcp", addr); got != addr {
		t.Errorf("bound: got %q, want %s", got, addr)
	}
	if got := d.Bound("udp", addr); got != "" {
		t.Errorf("bound for UDP: got %q, want nothing", got)
	}
	want := "web " + addr + " 127.0.0.1"
	if got, err := ask(t, &d, "external", addr); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	pc, err := d.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pc.Close()
	if got := d.Bound("udp", pc.LocalAddr().String()); got != "" {
		t.Errorf("bound after Close: got %q, want nothing", got)
	}
}

func ExampleFabric() {
	f, err := fabric.New(fabric.Config{Places: map[string]netip.Addr{"external": netip.MustParseAddr("192.0.2.50")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	ln, err := f.Listen(context.Background(), "tcp", "203.0.113.10:443")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ln.Close()
	c, err := f.Dialer("external")(context.Background(), "tcp", "203.0.113.10:443")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println("from", host(c.LocalAddr()), "to", c.RemoteAddr())
	// Output: from 192.0.2.50 to 203.0.113.10:443
}

// What a proxy of another machine must reach is at a real address, with the plan's port; a port that is taken there is an error.
func TestRealAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	busy := taken.Addr().(*net.TCPAddr).AddrPort()
	plan := netip.MustParseAddr("10.10.10.11")
	f, err := fabric.New(fabric.Config{Real: map[netip.Addr]netip.Addr{plan: busy.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := netip.AddrPortFrom(plan, busy.Port()).String()
	if ln, err := f.Listen(t.Context(), "tcp", at); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("at a port that is taken: got %v, %v", ln, err)
	}
	taken.Close()
	ln, err := f.Listen(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := f.Bound("tcp", at); got != busy.String() {
		t.Errorf("bound at %s, want %s", got, busy)
	}
}

// A port that the process may not bind is there for who dials through the fabric.
func TestRealAddressWithoutPrivileges(t *testing.T) {
	t.Parallel()
	home := netip.MustParseAddr("127.0.0.1")
	if ln, err := net.Listen("tcp", "127.0.0.1:79"); err == nil {
		ln.Close()
		t.Skip("this process may bind any port")
	}
	f, err := fabric.New(fabric.Config{Real: map[netip.Addr]netip.Addr{netip.MustParseAddr("10.10.10.11"): home}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ln, err := f.Listen(t.Context(), "tcp", "10.10.10.11:79")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := f.Dialer("inside")(t.Context(), "tcp", "10.10.10.11:79")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
