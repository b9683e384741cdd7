package probe

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	insideFQDN     = "lyncweb-int.contoso.example"
	insideIP       = "10.10.10.10"
	insideResolver = "10.10.10.53:53"
)

// site answers as one web site of a Front End: [MS-OCDISCWS] 3.1.5.2, UCWA "Create an application".
func site(fqdn, location string, secure bool) func(net.Conn) {
	const root = "/autodiscover/autodiscoverservice.svc/root"
	return answering(func(r *http.Request) string {
		service := "https://" + fqdn + "/Autodiscover/AutodiscoverService.svc/root"
		made := []string{"Server: Microsoft-IIS/8.5", "X-MS-Server-Fqdn: fe1.contoso.example", "Set-Cookie: session=secret; path=/"}
		challenge := append(made, `WWW-Authenticate: MsRtcOAuth href="https://`+fqdn+`/WebTicket/oauthtoken",grant_type="password"`)
		legacy := strings.Contains(r.Header.Get("Accept"), "rtc.autodiscover+xml")
		switch path := strings.ToLower(r.URL.Path); {
		case (path == "/" || path == root) && !secure:
			return replyText("200 OK", "application/vnd.microsoft.rtc.autodiscover+xml; v=1", `<AutodiscoverResponse AccessLocation="`+location+
				`"><Root><Link token="Redirect" href="`+service+`?sipuri=lyncpin@contoso.example"/></Root></AutodiscoverResponse>`, made...)
		case strings.HasPrefix(r.Host, "meet.") || strings.HasPrefix(r.Host, "dialin."):
			return replyText("200 OK", "text/html", "<html>join</html>", made...)
		case (path == "/" || path == root) && legacy:
			return replyText("200 OK", "application/vnd.microsoft.rtc.autodiscover+xml; v=1", `<AutodiscoverResponse AccessLocation="`+location+
				`"><Root><Link token="User" href="`+service+`/user"/></Root></AutodiscoverResponse>`, made...)
		case path == "/" || path == root:
			return replyText("200 OK", "application/json", `{"_links":{"self":{"href":"`+service+`"},"user":{"href":"`+service+`/oauth/user"}}}`, made...)
		case path == "/cscp/" && location == "External", path == "/ocspowershell/" && location == "External":
			return replyText("404 Not Found", "text/html", "", made...)
		case path == "/webticket/oauthtoken":
			return replyText("400 Bad Request", "application/json", `{"error":"invalid_grant"}`, made...)
		}
		return replyText("401 Unauthorized", "text/html", "", challenge...)
	})
}

// deployment is a healthy deployment as all clients see it. The internal web FQDN is in public DNS too when leaks.
func deployment(leaks bool) *world {
	public := []string{discovery + ". 300 IN A " + proxyIP, webFQDN + ". 300 IN A " + proxyIP,
		"meet.contoso.example. 300 IN A " + proxyIP, "dialin.contoso.example. 300 IN A " + proxyIP}
	if leaks {
		public = append(public, insideFQDN+". 300 IN A "+insideIP)
	}
	inside := &world{answer: zone("lyncdiscoverinternal.contoso.example. 300 IN CNAME "+insideFQDN+".", insideFQDN+". 300 IN A "+insideIP,
		webFQDN+". 300 IN A "+proxyIP, "meet.contoso.example. 300 IN A "+insideIP, "dialin.contoso.example. 300 IN A "+insideIP)}
	return &world{
		answer: zone(public...), byAddr: map[string]func(net.Conn){insideResolver: inside.serveUDP},
		tcp: map[string]func(net.Conn){
			proxyIP + ":443": overTLS(site(webFQDN, "External", true)), proxyIP + ":80": site(webFQDN, "External", false),
			insideIP + ":443": overTLS(site(insideFQDN, "Internal", true)), insideIP + ":80": site(insideFQDN, "Internal", false),
		},
		edit: func(v *Vantage) {
			if v.Name != External {
				v.Resolvers = []string{insideResolver}
			}
		},
	}
}

var timing = []cmp.Option{
	cmpopts.IgnoreFields(Section{}, "Started", "Elapsed"), cmpopts.IgnoreFields(Lookup{}, "Elapsed"), cmpopts.IgnoreFields(Dial{}, "Elapsed"),
	cmpopts.IgnoreFields(Handshake{}, "Elapsed"), cmpopts.IgnoreFields(Exchange{}, "Elapsed"),
}

