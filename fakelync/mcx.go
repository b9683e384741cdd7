package fakelync

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// session is what Mcx remembers of a phone of Lync 2010's time. No public source has the operations of its protocol, so
// what a request asks for is not looked at: the ticket says whose session it is. The first request of a ticket begins
// the session; after that a request without a body is a long poll, and any other is answered at once. This convention
// is inferred, and ours alone.
type session struct {
	machine *Config
	used    time.Time // by the organisation's clock
}

const (
	// sessionExpiry is the shorter of the two defaults of Set-CsMcxConfiguration, that of clients without push.
	sessionExpiry = 3600 * time.Second
	// sessionPoll is how long a poll of Mcx is held. No source has it; it is inferred to be that of UCWA.
	sessionPoll = standardTimeout
)

// mcx is the mobility service of Lync 2010's phones: its page when browsed, its WSDL, and the sessions.
func (s *site) mcx(q *query, rest string) response {
	below := strings.ToLower(strings.Trim(rest, "/"))
	switch {
	case q.method == http.MethodPost && below != "mex":
		return s.mcxSession(q)
	case below == "":
		return s.servicePage("mcxservice.svc")
	case below == "mex":
		at := s.url("/Mcx/McxService.svc")
		return s.mcxAnswer(http.StatusOK, `<wsdl:definitions name="McxService" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"`+
			` xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><wsdl:service name="McxService"><wsdl:port name="McxService">`+
			`<soap:address location="`+xmlText(at)+`"/></wsdl:port></wsdl:service></wsdl:definitions>`)
	}
	return s.iis(http.StatusBadRequest) // a SOAP endpoint asked without SOAP
}

// mcxSession answers a request of a session. In Lync 2010 a session lives on the machine that it began on, and nowhere
// else, so a balancer must send a phone to one machine (TechNet, load balancing of mobility); later releases are
// inferred to reach it from every machine of the pool that is not cut off.
func (s *site) mcxSession(q *query) response {
	who, refusal := s.caller(q, false)
	switch {
	case who == nil:
		return refusal
	case who.user == nil, who.user.NoMobility:
		return s.page(http.StatusForbidden, 0)
	case who.user.NoRegistrar:
		return s.mcxFault("The user's registrar does not answer.")
	}
	o := s.organisation
	m := &o.mobility
	ticket := q.presented()
	m.mu.Lock()
	v := m.sessions[ticket]
	if v == nil || o.now().Sub(v.used) > o.scaled(sessionExpiry) {
		m.begin(o, ticket, &session{machine: s.machine, used: o.now()})
		m.mu.Unlock()
		return s.mcxDone()
	}
	here := v.machine == s.machine || s.traits.rank > 2010 && !v.machine.Isolated && !s.machine.Isolated
	if here {
		v.used = o.now()
	}
	m.mu.Unlock()
	switch {
	case !here:
		return s.mcxFault("The session does not exist on this server.")
	case len(q.body) > 0:
		return s.mcxDone()
	}
	return response{later: &pause{length: o.scaled(sessionPoll), answer: s.mcxDone}}
}

// begin keeps a new session, and now and then forgets those that expired.
func (m *mobility) begin(o *Organisation, ticket string, v *session) {
	if m.sessions == nil {
		m.sessions = map[string]*session{}
	}
	if now := o.now(); !now.Before(m.nextExpiry) {
		m.nextExpiry = now.Add(o.scaled(sessionExpiry))
		maps.DeleteFunc(m.sessions, func(_ string, old *session) bool { return now.Sub(old.used) > o.scaled(sessionExpiry) })
	}
	m.sessions[ticket] = v
}

func (s *site) mcxDone() response {
	return s.mcxAnswer(http.StatusOK, mcxEnvelope(""))
}

func (s *site) mcxFault(text string) response {
	return s.mcxAnswer(http.StatusInternalServerError, mcxEnvelope(
		`<s:Fault><faultcode>s:Client</faultcode><faultstring xml:lang="en-US">`+xmlText(text)+`</faultstring></s:Fault>`))
}

// mcxAnswer is an answer of the mobility service, whose application pool stays on .NET 2.0 in every release.
func (s *site) mcxAnswer(status int, body string) response {
	r := s.aspNet(status, "text/xml; charset=utf-8", "private")
	r.set("X-AspNet-Version", "2.0.50727")
	r.body = []byte(body)
	return r
}

func mcxEnvelope(body string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + body + `</s:Body></s:Envelope>`
}
