package probe

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"
)

// trip is how long a packet and its answer are on their way.
const trip = 50 * time.Millisecond

// distant is a network on which whatever comes back is a trip late: an answer of a name server, the end of connecting, of
// a handshake and of a request. All else takes no time in a bubble, so time passed is trips that had to wait for others.
func (w *world) distant(v *Vantage) {
	dial := v.Dial
	v.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		far, err := dial(ctx, network, addr)
		if network == "tcp" && ctx.Err() == nil {
			<-time.After(trip)
		}
		if err != nil {
			return nil, err
		}
		client, near := net.Pipe()
		w.served.Go(func() {
			io.Copy(far, near)
			far.Close()
		})
		w.served.Go(func() { comeLate(near, far) })
		return client, nil
	}
}

// comeLate hands on what comes from afar, a trip after it came.
func comeLate(near io.WriteCloser, far io.Reader) {
	type packet struct {
		data []byte
		due  time.Time
	}
	under := make(chan packet, 64)
	var handing sync.WaitGroup
	handing.Go(func() {
		for p := range under {
			<-time.After(time.Until(p.due))
			near.Write(p.data)
		}
		near.Close()
	})
	for {
		buffer := make([]byte, miekg.MaxMsgSize)
		n, err := far.Read(buffer)
		if err != nil {
			break
		}
		under <- packet{buffer[:n], time.Now().Add(trip)}
	}
	close(under)
	handing.Wait()
}

// Names and addresses of the deployment that is far away.
const (
	secondDomain = "fabrikam.example"
	internalFQDN = "lyncweb-int.contoso.example"
	vip          = "10.10.10.10"
	insideDNS    = "10.10.10.53:53"
	frontEndIP   = "10.10.10.11"
	meetingPage  = "https://meet.contoso.example/user1/ABCD1234"
)

// deployed is a healthy deployment with two SIP domains: the requests that discovery, the web services, simple URLs and a
// meeting get have the answers that lead on.
func deployed(saw func(*http.Request)) *world {
	answer := func(web string) func(net.Conn) {
		return overTLS(answering(func(r *http.Request) string {
			saw(r)
			return deployedAnswer(r, web)
		}))
	}
	plain := func(web string) func(net.Conn) {
		return answering(func(r *http.Request) string {
			saw(r)
			return deployedAnswer(r, web)
		})
	}
	var outside, inside []string
	for _, d := range []string{testDomain, secondDomain} {
		outside = append(outside, "lyncdiscover."+d, "meet."+d)
		inside = append(inside, "lyncdiscoverinternal."+d, "meet."+d)
	}
	outside = append(outside, webFQDN, "dialin."+testDomain, "wac."+testDomain)
	inside = append(inside, internalFQDN, "dialin."+testDomain, "wac."+testDomain)
	at := func(names []string, addr string) (out []string) {
		for _, n := range names {
			out = append(out, n+". 300 IN A "+addr)
		}
		return out
	}
	w := &world{answer: zone(at(outside, proxyIP)...)}
	within := &world{answer: zone(append(at(inside, vip), webFQDN+". 300 IN A "+proxyIP, "lyncdiscover."+testDomain+". 300 IN A "+proxyIP)...)}
	w.byAddr = map[string]func(net.Conn){insideDNS: within.serveUDP}
	w.tcp = map[string]func(net.Conn){
		proxyIP + ":443": answer(webFQDN), proxyIP + ":80": plain(webFQDN), vip + ":443": answer(internalFQDN), vip + ":80": plain(internalFQDN),
		frontEndIP + ":443": answer(internalFQDN), frontEndIP + ":4443": answer(webFQDN), frontEndIP + ":8080": plain(webFQDN),
	}
	w.edit = func(v *Vantage) {
		if v.Name != External {
			v.Resolvers = []string{insideDNS}
		}
		w.distant(v)
	}
	return w
}

