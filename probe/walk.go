package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// client is how one kind of client discovers. Orders: TechNet JJ945654 "Understanding Autodiscover", Gg398758
// "Determine DNS requirements"; UCWA "Root URL".
type client struct {
	name string
	// labels are the discovery names in the order tried; https and http are tried together per name, and the
	// document that came over https is preferred.
	labels  []string
	schemes []string
	// legacy clients ask for the legacy XML form and ignore others; the rest ask for UCWA JSON.
	legacy bool
	// fallback is what the client does when no name leads anywhere.
	fallback string
}

var clients = []client{
	{name: "desktop", labels: []string{"lyncdiscoverinternal.", "lyncdiscover."}, schemes: []string{"https", "http"}, legacy: true, fallback: "srv"},
	{name: "store-app", labels: []string{"lyncdiscoverinternal.", "lyncdiscover."}, schemes: []string{"https", "http"}, legacy: true},
	{name: "mobile", labels: []string{"lyncdiscoverinternal.", "lyncdiscover."}, schemes: []string{"https", "http"}, legacy: true},
	{name: "web", labels: []string{"lyncdiscover."}, schemes: []string{"https"}},
}

// accept is the media type that the client asks for.
func (c client) accept() string {
	if c.legacy {
		return acceptLegacyXML
	}
	return acceptUCWAJSON
}

// Results of an attempt that ends well or is passed over; failures are in words.
const (
	resultAccepted = "accepted"
	resultNoName   = "the name does not resolve"
)

// walksOf tells, from what was seen, what each kind of client would have got. Requests are the same whoever asks,
// so the probe asks once and reads the answers with every client's eyes.
func walksOf(s *Section, target Target) []Walk {
	if s.Vantage == Proxy {
		return nil
	}
	w := walker{section: s, place: &Place{Section: s, view: NewView(&Record{Sections: []*Section{s}})}}
	var walks []Walk
	for _, domain := range target.SIPDomains {
		for _, c := range clients {
			// Inside, the public name is asked only when the internal one leads nowhere.
			if c.name == "web" && s.Vantage != External && len(w.place.ExchangesFor("lyncdiscover."+domain)) == 0 {
				continue
			}
			walks = append(walks, w.walk(c, domain))
		}
	}
	return walks
}

type walker struct {
	section *Section
	place   *Place
}

func (w *walker) walk(c client, domain string) Walk {
	out := Walk{Client: c.name, Domain: domain, Fallback: c.fallback}
	for _, label := range c.labels {
		for _, scheme := range c.schemes {
			a := w.attempt(c, scheme, label+domain)
			out.Attempts = append(out.Attempts, a)
			if a.OK && out.Accepted == "" {
				out.Accepted = a.URL
			}
		}
		if out.Accepted != "" {
			break
		}
	}
	return out
}

// attempt reads one name and scheme with the client's eyes.
func (w *walker) attempt(c client, scheme, host string) Attempt {
	a := Attempt{URL: scheme + "://" + host + "/"}
	r := w.place.Resolve(host)
	if !r.Exists() {
		a.Result = resultNoName
		if !r.Missing() {
			a.Result = "the name could not be resolved: " + r.Outcome.Words()
		}
		return a
	}
	if scheme == "https" {
		if why := w.distrust(host); why != "" {
			a.Result = why
			return a
		}
	}
	purpose := GetRootHTTP
	if scheme == "https" {
		purpose = GetRoot
		if c.legacy {
			purpose = GetRootLegacy
		}
	}
	answers := w.place.ExchangesFor(host, purpose)
	if len(answers) == 0 {
		a.Result = w.noAnswer(host, scheme)
		return a
	}
	x := answers[0]
	a.Exchange = x.ID
	a.Result, a.OK = w.follow(c, x, []string{x.URL})
	return a
}

// distrust says why the client would refuse the host's certificate; empty when it would not.
func (w *walker) distrust(host string) string {
	for _, h := range w.place.HandshakesFor(host) {
		switch trust := w.place.Trust(h); {
		case !h.Outcome.OK():
			return "TLS failed: " + h.Outcome.Text
		case !h.NameMatch.OK():
			return "the certificate is not for this name"
		case !trust.OK():
			return "the certificate is not trusted here: " + trust.Text
		}
	}
	return ""
}

func (w *walker) noAnswer(host, scheme string) string {
	port := uint16(443)
	if scheme == "http" {
		port = 80
	}
	for _, a := range w.place.Resolve(host).Addrs {
		if d := w.place.Dial(netip.AddrPortFrom(a, port).String()); d != nil && !d.Outcome.OK() {
			return "no connection: " + d.Outcome.Words()
		}
	}
	return "no answer"
}

// follow reads an answer, and the hops behind it.
func (w *walker) follow(c client, x *Exchange, passed []string) (result string, ok bool) {
	switch {
	case !x.Outcome.OK():
		return "no answer: " + x.Outcome.Words(), false
	case x.Status >= 300 && x.Status <= 399:
		next := sameDomainLocation(x)
		if next == "" {
			return fmt.Sprintf("redirected (%d) to another domain", x.Status), false
		}
		return w.hop(c, next, passed)
	case x.Status != 200:
		return fmt.Sprintf("HTTP %d", x.Status), false
	case x.Document == nil:
		return "the answer is no discovery document", false
	case c.legacy && !strings.HasPrefix(x.Document.Form, "legacy"):
		return "the answer is not the form the client reads: " + x.Document.Form, false
	case x.Document.Redirect() != "":
		return w.hop(c, x.Document.Redirect(), passed)
	case x.Document.Links["user"] == "":
		return "the document has no user link", false
	}
	return resultAccepted, true
}

func (w *walker) hop(c client, next string, passed []string) (string, bool) {
	l, err := followable(next)
	if err != nil {
		return "redirected to no URL that a client would follow", false
	}
	if slices.Contains(passed, l.String()) || len(passed) > maxHops {
		return "the redirects lead in a circle", false
	}
	if l.scheme == "https" {
		if why := w.distrust(l.host); why != "" {
			return "redirected to " + l.host + ": " + why, false
		}
	}
	for _, x := range w.place.ExchangesFor(l.host, GetHop, GetRoot, GetRootLegacy, GetRootHTTP) {
		if x.URL == l.String() && x.Accept == c.accept() {
			return w.follow(c, x, append(passed, x.URL))
		}
	}
	return "redirected to " + l.host + ", which gave no answer", false
}
