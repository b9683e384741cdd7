package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// The PROXY protocol, sections 2.1 and 2.2: the most bytes of the header in text, its end of line included, and the signature of the one
// in binary.
const (
	maxProxyHeader = 107
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
)

var errNoProxyHeader = errors.New("what came is no PROXY header")

// readProxyHeader takes the header that a balancer in front sends before anything else, in either version, and returns the client that
// it names: the zero Addr when it names none. It takes no byte of what follows.
func readProxyHeader(r io.Reader) (netip.Addr, error) {
	start := make([]byte, len(proxySignature))
	if _, err := io.ReadFull(r, start); err != nil {
		return netip.Addr{}, fmt.Errorf("the PROXY header: %w", err)
	}
	switch {
	case string(start) == proxySignature:
		return readBinaryHeader(r)
	case strings.HasPrefix(string(start), "PROXY "):
		return readTextHeader(r, string(start))
	}
	return netip.Addr{}, errNoProxyHeader
}

// readTextHeader reads the rest of a line like "PROXY TCP4 192.0.2.1 203.0.113.10 56324 443" or "PROXY UNKNOWN".
func readTextHeader(r io.Reader, line string) (netip.Addr, error) {
	next := make([]byte, 1)
	for !strings.HasSuffix(line, "\r\n") {
		if len(line) == maxProxyHeader {
			return netip.Addr{}, errNoProxyHeader
		}
		if _, err := io.ReadFull(r, next); err != nil {
			return netip.Addr{}, fmt.Errorf("the PROXY header: %w", err)
		}
		line += string(next)
	}
	words := strings.Split(strings.TrimSuffix(line, "\r\n"), " ")
	switch {
	case words[1] == "UNKNOWN":
		return netip.Addr{}, nil
	case len(words) != 6 || words[1] != "TCP4" && words[1] != "TCP6":
		return netip.Addr{}, errNoProxyHeader
	}
	client, err := netip.ParseAddr(words[2])
	if err != nil {
		return netip.Addr{}, errNoProxyHeader
	}
	return client.Unmap().WithZone(""), nil
}

// readBinaryHeader reads what follows the signature: version and command, family, length, and as many bytes, which begin with the
// client's address where the command is PROXY and the family one of IP.
func readBinaryHeader(r io.Reader) (netip.Addr, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return netip.Addr{}, fmt.Errorf("the PROXY header: %w", err)
	}
	rest := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if _, err := io.ReadFull(r, rest); err != nil {
		return netip.Addr{}, fmt.Errorf("the PROXY header: %w", err)
	}
	const local, proxied, ip4, ip6 = 0x20, 0x21, 0x1, 0x2
	switch family := head[1] >> 4; {
	case head[0] == local:
		return netip.Addr{}, nil
	case head[0] != proxied:
		return netip.Addr{}, errNoProxyHeader
	case family == ip4 && len(rest) >= 12:
		return netip.AddrFrom4([4]byte(rest[:4])), nil
	case family == ip6 && len(rest) >= 36:
		return netip.AddrFrom16([16]byte(rest[:16])).Unmap(), nil
	}
	return netip.Addr{}, nil
}
