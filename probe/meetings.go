package probe

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	acceptMeeting = "Application/vnd.microsoft.lync.meeting+xml" // reference: [MS-CONFBAS] 4.1
	agentPhone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3 like Mac OS X) AppleWebKit/603.1.30 (KHTML, like Gecko) Version/10.0 Mobile/14E277 Safari/602.1"
	maxAssets     = 4 // of a join page: scripts and styles come from the same few directories
)

// visitMeeting looks at the meeting as a guest does: the join page, also as a phone and with the web app asked for, what
// the page loads, what the conference is, and a ticket for somebody without an account.
func (o *observer) visitMeeting(ctx context.Context) {
	page, err := followable(o.target.Meeting)
	if err != nil || o.seconded() {
		return
	}
	at, ok := o.endpointOf(ctx, page)
	if !ok {
		return
	}
	body, conference := o.openMeeting(ctx, at, page)
	for _, asset := range o.assets(page, body) {
		o.visiting.Go(func() { o.getAsset(ctx, asset) })
	}
	<-o.challenged // which says where tickets are got
	if uri, key := parseConference(conference); uri != "" && key != "" {
		o.joinAnonymously(ctx, uri, key)
	}
}

// openMeeting asks for the meeting in all forms, and returns the join page and what the meeting is for programs.
func (o *observer) openMeeting(ctx context.Context, at endpoint, page link) (body, conference []byte) {
	hidden := &secrets{}
	line := o.newClientConn(at, "meeting", hidden)
	defer line.close()
	get := func(purpose, target, accept, agent string) []byte {
		r := signedRequest{purpose: purpose, target: target, accept: accept, header: http.Header{}}
		if agent != "" {
			r.header.Set("User-Agent", agent)
		}
		x, body := line.do(ctx, r)
		if x.Status != http.StatusOK {
			return nil
		}
		return body
	}
	conference = get(GetMeetingXML, page.target, acceptMeeting, "")
	// The page holds the key too. Where the URL does, everybody who has the record has it.
	if _, key := parseConference(conference); key != "" && !strings.Contains(page.target, key) {
		hidden.hide(key)
	}
	body = get(GetMeeting, page.target, "text/html", "")
	get(GetMeeting, withQuery(page.target, "sl", "1"), "text/html", "")
	get(GetMeetingPhone, page.target, "text/html", agentPhone)
	return body, conference
}

// endpointOf is the first address of a URL's host that can be reached.
func (o *observer) endpointOf(ctx context.Context, l link) (endpoint, bool) {
	for _, a := range o.resolve(ctx, l.host) {
		addr := netip.AddrPortFrom(a, l.port)
		if o.reach(ctx, l.host, addr).outcome.OK() {
			return endpoint{scheme: l.scheme, host: l.host, addr: addr}, true
		}
	}
	return endpoint{}, false
}

// assets are the first scripts and styles of a page that are on hosts of the deployment, each directory once.
func (o *observer) assets(page link, body []byte) []link {
	base, err := url.Parse(page.String())
	if err != nil {
		return nil
	}
	var out []link
	var directories []string
	for z := html.NewTokenizer(bytes.NewReader(body)); len(out) < maxAssets; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		tag := z.Token()
		if !slices.Contains([]string{"script", "link", "img", "iframe"}, tag.Data) {
			continue
		}
		for _, a := range tag.Attr {
			if a.Key != "src" && a.Key != "href" {
				continue
			}
			to, err := base.Parse(a.Val)
			if err != nil {
				continue
			}
			l, err := followable(to.String())
			directory := l.host + l.target[:strings.LastIndexByte(l.target+"/", '/')]
			if err != nil || l.scheme != "https" || !o.hasHost(l.host) || slices.Contains(directories, directory) {
				continue
			}
			directories = append(directories, directory)
			out = append(out, l)
		}
	}
	return out
}

// hasHost tells whether a host is of the deployment.
func (o *observer) hasHost(host string) bool {
	meet, dialin := o.simpleHosts()
	return slices.Contains(slices.Concat(meet, dialin, o.webHosts()), host) || below(host, o.target.SIPDomains...)
}

func (o *observer) getAsset(ctx context.Context, l link) {
	at, ok := o.endpointOf(ctx, l)
	if !ok {
		return
	}
	line := o.takeClientConn(ctx, at, "asset", &secrets{})
	defer line.s.release()
	line.do(ctx, signedRequest{purpose: GetJoinAsset, target: l.target})
}

// parseConference reads what a meeting is for programs: the address of the conference, and the key that opens it.
func parseConference(body []byte) (uri, key string) {
	var doc struct {
		XMLName xml.Name `xml:"conf-info"`
		URI     string   `xml:"conf-uri"`
		Key     string   `xml:"conf-key"`
	}
	if xml.Unmarshal(body, &doc) != nil {
		return "", ""
	}
	return strings.TrimSpace(doc.URI), strings.TrimSpace(doc.Key)
}

// joinAnonymously asks for a ticket as somebody without an account, where the deployment's own web services say that
// tickets are got. UCWA, "Authentication in UCWA": grant type anonmeeting.
func (o *observer) joinAnonymously(ctx context.Context, uri, key string) {
	to, err := followable(o.tokenService())
	if err != nil || to.scheme != "https" || !o.hasHost(to.host) {
		return
	}
	at, ok := o.endpointOf(ctx, to)
	if !ok {
		return
	}
	hidden := &secrets{}
	hidden.hide(key)
	line := o.takeClientConn(ctx, at, "anonymous", hidden)
	defer line.s.release()
	form := url.Values{"grant_type": {"urn:microsoft.rtc:anonmeeting"}, "password": {key}, "ms_rtc_conferenceuri": {uri}}
	line.do(ctx, signedRequest{
		purpose: PostAnonymous, method: http.MethodPost, target: to.target, accept: acceptUCWAJSON, body: []byte(form.Encode()),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}},
	})
}

// tokenService is where the user resource said that tokens are got; of several the first of the alphabet.
func (o *observer) tokenService() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := ""
	for i := range o.section.Exchanges {
		x := &o.section.Exchanges[i]
		if x.Purpose != GetUser || x.Status != http.StatusUnauthorized {
			continue
		}
		if href := parseChallenge(x.Header).token; href != "" && (out == "" || href < out) {
			out = href
		}
	}
	return out
}

// visitExchange asks whether Exchange's discovery or its web services answer.
func (o *observer) visitExchange(ctx context.Context, host string) {
	target := "/EWS/Exchange.asmx"
	if strings.HasPrefix(host, "autodiscover.") {
		target = "/autodiscover/autodiscover.svc"
	}
	o.getOnce(ctx, link{scheme: "https", host: host, port: 443, target: target}, request{purpose: GetExchange, target: target})
}
