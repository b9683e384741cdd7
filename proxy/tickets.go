package proxy

import (
	"crypto/tls"
	"slices"
	"strings"
)

// tickets seals what TLS sessions are resumed with. Its keys are those that crypto/tls makes, replaces every day and honours for a
// week; there is one set of them for all listeners, and a reload does not change it. The zero tickets makes its keys when it is
// first used. They are never written anywhere: a proxy that starts anew greets everybody anew.
type tickets struct{ keys tls.Config }

// ticketName marks the name that a session is for, in what others may add to it as well.
const ticketName = "lyncpin server name: "

// use makes c seal and open its tickets here. A session is resumed under the name it was made with, and no other (RFC 6066, 3), for
// otherwise it would lead past TLSOptions.StrictSNI. What clients prove with certificates, crypto/tls checks again.
func (t *tickets) use(c *tls.Config) {
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = append(ss.Extra, nameMark(cs))
		return t.keys.EncryptTicket(cs, ss)
	}
	c.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := t.keys.DecryptTicket(identity, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		mark := string(nameMark(cs))
		if !slices.ContainsFunc(ss.Extra, func(p []byte) bool { return string(p) == mark }) {
			return nil, nil
		}
		return ss, nil
	}
}

func nameMark(cs tls.ConnectionState) []byte {
	return []byte(ticketName + strings.ToLower(strings.TrimSuffix(cs.ServerName, ".")))
}
