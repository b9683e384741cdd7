package peer

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Listeners get ports below those that systems give to outgoing connections, so that no client takes one in between. While a port is
// given away, a socket for datagrams is bound so much higher: others who look for a port see it, also in other processes.
const (
	firstPort = 10240
	lastPort  = 21000
	lockAbove = lastPort - firstPort
)

// ports are where listeners really are.
type ports struct {
	real  map[netip.AddrPort]netip.AddrPort // by the address of the plan
	locks []net.PacketConn
}

// release gives the ports back.
func (p *ports) release() {
	for _, l := range p.locks {
		l.Close()
	}
}

// allocate finds a free port of loopback for each listener. With samePort, listeners of one port of the plan get one port, at
// addresses of their own: 127.0.0.1, 127.0.0.2 and so on. The caller must release them.
func allocate(listen []netip.AddrPort, samePort bool) (*ports, error) {
	out := &ports{real: map[netip.AddrPort]netip.AddrPort{}}
	numbers := map[uint16]uint16{}
	hosts := map[netip.Addr]netip.Addr{}
	home := netip.MustParseAddr("127.0.0.1")
	next := home
	for _, plan := range listen {
		host, port := home, uint16(0)
		if samePort {
			if _, ok := hosts[plan.Addr()]; !ok {
				hosts[plan.Addr()] = next
				next = next.Next()
			}
			host, port = hosts[plan.Addr()], numbers[plan.Port()]
		}
		if port == 0 {
			var lock net.PacketConn
			var err error
			if port, lock, err = freePort(); err != nil {
				out.release()
				return nil, err
			}
			out.locks = append(out.locks, lock)
			numbers[plan.Port()] = port
		}
		out.real[plan] = netip.AddrPortFrom(host, port)
	}
	return out, nil
}

// freePort is a port that nobody listens at now, and that nobody else is given until the lock is closed.
func freePort() (port uint16, lock net.PacketConn, err error) {
	for range 1000 {
		port := uint16(firstPort + rand.N(lastPort-firstPort))
		lock, err := net.ListenPacket("udp4", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port+lockAbove).String())
		if err != nil {
			continue
		}
		ln, err := net.Listen("tcp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
		if err != nil {
			lock.Close()
			continue
		}
		ln.Close()
		return port, lock, nil
	}
	return 0, nil, fmt.Errorf("found no free port between %d and %d", firstPort, lastPort)
}

// address is an IP address with a port, as nearly all products write it.
var address = regexp.MustCompile(`(?:\b(?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-fA-F:.]+\]):\d{1,5}\b`)

// placeAddresses puts every address with a port where it really is.
func placeAddresses(text string, _ map[netip.AddrPort]netip.AddrPort, where func(netip.AddrPort) netip.AddrPort) string {
	return address.ReplaceAllStringFunc(text, func(s string) string {
		plan, err := netip.ParseAddrPort(s)
		if err != nil {
			return s
		}
		if real := where(plan); real.IsValid() {
			return real.String()
		}
		return s
	})
}

// cachePeer is Squid's line for a web server: address, kind, port.
var cachePeer = regexp.MustCompile(`(?m)^(\s*cache_peer\s+)(\S+)(\s+\S+\s+)(\d+)\b`)

func placeSquid(text string, listen map[netip.AddrPort]netip.AddrPort, where func(netip.AddrPort) netip.AddrPort) string {
	text = cachePeer.ReplaceAllStringFunc(text, func(s string) string {
		m := cachePeer.FindStringSubmatch(s)
		addr, err := netip.ParseAddr(m[2])
		port, perr := strconv.ParseUint(m[4], 10, 16)
		if err != nil || perr != nil {
			return s
		}
		real := where(netip.AddrPortFrom(addr, uint16(port)))
		if !real.IsValid() {
			return s
		}
		return m[1] + real.Addr().String() + m[3] + strconv.Itoa(int(real.Port()))
	})
	return placeAddresses(text, listen, where)
}

// placeCaddy also changes addresses that stand alone, in bind, and the ports of sites.
func placeCaddy(text string, listen map[netip.AddrPort]netip.AddrPort, where func(netip.AddrPort) netip.AddrPort) string {
	text = placeAddresses(text, listen, where)
	var pairs []string
	ports := map[string]string{}
	for plan, real := range listen {
		pairs = append(pairs, plan.Addr().String(), real.Addr().String())
		ports[strconv.Itoa(int(plan.Port()))] = strconv.Itoa(int(real.Port()))
	}
	text = bindLine.ReplaceAllStringFunc(text, func(line string) string { return replaceLongest(line, pairs) })
	return siteLine.ReplaceAllStringFunc(text, func(line string) string {
		return sitePort.ReplaceAllStringFunc(line, func(s string) string {
			return ":" + cmp.Or(ports[s[1:]], s[1:])
		})
	})
}

var (
	bindLine = regexp.MustCompile(`(?m)^\s*(?:default_bind|bind)\s.*$`)
	siteLine = regexp.MustCompile(`(?m)^\S.*\{\s*$`) // sites begin at the left margin
	sitePort = regexp.MustCompile(`:\d+\b`)
)

// replaceLongest replaces in one pass, the longest old text first: pairs are old and new.
func replaceLongest(text string, pairs []string) string {
	type pair struct{ old, new string }
	var list []pair
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, pair{pairs[i], pairs[i+1]})
	}
	slices.SortFunc(list, func(a, b pair) int {
		return cmp.Or(cmp.Compare(len(b.old), len(a.old)), strings.Compare(a.old, b.old))
	})
	var flat []string
	for _, p := range list {
		flat = append(flat, p.old, p.new)
	}
	return strings.NewReplacer(flat...).Replace(text)
}
