package load

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
)

// Target is what is loaded.
type Target struct {
	// Domain is the SIP domain; discovery begins at lyncdiscover.DOMAIN.
	Domain string
	// Hosts are the names, in lower case, that answers may lead to: the external web FQDNs and the discovery names.
	Hosts []string
	// InternalHosts are the names, in lower case, of the internal web site. A link to one is named as such; none means that
	// it is just another host.
	InternalHosts []string
	// Routes say where names are: host:port, host, or the empty name for all others, to the address:port to dial. Names that
	// have none are dialled as they are.
	Routes map[string]string
	// Allowed are the addresses that may be dialled beside loopback, as their owner wrote them down.
	Allowed []netip.Prefix
	// Roots are trusted. Nil means those of the system.
	Roots *x509.CertPool
	// Accounts are who signs in, one for each client.
	Accounts []Account
}

// Account is somebody who signs in.
type Account struct {
	// SIP is the sign-in address without "sip:".
	SIP string
	// Login is the Windows account, DOMAIN\name; empty means SIP.
	Login string
	// Password never reaches a result, an error or a log.
	Password string
}

// login is what the account logs on as.
func (a *Account) login() string {
	if a.Login != "" {
		return a.Login
	}
	return a.SIP
}

// allows tells whether the address may be dialled.
func (t *Target) allows(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return true
	}
	for _, p := range t.Allowed {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (t *Target) validate(clients int) error {
	switch {
	case t.Domain == "":
		return errors.New("no SIP domain")
	case len(t.Hosts) == 0:
		return errors.New("no name of the external web site")
	case len(t.Accounts) < clients:
		return fmt.Errorf("%d clients need as many accounts, and there are %d", clients, len(t.Accounts))
	}
	for host, at := range t.Routes {
		addr, err := netip.ParseAddrPort(at)
		if err != nil {
			return fmt.Errorf("the address of %q is %q: want ADDRESS:PORT", host, at)
		}
		if !t.allows(addr.Addr()) {
			return fmt.Errorf("%s is %w", at, ErrRefused)
		}
	}
	return nil
}