// Equal deployments give equal records, whatever came first.
func TestRecordsAreEqual(t *testing.T) {
	t.Parallel()
	var first *Record
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			rec := deployment(false).observe(t, External, Internal, WiFi)
			if first == nil {
				first = rec
			}
			if diff := cmp.Diff(first, rec, timing...); diff != "" {
				t.Errorf("the second record differs (-first +second):\n%s", diff)
			}
		})
	}
	for _, s := range first.Sections {
		if s.Incomplete != "" {
			t.Errorf("%s is incomplete: %s", s.Vantage, s.Incomplete)
		}
		for _, w := range s.Walks {
			if s.Vantage != Internal && w.Client == "mobile" && w.Accepted == "" {
				t.Errorf("%s: mobile found nothing: %+v", s.Vantage, w.Attempts)
			}
		}
	}
}

// A record is JSON and comes back as it was, and holds no secret that the servers sent.
func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := deployment(false).observe(t, External)
		data, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "secret") {
			t.Error("the record holds the value of a cookie")
		}
		back := &Record{}
		if err := json.Unmarshal(data, back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rec, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the record came back different (-want +got):\n%s", diff)
		}
	})
}

// Bytes that are no UTF-8 survive neither JSON nor a terminal: they are replaced where they come in.
func TestRecordOfStrangeBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		serve := says("HTTP/1.1 200 \xff\r\nServer: \xe9\xff\r\n\r\n\xff\xfe")
		rec := (&world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":80": serve}}).observe(t)
		data, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		back := &Record{}
		if err := json.Unmarshal(data, back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rec, back, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the record came back different (-want +got):\n%s", diff)
		}
	})
}

// No request carries credentials, whatever the server asks for.
func TestNoCredentialsAreSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		heads := make(chan http.Header, 1000)
		serve := answering(func(r *http.Request) string {
			heads <- r.Header
			return replyText("401 Unauthorized", "text/html", "", "WWW-Authenticate: Basic realm=x", "WWW-Authenticate: Negotiate", "Set-Cookie: id=1")
		})
		(&world{answer: onlyDiscovery(), tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(serve), proxyIP + ":80": serve}}).observe(t)
		close(heads)
		for h := range heads {
			for _, name := range []string{"Authorization", "Cookie", "X-Ms-Webticket"} {
				if h.Get(name) != "" {
					t.Errorf("%s was sent: %v", name, h)
				}
			}
		}
	})
}

// A name that documents link at one vantage is looked up at all of them, and visited only where clients go there.
func TestLinkedNamesAreLookedUpEverywhere(t *testing.T) {
	t.Parallel()
	for _, leaks := range []bool{true, false} {
		t.Run(fmt.Sprintf("leaks=%t", leaks), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec := deployment(leaks).observe(t, External, Internal)
				out := NewView(rec).At(External)
				r := out.Resolve(insideFQDN)
				if !r.Asked() || r.Exists() != leaks {
					t.Errorf("the internal web FQDN outside: %+v, want asked, exists %t", r, leaks)
				}
				if xs := out.ExchangesFor(insideFQDN); len(xs) > 0 {
					t.Errorf("the internal web FQDN was visited from outside: %+v", xs[0])
				}
			})
		})
	}
}

// With the first of two addresses dead, everything is asked at the second.
func TestFirstAddressDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := deployment(false)
		w.answer = zone(discovery+". 300 IN A 192.0.2.1", discovery+". 300 IN A "+proxyIP, webFQDN+". 300 IN A 192.0.2.1", webFQDN+". 300 IN A "+proxyIP)
		rec := w.observe(t)
		for _, purpose := range []string{GetUCWA, GetUser, GetRepeat} {
			if len(exchangesFor(rec, purpose)) == 0 {
				t.Errorf("%s was not asked", purpose)
			}
		}
	})
}

