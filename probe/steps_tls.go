package probe

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

func (t *tree) handshake(h *Handshake) Step {
	s := Step{ID: t.id(fmt.Sprintf("handshake/%d", h.ID)), Name: handshakeName(h), State: Passed}
	switch {
	case !h.Outcome.OK():
		s.State, s.Detail = Failed, words(h.Outcome)
	default:
		s.Detail = "TLS " + h.Version
	}
	if h.ClientCertificate {
		s.Detail += "; asks the client for a certificate"
	}
	switch h.Purpose {
	case HandshakeName:
		if h.Outcome.OK() {
			s.Steps = t.certificate(h, s.ID)
			for _, c := range s.Steps {
				if c.State == Failed {
					s.State = Failed
					s.Detail += "; " + c.Detail
				}
			}
		}
	case HandshakeRepeat, HandshakeSignIn:
	default: // what a client does not do is worth knowing, and no fault in itself
		s.State = Noted
		if c := t.leaf(h); c != nil {
			s.Detail += "; certificate " + c.Subject
		}
	}
	s.Detail = clip(s.Detail)
	carried := t.carried[h.ID]
	for _, x := range carried {
		broken := ""
		if !h.Outcome.OK() {
			broken = words(h.Outcome)
		}
		s.Steps = append(s.Steps, t.exchange(x, broken))
	}
	if !h.Outcome.OK() && s.State == Failed && len(carried) == 0 {
		s.Steps = append(s.Steps, t.skipped(s.ID, "the handshake failed: "+words(h.Outcome), "HTTP")...)
	}
	return bounded(timed(s, h.Elapsed))
}

func handshakeName(h *Handshake) string {
	switch h.Purpose {
	case HandshakeNoSNI:
		return "TLS with " + h.Addr + " without a server name"
	case HandshakeVersion:
		return "TLS " + h.Offered + " only with " + h.Addr
	case HandshakeHTTP2:
		return "TLS with " + h.Addr + " as " + h.SNI + ", offering HTTP/2"
	case HandshakeProxied:
		return "TLS with " + h.Addr + " as " + h.SNI + ", behind a PROXY header"
	case HandshakeUnknown:
		return "TLS with " + h.Addr + " as " + cmp.Or(h.SNI, "a name nobody publishes")
	}
	return "TLS with " + h.Addr + " as " + cmp.Or(h.SNI, h.Host)
}

func (t *tree) leaf(h *Handshake) *Certificate {
	if len(h.Chain) == 0 {
		return nil
	}
	if c, ok := t.rec.Certificates[h.Chain[0]]; ok {
		return &c
	}
	return nil
}

// certificate shows what a client examines: the certificate, its name, its trust.
func (t *tree) certificate(h *Handshake, parent string) []Step {
	var out []Step
	add := func(part, state, detail string) {
		path := strings.TrimPrefix(parent, t.at+"/") + "/" + part
		out = append(out, Step{ID: t.id(path), Name: "certificate " + part, State: state, Detail: clip(detail)})
	}
	c := t.leaf(h)
	if c != nil {
		add("contents", Noted, fmt.Sprintf("%s; issued by %s; valid %s to %s; %s; %d sent", c.Subject, c.Issuer,
			c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), c.Key, len(h.Chain)))
	}
	server := t.webServer(h.Addr)
	switch {
	case h.NameMatch.OK():
		add("name", Passed, "is for "+h.Host)
	case h.NameMatch.Code == NotChecked:
	default:
		text := "the certificate is not for " + h.Host
		if c != nil && len(c.Names) > 0 {
			text += " but for " + strings.Join(c.Names, ", ")
		}
		state := Failed
		switch {
		case t.sec.Vantage == Proxy && (server == nil || !strings.EqualFold(server.Name, h.Host)):
			state, text = Noted, text+"; the proxy does not ask for this name"
		case t.rec.Target.Expected.HTTPOnlyDiscovery && strings.HasPrefix(strings.ToLower(h.Host), "lyncdiscover."):
			state, text = Noted, text+"; discovery is published over HTTP only, on purpose"
		}
		add("name", state, text)
	}
	if state, text := t.trust(h, server); state != "" {
		add("trust", state, text)
	}
	return out
}

// trust says whether those who use the chain at this place accept it: devices as Place.Trust has it, the proxy as it
// is told to verify.
func (t *tree) trust(h *Handshake, server *WebServer) (state, text string) {
	checked := func(o Outcome) bool { return o.Code != NotChecked && o.Code != "" }
	managed := t.sec.ManagedDevices
	if server != nil {
		managed = server.Trust == "enterprise"
	}
	refused := "the certificate is not trusted: " + words(h.Public)
	switch {
	case !checked(h.Public) && !checked(h.Enterprise):
		return "", ""
	case h.Public.OK():
		return Passed, "trusted by every device"
	case h.Enterprise.OK() && managed:
		return Passed, "trusted by the enterprise's roots"
	case t.sec.Vantage == Proxy && (server == nil || server.Trust == ""):
		return Noted, refused + "; the proxy does not verify it"
	case h.Enterprise.OK():
		return Failed, "the certificate is not trusted here: only managed machines know its issuer"
	case managed && !checked(h.Enterprise) && h.Public.Code == TLSUnknownIssuer:
		return Noted, "not of a public authority; the enterprise's roots are not known"
	case managed && checked(h.Enterprise) && h.Public.Code == TLSUnknownIssuer:
		return Failed, "the certificate is not trusted: " + words(h.Enterprise)
	}
	return Failed, refused
}

// webServer is the declared server at an ip:port that the proxy forwards to; nil at other vantages.
func (t *tree) webServer(addr string) *WebServer {
	if t.sec.Vantage != Proxy {
		return nil
	}
	_, port, _ := net.SplitHostPort(addr)
	for i := range t.rec.Target.Expected.WebServers {
		w := &t.rec.Target.Expected.WebServers[i]
		host, p, _ := net.SplitHostPort(w.Address)
		if w.Address == addr || p == port && t.resolvesTo(host, addr) {
			return w
		}
	}
	return nil
}

// resolvesTo tells whether a name has the address of addr, an ip:port.
func (t *tree) resolvesTo(name, addr string) bool {
	h := t.named[strings.ToLower(name)]
	ap, err := netip.ParseAddrPort(addr)
	return h != nil && err == nil && slices.Contains(h.addresses(), ap.Addr())
}
