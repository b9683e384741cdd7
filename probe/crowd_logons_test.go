package probe

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// A proxy whose connections to the server are logged on as somebody already gives everybody that one's ticket.
func TestCrowdOfMistakenLogons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &ucwaServer{intercept: func(r *http.Request) string {
			switch {
			case r.URL.Path == "/WebTicket/oauthtoken":
				return replyText("200 OK", "application/json", `{"access_token":"cwt=AAEB","token_type":"Bearer"}`)
			case r.URL.Path == secondApp: // the ticket is user1's
				return ucwaAnswer("404 Not Found", `{"code":"NotFound","subcode":"ApplicationNotFound"}`)
			}
			return ""
		}}
		o, first, w := signedInAt(t, server, SigningIn{})
		o.section.Logons = []Logon{{Host: webFQDN, Result: LogonGranted}}
		var got []string
		taken := make(chan string, 8)
		o.crowdLogons(t.Context(), first, secondOf(first), func(who *signedIn, owner string, x *Exchange) {
			taken <- who.account.SIP + " is " + owner
		})
		w.served.Wait()
		close(taken)
		for text := range taken {
			if strings.HasPrefix(text, "user2@") {
				got = append(got, text)
			}
		}
		want := []string{"user2@contoso.example is user1@contoso.example", "user2@contoso.example is user1@contoso.example"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Log-ons over HTTP/2 are recorded as such, without what they hold.
func TestLogonOverHTTP2(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, alpn, result string
		legs               int
	}{
		{name: "refused", alpn: "h2", result: LogonRefused, legs: 3},
		{name: "granted", alpn: "h2", result: LogonGranted, legs: 3},
		{name: "not-chosen", alpn: "http/1.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			challenge := "NTLM " + base64.StdEncoding.EncodeToString(testChallenge())
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				message, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
				switch {
				case r.ProtoMajor != 2:
					t.Errorf("asked over %s", r.Proto)
				case len(message) > 8 && message[8] == 1:
					w.Header().Set("WWW-Authenticate", challenge)
					w.WriteHeader(http.StatusUnauthorized)
				case len(message) > 8 && message[8] == 3 && c.result == LogonGranted:
				default:
					w.Header().Set("WWW-Authenticate", "NTLM")
					w.WriteHeader(http.StatusUnauthorized)
				}
			}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{proxyCertificate()}, NextProtos: []string{c.alpn}}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			o, who, _ := signedInAt(t, &ucwaServer{}, SigningIn{})
			who.account.Password = "Pa55-of-the-test"
			who.secrets.hide(string(who.account.Password))
			o.v.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, server.Listener.Addr().String())
			}
			o.offerHTTP2(t.Context(), webFQDN, netip.MustParseAddrPort(proxyIP+":443"))
			o.logonOverHTTP2(t.Context(), who)
			if c.result == "" {
				if len(o.section.Logons) > 0 {
					t.Errorf("got %+v", o.section.Logons)
				}
				return
			}
			if len(o.section.Logons) != 1 {
				t.Fatalf("got %+v", o.section)
			}
			l := o.section.Logons[0]
			if l.Protocol != "2" || l.Result != c.result || len(l.Exchanges) != c.legs || !l.Bound {
				t.Errorf("got %+v, want %s after %d legs", l, c.result, c.legs)
			}
			text, err := json.Marshal(o.section)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"Pa55", "TlRMTVNT"} {
				if strings.Contains(string(text), secret) {
					t.Errorf("the record holds %s", secret)
				}
			}
		})
	}
}

// Whatever an event channel answers ends in a poll, in time.
func TestHostileEvents(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"_embedded":{"a":`, 9000) + "1" + strings.Repeat("}}", 9000)
	for _, c := range []struct{ name, body string }{
		{name: "empty", body: ""},
		{name: "null", body: "null"},
		{name: "no-next", body: `{"_links":{"self":{"href":"x"}}}`},
		{name: "other-server", body: `{"_links":{"next":{"href":"https://evil.other.example/events"}}}`},
		{name: "circle", body: `{"_links":{"next":{"href":"` + ownApp + `/events?ack=1"}},"sender":[{"events":[{"link":{"rel":"x"}}]}]}`},
		{name: "wrong-types", body: `{"_links":{"next":[1,2]},"sender":{"events":"none"},"_embedded":[[]]}`},
		{name: "deep", body: deep},
		{name: "xml", body: `<events xmlns="` + ucwaNamespace + `"><link rel="next"/><sender><added/></sender></events>`},
		{name: "xml-bomb", body: `<!DOCTYPE a [<!ENTITY b "x">]><events xmlns="` + ucwaNamespace + `">&b;</events>`},
		{name: "large", body: `{"_links":{"next":{"href":"` + strings.Repeat("x", 64<<10) + `"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o, who, w := signedInAt(t, &ucwaServer{hang: func(p *heldPoll) bool { return p.say(ucwaAnswer("200 OK", c.body)) }}, SigningIn{})
				ctx, cancel := context.WithTimeout(t.Context(), smallLimits.Total)
				defer cancel()
				o.ownEvent(ctx, who)
				w.served.Wait()
				if p := pollOf(t, o, PollMessage); p.Delivered {
					t.Errorf("got %+v", p)
				}
			})
		})
	}
}

// A proxy that gives a connection which is logged on to whoever comes next gives strangers somebody's token.
func TestStrangers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		kept   int
	}{
		"granted": {replyText("200 OK", "application/json", `{"access_token":"cwt=AAEB-of-another","token_type":"Bearer"}`), 1},
		"refused": {replyText("401 Unauthorized", "text/html", "<html></html>"), 0},
		"a page":  {replyText("200 OK", "text/html", "<html></html>"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &ucwaServer{intercept: func(r *http.Request) string {
					if r.Header.Get("Authorization") != "" || r.Header.Get("X-Ms-Webticket") != "" {
						t.Error("a stranger has credentials")
					}
					return c.answer
				}}
				o, first, w := signedInAt(t, server, SigningIn{})
				o.section.Logons = []Logon{{Host: webFQDN, Result: LogonGranted}}
				o.strangers(t.Context(), first)
				w.served.Wait()
				kept := 0
				for _, x := range o.section.Exchanges {
					if x.Purpose == SignInStranger {
						kept++
						if strings.Contains(x.Body, "of-another") {
							t.Error("the record holds the token")
						}
					}
				}
				if kept != c.kept {
					t.Errorf("got %d exchanges, want %d", kept, c.kept)
				}
			})
		})
	}
}