// Name servers turn the order of addresses. The record does not turn with it, nor tell which name came first.
func TestOrderOfAddresses(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{proxyIP, "203.0.113.11"}, {"203.0.113.11", proxyIP}} {
		synctest.Test(t, func(t *testing.T) {
			w := deployment(false)
			var records []string
			for _, name := range []string{discovery, webFQDN, "meet.contoso.example", "dialin.contoso.example"} {
				for _, ip := range order {
					records = append(records, name+". 300 IN A "+ip)
				}
			}
			w.answer = zone(records...)
			w.tcp["203.0.113.11:443"] = w.tcp[proxyIP+":443"]
			rec := w.observe(t)
			for _, purpose := range []string{GetRepeat, GetUCWA} {
				for _, x := range exchangesFor(rec, purpose) {
					if x.Addr != proxyIP+":443" {
						t.Errorf("%s went to %s, want the first address by number", purpose, x.Addr)
					}
				}
			}
			if d := NewView(rec).At(External).Dial(proxyIP + ":443"); d == nil || d.Host != "dialin.contoso.example" {
				t.Errorf("dial %+v, want the first name by the alphabet", d)
			}
		})
	}
}

// A user link with a port of its own is asked there, not at 443.
func TestUserLinkWithPort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		link := "https://" + webFQDN + ":4443/u?a b"
		w := deployment(false)
		w.tcp[proxyIP+":443"] = overTLS(answering(func(*http.Request) string {
			return replyText("200 OK", "application/json", `{"_links":{"user":{"href":"`+link+`"}}}`)
		}))
		w.tcp[proxyIP+":4443"] = overTLS(answering(func(r *http.Request) string {
			return replyText("401 Unauthorized", "text/html", r.Host+" "+r.RequestURI)
		}))
		xs := exchangesFor(w.observe(t), GetUser)
		if len(xs) != 1 || xs[0].Body != webFQDN+":4443 /u?a%20b" || xs[0].URL != "https://"+webFQDN+":4443/u?a%20b" {
			t.Errorf("user = %+v, want one answer of port 4443", xs)
		}
	})
}

// Servers that the proxy forwards to are asked by their own names, at IPv6 addresses too.
func TestWebServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := deployment(false)
		w.tcp["[2001:db8::11]:4443"] = w.tcp[proxyIP+":443"]
		target := Target{SIPDomains: []string{testDomain}, Expected: Expected{
			WebServers: []WebServer{{Address: "[2001:db8::11]:4443", Name: webFQDN}}, FrontEnds: []string{"2001:db8::12"}}}
		rec := w.look(t, t.Context(), target, smallLimits, w.vantage(Proxy))
		var dials []string
		for _, d := range rec.Sections[0].Dials {
			dials = append(dials, d.Addr+" "+d.Outcome.Code)
		}
		want := []string{"[2001:db8::11]:4443 ok", "[2001:db8::12]:443 timeout", "[2001:db8::12]:4443 timeout"}
		if diff := cmp.Diff(want, dials); diff != "" {
			t.Errorf("dials (-want +got):\n%s", diff)
		}
		if xs := exchangesFor(rec, GetRoot); len(xs) != 1 || xs[0].URL != "https://"+discovery+"/" || xs[0].Document == nil {
			t.Errorf("root = %+v, want one document for the discovery name", xs)
		}
	})
}

func TestObserveRefuses(t *testing.T) {
	t.Parallel()
	v := &Vantage{Name: External}
	cases := []struct {
		name     string
		target   Target
		vantages []*Vantage
		want     string
	}{
		{name: "no-domain", vantages: []*Vantage{v}, want: "no SIP domain"},
		{name: "no-name", target: Target{SIPDomains: []string{"contoso example"}}, vantages: []*Vantage{v}, want: "no domain name"},
		{name: "two-at-signs", target: Target{User: "a@b@contoso.example"}, vantages: []*Vantage{v}, want: "no domain name"},
		{name: "no-vantage", target: Target{User: "sip:user1@contoso.example"}, want: "no vantage"},
		{name: "nil-vantage", target: Target{User: "user1@contoso.example"}, vantages: []*Vantage{nil}, want: "nil"},
		{name: "unknown-vantage", target: Target{User: "user1@contoso.example"}, vantages: []*Vantage{{Name: "moon"}}, want: "use external, internal, wifi, proxy"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Observe(t.Context(), c.target, c.vantages, Limits{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

// An idle deployment under the default limits costs no time at all.
func TestHealthyIsFast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		deployment(false).observe(t, External)
		if took := time.Since(started); took != 0 {
			t.Errorf("took %v of the bubble's time: something waited for a time-out", took)
		}
	})
}
