package lab

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"

	"errors"

	"lyncpin/internal/fabric"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// ways are how a product, which knows nothing of the fabric, gets to the plan's addresses: straight, or by a relay where a
// firewall's rule applies or silence is the answer.
type ways struct {
	*streams
	net *fabric.Fabric
}

// nobody is an address of loopback at which nobody listens: the port of a service that systems no longer have.
var nobody = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 1)

// to says where an address of the plan is for the product. When there is no port for a relay, it is not valid.
func (w *ways) to(plan netip.AddrPort) netip.AddrPort {
	real, action := w.net.Via(probe.Proxy, plan)
	switch action {
	case "":
		return real
	case topology.Refuse:
		return nobody
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}
	}
	dial := w.net.Dialer(probe.Proxy)
	w.serve(ln, func(ctx context.Context, client net.Conn) {
		server, err := dial(ctx, "tcp", plan.String())
		if err == nil {
			w.join(client, server)
			return
		}
		defer client.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			io.Copy(io.Discard, client) // silence, until the product has had enough
		}
	})
	return ln.Addr().(*net.TCPAddr).AddrPort()
}