// deployedAnswer is what a Front End says whose web services have this name.
func deployedAnswer(r *http.Request, web string) string {
	base := "https://" + web
	service := base + "/Autodiscover/AutodiscoverService.svc/root"
	legacy := `<?xml version="1.0"?><AutodiscoverResponse xmlns="http://schemas.microsoft.com/rtc/2010/11/autodiscover"><Root>` +
		`<Link token="User" href="` + service + `/user"/></Root></AutodiscoverResponse>`
	challenge := func(token string) string {
		return replyText("401 Unauthorized", "text/plain", "", `WWW-Authenticate: MsRtcOAuth href="`+token+`",grant_type="urn:microsoft.rtc:windows,password,urn:microsoft.rtc:anonmeeting"`)
	}
	switch path := strings.ToLower(r.URL.Path); {
	case path == "/" && strings.HasPrefix(r.Host, "lyncdiscover"), strings.HasSuffix(path, "service.svc/root"):
		if r.Header.Get("Accept") == acceptUCWAJSON || strings.HasPrefix(r.Host, "lyncweb") && r.Header.Get("Accept") == "" {
			return replyText("200 OK", "application/json", `{"_links":{"self":{"href":"`+service+`"},"user":{"href":"`+service+`/oauth/user"},"xframe":{"href":"`+base+`/xframe"}}}`)
		}
		if path == "/" {
			return replyText("200 OK", acceptLegacyXML, `<?xml version="1.0"?><AutodiscoverResponse xmlns="http://schemas.microsoft.com/rtc/2010/11/autodiscover">`+
				`<Root><Link token="Redirect" href="`+service+"?"+r.URL.RawQuery+`"/></Root></AutodiscoverResponse>`)
		}
		return replyText("200 OK", acceptLegacyXML, legacy)
	case strings.HasSuffix(path, "/user"):
		return challenge(base + "/WebTicket/oauthtoken")
	case r.Header.Get("Accept") == acceptMeeting:
		return replyText("200 OK", acceptMeeting, `<conf-info><conf-uri>sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234</conf-uri><conf-key>ABCD1234</conf-key></conf-info>`)
	case strings.HasSuffix(path, "/abcd1234"):
		return replyText("200 OK", "text/html", `<html><head><script src="/meet/JavaScriptResourceHandler.ashx"></script><link href="/lwa/WebPages/css/join.css"></head></html>`)
	}
	return replyText("200 OK", "text/html", "<html></html>")
}

// deployedTarget is what a probe is told of it: its SIP domains alone, or the plan too.
func deployedTarget(planned bool) Target {
	target := Target{SIPDomains: []string{testDomain, secondDomain}, Meeting: meetingPage}
	target.Expected.WebServers = []WebServer{{Address: frontEndIP + ":4443"}, {Address: frontEndIP + ":8080", Scheme: "http"}}
	if planned {
		target.Expected.ExternalWeb, target.Expected.InternalWeb = []string{webFQDN}, []string{internalFQDN}
		target.Expected.Meet = []string{"meet." + testDomain, "meet." + secondDomain}
		target.Expected.Dialin, target.Expected.OfficeWebApps = []string{"dialin." + testDomain}, []string{"wac." + testDomain}
		target.Expected.FrontEnds = []string{frontEndIP}
	}
	return target
}

// mostTrips is how many trips, one after the other, a whole probe may take.
const mostTrips = 12

