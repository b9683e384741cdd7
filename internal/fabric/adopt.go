package fabric

import (
	"net"
	"net/netip"
)

// Adopt enters a listener of another program into the map: who dials the plan's address, ip:port, gets to the real one. Release
// takes it out again.
func (f *Fabric) Adopt(network, addr string, real netip.AddrPort) (release func(), err error) {
	e, err := parse(network, addr)
	if err != nil {
		return nil, err
	}
	s, err := f.bind(e, net.TCPAddrFromAddrPort(real))
	if err != nil {
		return nil, err
	}
	return s.unbind, nil
}

// Via is the real address that a dial from place to an address of the plan ends at, for programs that know nothing of the
// fabric. When there is none, action is Drop or Refuse. What a path would lose later is not plain: then action is that path's.
func (f *Fabric) Via(place string, plan netip.AddrPort) (real netip.AddrPort, action string) {
	s, action, by := f.reach(place, endpoint{network: "tcp", addr: plan})
	switch {
	case s == nil:
		return netip.AddrPort{}, action
	case by != nil && (by.Action == Forget || by.Action == MTU):
		return netip.AddrPort{}, by.Action
	}
	return s.real, ""
}
