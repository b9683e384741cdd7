package fakelync

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
)

// crowd is a machine's external site whose organisation has many users.
func crowd(b *testing.B) (*site, *Organisation) {
	b.Helper()
	cfg := OrganisationConfig{Pools: []Pool{{Name: "pool1.corp.contoso.example"}}}
	for i := range 10_000 {
		cfg.Users = append(cfg.Users, User{
			SIP: fmt.Sprintf("user%d@contoso.example", i), Login: fmt.Sprintf(`CONTOSO\user%d`, i), Password: "invented",
		})
	}
	o := NewOrganisation(cfg)
	machine := &Config{
		FQDN: "fe1.corp.contoso.example", SIPDomains: []string{"contoso.example"}, Organisation: o,
		External: Site{WebFQDN: "lyncweb-ext.contoso.example"},
	}
	_, external := newSites(machine)
	return external, o
}

// asking is a request as the site looks at it.
func asking(method, target, ticket, body string) *query {
	u, _ := url.ParseRequestURI(target) // what is asked here is well-formed
	r := &http.Request{
		Method: method, RequestURI: target, Host: "lyncweb-ext.contoso.example", URL: u,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + ticket}},
	}
	q := newQuery(r, &conn{}, true)
	q.body = []byte(body)
	return q
}

// BenchmarkSignIn is an application made, made available and deleted, in an organisation where many are signed in.
func BenchmarkSignIn(b *testing.B) {
	s, o := crowd(b)
	const many = 5000
	signIn := func(i int) (*application, string) {
		u := &o.cfg.Users[i%len(o.cfg.Users)]
		ticket := o.Ticket(u.SIP, "pool1.corp.contoso.example")
		if got := s.answer(asking("POST", ucwaOAuthPath, ticket, `{"UserAgent":"a","EndpointId":"b","Culture":"en"}`)); got.status != 201 {
			b.Fatal(got.status, string(got.body))
		}
		a := o.mobility.people[(&caller{user: u}).identity()].applications[0]
		if got := s.answer(asking("POST", a.href("/me/makeMeAvailable"), ticket, `{"signInAs":"Online"}`)); got.status != 204 {
			b.Fatal(got.status, string(got.body))
		}
		return a, ticket
	}
	for i := range many {
		signIn(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		a, ticket := signIn(many + i%many)
		i++
		if got := s.answer(asking("DELETE", a.href(""), ticket, "")); got.status != 204 {
			b.Fatal(got.status)
		}
	}
}

// BenchmarkEvent is a note that ends a poll, with the poll's answer and the next poll.
func BenchmarkEvent(b *testing.B) {
	s, o := crowd(b)
	ticket := o.Ticket("user1@contoso.example", "pool1.corp.contoso.example")
	s.answer(asking("POST", ucwaOAuthPath, ticket, `{"UserAgent":"a","EndpointId":"b","Culture":"en"}`))
	a := o.mobility.people["user1@contoso.example"].applications[0]
	s.answer(asking("POST", a.href("/me/makeMeAvailable"), ticket, `{"signInAs":"Online"}`))
	s.answer(asking("GET", a.href("/events?ack=1"), ticket, ""))
	delivered := make(chan response)
	b.ReportAllocs()
	for b.Loop() {
		poll := s.answer(asking("GET", a.href(fmt.Sprintf("/events?ack=%d", a.channel.answered+1)), ticket, ""))
		if poll.later == nil {
			b.Fatal("the poll does not wait")
		}
		poll.later.begin(func(r response) { delivered <- r })
		s.answer(asking("POST", a.href("/me/note"), ticket, `{"message":"one"}`))
		<-delivered
	}
}

// BenchmarkNTLM is the server's side of a handshake, and the lookup of the account among many.
func BenchmarkNTLM(b *testing.B) {
	s, o := crowd(b)
	negotiate, err := ntlmssp.NewNegotiateMessage("CONTOSO", "")
	if err != nil {
		b.Fatal(err)
	}
	x, err := newNTLMExchange(negotiate, s.ntlmNames(), [8]byte{1}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	message, err := ntlmssp.NewAuthenticateMessage(x.challenge, `CONTOSO\user9999`, "invented", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newNTLMExchange(negotiate, s.ntlmNames(), [8]byte{1}, time.Now()); err != nil {
			b.Fatal(err)
		}
		a, err := parseNTLMAnswer(message)
		if err != nil {
			b.Fatal(err)
		}
		if s.prove(&query{}, x, a, o.byLogin(a.domain, a.user)) == nil {
			b.Fatal("the password is not right")
		}
	}
}