// A probe takes as long as its longest chain of trips that need one another's answers, not as long as all of them.
func TestProbeTakesAFewTrips(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		planned bool
		places  []string
	}{
		{"all places, with the plan", true, Places()},
		{"all places, without the plan", false, Places()},
		{"outside", false, []string{External}},
		{"on the LAN", false, []string{Internal}},
		{"a phone in the office alone", false, []string{WiFi}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxyCertificate() // keys are not made in a bubble
			synctest.Test(t, func(t *testing.T) {
				started := time.Now()
				w := deployed(func(r *http.Request) {
					t.Logf("trip %2d: %s %s%s", time.Since(started)/trip+1, r.Method, r.Host, r.URL)
				})
				var vantages []*Vantage
				for _, p := range tt.places {
					vantages = append(vantages, w.vantage(p))
				}
				rec := w.look(t, t.Context(), deployedTarget(tt.planned), Limits{}, vantages...)
				elapsed := time.Duration(0)
				for _, s := range rec.Sections {
					for _, x := range s.Exchanges {
						if !x.Outcome.OK() {
							t.Errorf("%s %s: %s", x.Purpose, x.URL, x.Outcome)
						}
					}
					elapsed = max(elapsed, s.Elapsed)
					t.Logf("%s: %d trips, %d requests", s.Vantage, s.Elapsed/trip, len(s.Exchanges))
				}
				if elapsed > mostTrips*trip {
					t.Errorf("the probe took %d trips, want at most %d", elapsed/trip, mostTrips)
				}
			})
		})
	}
}

// What does not answer costs its own deadline, once, and what does not need its answer does not wait.
func TestTheDeadDelayNobodyElse(t *testing.T) {
	t.Parallel()
	limits := Limits{}.withDefaults()
	const elsewhere = "203.0.113.99"
	moved := func(name string) func(*world) {
		return func(w *world) {
			answer := w.answer
			w.answer = func(q *miekg.Msg) []*miekg.Msg {
				if strings.HasPrefix(q.Question[0].Name, name) {
					return zone(name + ". 300 IN A " + elsewhere)(q)
				}
				return answer(q)
			}
		}
	}
	both := func(edits ...func(*world)) func(*world) {
		return func(w *world) {
			for _, edit := range edits {
				edit(w)
			}
		}
	}
	silentTLS := func(w *world) { w.tcp[elsewhere+":443"] = silent }
	tests := []struct {
		name    string
		edit    func(*world)
		own     time.Duration // the deadline of what is dead
		delayed time.Duration // how long others may have to wait for it
	}{
		{"an address of a simple URL is dead", moved("meet." + secondDomain), limits.Connect, 0},
		{"an address of the web services is dead", moved(webFQDN), limits.Connect, 0},
		{"a server of a simple URL never shakes hands", both(moved("meet."+secondDomain), silentTLS), limits.Handshake, 0},
		{"the web services never shake hands", both(moved(webFQDN), silentTLS), limits.Handshake, 0},
		{"the second discovery name's address is dead", moved("lyncdiscover." + secondDomain), limits.Connect, limits.Connect},
		{"the first name server is dead", func(w *world) {
			edit := w.edit
			w.byAddr["198.51.100.99:53"] = nil
			w.edit = func(v *Vantage) {
				edit(v)
				v.Resolvers = append([]string{"198.51.100.99:53"}, v.Resolvers...)
			}
		}, limits.Query, limits.Query},
		{"the name server inside is dead", func(w *world) { w.byAddr[insideDNS] = nil }, limits.Query, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proxyCertificate() // keys are not made in a bubble
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				started, last := time.Now(), time.Time{}
				w := deployed(func(r *http.Request) {
					mu.Lock()
					defer mu.Unlock()
					last = time.Now()
				})
				tt.edit(w)
				rec := w.look(t, t.Context(), deployedTarget(true), limits, w.vantage(External), w.vantage(Internal), w.vantage(WiFi), w.vantage(Proxy))
				if took := last.Sub(started); took > tt.delayed+mostTrips*trip {
					t.Errorf("the last request to a server that answers was sent after %s, want %s and %d trips", took, tt.delayed, mostTrips)
				}
				for _, s := range rec.Sections {
					if s.Elapsed > tt.own+mostTrips*trip {
						t.Errorf("%s took %s, want %s and %d trips", s.Vantage, s.Elapsed, tt.own, mostTrips)
					}
				}
			})
		})
	}
}
