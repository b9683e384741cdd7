package probe

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// answeringBody is answering for those who want to know what was posted.
func answeringBody(answer func(*http.Request, string) string) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, answer(req, string(body))); err != nil {
				return
			}
		}
	}
}

// confInfo is [MS-CONFBAS] 4.1 with a key of its own.
const confInfo = `<?xml version="1.0" encoding="utf-8"?><conf-info xmlns="http://schemas.microsoft.com/rtc/2009/05/simplejoinconfdoc">` +
	`<conf-uri>sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234</conf-uri><conf-key>KEY98765</conf-key></conf-info>`

func TestMeeting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var posted string
		const page = `<html class="reachJoinHtml"><script src="/meet/JavaScriptResourceHandler.ashx?language=en-US"></script>` +
			`<link rel="stylesheet" href="https://` + webFQDN + `/lwa/join.css"><script src="https://ads.other.example/x.js"></script>` +
			`<script>var escapedXML = "conf-key KEY98765";</script></html>`
		w := &world{
			answer: zone("meet.contoso.example. 300 IN A "+proxyIP, webFQDN+". 300 IN A "+proxyIP),
			tcp: map[string]func(net.Conn){proxyIP + ":443": overTLS(answeringBody(func(r *http.Request, body string) string {
				switch {
				case r.Host == "meet.contoso.example" && r.Header.Get("Accept") == acceptMeeting:
					return replyText("200 OK", "application/vnd.microsoft.lync.meeting+xml", confInfo)
				case r.Host == "meet.contoso.example" && strings.HasPrefix(r.URL.Path, "/user1/"):
					return replyText("200 OK", "text/html", page)
				case r.Method == "POST" && body != "":
					mu.Lock()
					posted = body
					mu.Unlock()
					return replyText("200 OK", "application/json", `{"access_token":"cwt=AAEBsecret","token_type":"Bearer"}`)
				case strings.HasSuffix(r.URL.Path, "/oauth/user"):
					return replyText("401 Unauthorized", "text/html", "", `WWW-Authenticate: MsRtcOAuth href="https://`+webFQDN+`/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:anonmeeting"`)
				case strings.HasSuffix(strings.ToLower(r.URL.Path), "/root"):
					return replyText("200 OK", "application/json", `{"_links":{"self":{"href":"https://`+webFQDN+servicePath+`"},"user":{"href":"https://`+webFQDN+servicePath+`/oauth/user"}}}`)
				}
				return replyText("200 OK", "text/plain", "asset")
			}))},
		}
		target := Target{
			SIPDomains: []string{testDomain}, Meeting: "https://Meet.contoso.example/user1/ABCD1234",
			Expected: Expected{ExternalWeb: []string{webFQDN}},
		}
		w.answer = zone(discovery+". 300 IN A "+proxyIP, "meet.contoso.example. 300 IN A "+proxyIP, webFQDN+". 300 IN A "+proxyIP)
		rec := w.look(t, t.Context(), target, smallLimits, w.vantage(External))
		var got []string
		for _, x := range rec.Sections[0].Exchanges {
			switch x.Purpose {
			case GetMeeting, GetMeetingPhone, GetMeetingXML, GetJoinAsset, PostAnonymous:
				got = append(got, x.Purpose+" "+x.URL)
			}
		}
		want := []string{
			"join-asset https://lyncweb-ext.contoso.example/lwa/join.css",
			"anonymous-token https://lyncweb-ext.contoso.example/WebTicket/oauthtoken",
			"meeting https://meet.contoso.example/user1/ABCD1234",
			"meeting https://meet.contoso.example/user1/ABCD1234?sl=1",
			"meeting-phone https://meet.contoso.example/user1/ABCD1234",
			"meeting-xml https://meet.contoso.example/user1/ABCD1234",
			"join-asset https://meet.contoso.example/meet/JavaScriptResourceHandler.ashx?language=en-US",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("exchanges (-want +got):\n%s", diff)
		}
		const form = "grant_type=urn%3Amicrosoft.rtc%3Aanonmeeting&ms_rtc_conferenceuri=sip%3Auser1%40contoso.example%3Bgruu%3Bopaque%3Dapp%3Aconf%3Afocus%3Aid%3AABCD1234&password=KEY98765"
		if posted != form {
			t.Errorf("posted %q", posted)
		}
		text, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"KEY98765", "AAEBsecret"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("the record holds %s", secret)
			}
		}
	})
}

func TestMeetingURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, url, want, err string }{
		{name: "normalised", url: " HTTPS://Meet.Contoso.example:443/user1/ABCD1234 ", want: "https://meet.contoso.example/user1/ABCD1234"},
		{name: "declared", url: "https://conference.fabrikam.example/user1/ABCD1234", want: "https://conference.fabrikam.example/user1/ABCD1234"},
		{name: "foreign", url: "https://meet.other.example/user1/ABCD1234", err: "probe: meet.other.example is no host of this deployment: declare it under meet"},
		{name: "http", url: "http://meet.contoso.example/user1/ABCD1234", err: `probe: "http://meet.contoso.example/user1/ABCD1234" is no URL of a meeting: it begins with https:// and names the meeting`},
		{name: "root", url: "https://meet.contoso.example/", err: `probe: "https://meet.contoso.example/" is no URL of a meeting: it begins with https:// and names the meeting`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Target{SIPDomains: []string{testDomain}, Meeting: c.url, Expected: Expected{Meet: []string{"conference.fabrikam.example"}}}.Normalised()
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || got.Meeting != c.want {
				t.Errorf("got %q, %v, want %q", got.Meeting, err, c.want)
			}
		})
	}
}
