package fakelync_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lyncpin/fakelync"
)

const (
	mobile = "/ucwa/v1/applications"       // of phones
	web    = "/ucwa/oauth/v1/applications" // of web applications

	jsonApplication = `{"UserAgent":"ContosoProbe/1.0","EndpointId":"5f0c1d7e-2b44-4c1a-9e0f-0123456789ab","Culture":"en-US"}`
	xmlApplication  = `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="culture">en-us</property>` +
		`<property name="endpointId">5f0c1d7e-2b44-4c1a-9e0f-0123456789ab</property>` +
		`<property name="userAgent">ContosoPhone/1.0</property><property name="type">Phone</property></input>`
	ucwaXML = "application/vnd.microsoft.com.ucwa+xml"
)

// client speaks UCWA over connections of its own, which are kept.
type client struct {
	t      testing.TB
	http   *http.Client
	base   string // mobile or web
	ticket string
	agent  string // User-Agent
	self   string // its application
	events string // its next poll
}

// newClient is somebody at a machine's external site, with a ticket.
func newClient(t testing.TB, srv *fakelync.Server, base, ticket string) *client {
	t.Helper()
	var d net.Dialer
	return dialling(t, base, ticket, func(ctx context.Context) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", srv.Addrs().ExternalHTTPS)
	})
}

func dialling(t testing.TB, base, ticket string, dial func(context.Context) (net.Conn, error)) *client {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			return tls.Client(c, &tls.Config{InsecureSkipVerify: true}), nil
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, http: &http.Client{Transport: transport}, base: base, ticket: ticket}
}

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// try sends a request. A body that begins with < is XML, one with { is JSON, any other plain text.
func (c *client) try(ctx context.Context, method, href, body string, header ...string) (reply, error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://lyncweb-ext.contoso.example"+href, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if c.base == mobile {
		r.Header["X-Ms-Webticket"] = []string{c.ticket}
	} else {
		r.Header.Set("Authorization", "Bearer "+c.ticket)
	}
	if c.agent != "" {
		r.Header.Set("User-Agent", c.agent)
	}
	switch {
	case strings.HasPrefix(body, "<"):
		r.Header.Set("Content-Type", ucwaXML)
	case strings.HasPrefix(body, "{"):
		r.Header.Set("Content-Type", "application/json")
	case body != "":
		r.Header.Set("Content-Type", "text/plain")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, err
}

func (c *client) do(method, href, body string, header ...string) reply {
	c.t.Helper()
	got, err := c.try(c.t.Context(), method, href, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, href, err)
	}
	return got
}

// want sends a request and insists on a status.
func (c *client) want(status int, method, href, body string, header ...string) reply {
	c.t.Helper()
	got := c.do(method, href, body, header...)
	if got.status != status {
		c.t.Fatalf("%s %s: %d %s, want %d", method, href, got.status, got.body, status)
	}
	return got
}

// body is what this kind of client sends to create an application.
func (c *client) application() string {
	if c.base == mobile {
		return xmlApplication
	}
	return jsonApplication
}

// signIn creates an application and makes it available, and takes the first events.
func (c *client) signIn() *client {
	c.t.Helper()
	got := c.want(201, "POST", c.base, c.application())
	c.self = regexp.MustCompile(c.base + `/\d{12}`).FindString(got.body)
	c.events = c.self + "/events?ack=1"
	c.want(204, "POST", c.self+"/me/makeMeAvailable", "")
	if got := c.poll(""); !strings.Contains(got, "presence") {
		c.t.Fatalf("the first events have no presence: %s", got)
	}
	return c
}

// poll waits for the next events and returns the answer.
func (c *client) poll(parameters string) string {
	c.t.Helper()
	got := c.want(200, "GET", c.events+parameters, "")
	c.events = strings.ReplaceAll(regexp.MustCompile(`[^"]+/events\?ack=\d+`).FindAllString(got.body, 2)[1], "&amp;", "&")
	return got.body
}

// code is the error code and subcode of a JSON body.
func code(body string) string {
	var e struct{ Code, Subcode string }
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return err.Error()
	}
	return e.Code + "/" + e.Subcode
}

// TestWorkedExchangeOfPhones is the reference's exchange of a phone with Skype for Business 2015, line by line.
func TestWorkedExchangeOfPhones(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	cfg := healthy()
	cfg.Organisation, cfg.Product = org, fakelync.SfB2015
	srv := start(t, cfg)
	got := ask(t, srv, extHTTPS, request{
		method: "POST", target: mobile, host: "webext.contoso.example", body: xmlApplication,
		header: "Accept: application/vnd.microsoft.com.ucwa+xml\r\nContent-Type: application/vnd.microsoft.com.ucwa+xml\r\nX-MS-Namespace: internal\r\n" +
			"X-MS-WebTicket: " + org.Ticket("user1@contoso.example", thisPool) + "\r\n",
	})
	id := regexp.MustCompile(`^<resource rel="application" href="/ucwa/v1/applications/(\d{12})" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">`).FindStringSubmatch(got.body)
	if got.status != 201 || id == nil {
		t.Fatalf("%d\n%s", got.status, got.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/vnd.microsoft.com.ucwa+xml; charset=utf-8", "Cache-Control": "no-cache", "X-Ms-Namespace": "internal",
		"X-Ms-Server-Fqdn": "fe1.corp.contoso.example", "X-Ms-Correlation-Id": "2147483649", "Strict-Transport-Security": "max-age=315360000",
		"P3p": `CP="IDC CUR ADMa OUR BUS"`,
	} {
		if v := got.header.Get(name); v != want {
			t.Errorf("%s = %q, want %q", name, v, want)
		}
	}
	cookie := regexp.MustCompile(`^cwt_ucwa=AAEB[A-Za-z0-9+/]+; path=/ucwa/v1/applications/` + id[1] + `/photos; secure; HttpOnly$`)
	if v := got.header.Get("Set-Cookie"); !cookie.MatchString(v) {
		t.Errorf("Set-Cookie = %q", v)
	}
	var r struct {
		Links []struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
		} `xml:"link"`
		Embedded []struct {
			Rel string `xml:"rel,attr"`
		} `xml:"resource"`
	}
	if err := xml.Unmarshal([]byte(got.body), &r); err != nil {
		t.Fatal(err)
	}
	var links, embedded []string
	for _, l := range r.Links {
		links = append(links, l.Rel+" "+strings.TrimPrefix(l.Href, mobile+"/"+id[1]))
	}
	for _, e := range r.Embedded {
		embedded = append(embedded, e.Rel)
	}
	if diff := cmp.Diff([]string{"policies /policies", "batch /batch", "events /events?ack=1"}, links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"me", "people", "onlineMeetings", "communication"}, embedded); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}
}

func TestFormatFollowsAccept(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	for _, tc := range []struct{ base, accept, contentType, begin string }{
		{mobile, "", "application/vnd.microsoft.com.ucwa+xml; charset=utf-8", "<resource"},
		{mobile, "application/json", "application/json; charset=utf-8", "{"},
		{mobile, "application/xml", "application/xml; charset=utf-8", "<resource"},
		{web, "", "application/json; charset=utf-8", "{"},
		{web, "*/*", "application/json; charset=utf-8", "{"},
		{web, ucwaXML, "application/vnd.microsoft.com.ucwa+xml; charset=utf-8", "<resource"},
		{web, "application/vnd.microsoft.com.ucwa+json", "application/vnd.microsoft.com.ucwa+json; charset=utf-8", "{"},
	} {
		c := newClient(t, srv, tc.base, org.Ticket("user1@contoso.example", thisPool))
		got := c.do("POST", tc.base, c.application(), "Accept", tc.accept)
		if got.header.Get("Content-Type") != tc.contentType || !strings.HasPrefix(got.body, tc.begin) {
			t.Errorf("%s, Accept %q: %s %.40s, want %s", tc.base, tc.accept, got.header.Get("Content-Type"), got.body, tc.contentType)
		}
		failed := c.do("GET", tc.base+"/000000000000", "", "Accept", tc.accept)
		want := map[bool]string{true: `<reason xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><code>NotFound</code><subcode>ApplicationNotFound</subcode>`, false: `{"code":"NotFound","subcode":"ApplicationNotFound"`}[tc.begin == "<resource"]
		if failed.status != 404 || !strings.HasPrefix(failed.body, want) || failed.header.Get("Content-Type") != tc.contentType {
			t.Errorf("%s, Accept %q: %d %s %s, want 404 with %s", tc.base, tc.accept, failed.status, failed.header.Get("Content-Type"), failed.body, want)
		}
	}
}

func TestApplicationsAreRefused(t *testing.T) {
	t.Parallel()
	org := fakelync.NewOrganisation(fakelync.OrganisationConfig{
		Users: []fakelync.User{
			{SIP: "user1@contoso.example"}, {SIP: "immobile@contoso.example", NoMobility: true},
			{SIP: "lost@contoso.example", NoRegistrar: true}, {SIP: "user3@contoso.example", Pool: otherPool},
		},
		Pools:            []fakelync.Pool{{Name: thisPool}, {Name: otherPool}},
		MaxApplications:  2,
		DeniedUserAgents: []string{"AndroidLync"},
	})
	srv := nodes(t, org, nil, "fe1")[0]
	long := strings.Repeat("x", 101)
	for _, tc := range []struct {
		name, base, user, agent, body string
		status                        int
		code                          string
	}{
		{"empty", web, "user1", "", "", 400, "BadRequest/ParameterValidationFailure"},
		{"no-culture", web, "user1", "", `{"userAgent":"a","endpointId":"b"}`, 400, "BadRequest/ParameterValidationFailure"},
		{"too-long", web, "user1", "", `{"userAgent":"` + long + `","endpointId":"b","culture":"en"}`, 400, "BadRequest/ParameterValidationFailure"},
		{"garbled", web, "user1", "", `{"userAgent":`, 400, "BadRequest/DeserializationFailure"},
		{"phone-without-mobility", mobile, "immobile", "", xmlApplication, 403, "Forbidden/MobileApplicationNoLongerAllowed"},
		{"web-without-mobility", web, "immobile", "", jsonApplication, 201, ""},
		{"no-registrar", web, "lost", "", jsonApplication, 503, "ServiceFailure/ServiceTimeout"},
		{"denied-header", web, "user1", "Mozilla/5.0 androidlync/6", jsonApplication, 410, "Gone/UserAgentNotAllowed"},
		{"denied-in-body", web, "user1", "", `{"userAgent":"AndroidLync/6.0","endpointId":"b","culture":"en"}`, 410, "Gone/UserAgentNotAllowed"},
		{"homed-elsewhere", web, "user3", "", jsonApplication, 410, "Gone/CannotRedirect"},
		{"first", web, "user1", "", `{userAgent:'a',endpointId:"1",culture:en,}`, 201, ""},
		{"second", web, "user1", "", `{"userAgent":"a","endpointId":"2","culture":"en"}`, 201, ""},
		{"third", web, "user1", "", `{"userAgent":"a","endpointId":"3","culture":"en"}`, 410, "Gone/TooManyApplications"},
		{"second-again", web, "user1", "", `{"userAgent":"a","endpointId":"2","culture":"en"}`, 200, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, srv, tc.base, org.Ticket(tc.user+"@contoso.example", thisPool))
			c.agent = tc.agent
			got := c.do("POST", tc.base, tc.body, "Accept", "application/json")
			if got.status != tc.status || tc.code != "" && code(got.body) != tc.code {
				t.Errorf("%d %s, want %d %s", got.status, got.body, tc.status, tc.code)
			}
		})
	}
}

// TestApplicationsInAPool looks for an application at other machines of its pool, healthy and cut off, and of another pool.
func TestApplicationsInAPool(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	fes := nodes(t, org, nil, "fe1", "fe2")
	alone := nodes(t, org, func(c *fakelync.Config) { c.Isolated = true }, "fe3")[0]
	other := nodes(t, org, func(c *fakelync.Config) { c.Pool = otherPool }, "fe9")[0]
	ticket := org.Ticket("user1@contoso.example", thisPool)
	c := newClient(t, fes[0], web, ticket).signIn()
	for _, tc := range []struct {
		name   string
		srv    *fakelync.Server
		status int
	}{{"other-machine", fes[1], 200}, {"cut-off", alone, 404}, {"other-pool", other, 500}} {
		got := newClient(t, tc.srv, web, ticket).do("GET", c.self, "")
		if got.status != tc.status {
			t.Errorf("%s: %d %s, want %d", tc.name, got.status, got.body, tc.status)
		}
		if tc.status == 404 && code(got.body) != "NotFound/ApplicationNotFound" {
			t.Errorf("%s: %s", tc.name, got.body)
		}
		if tc.status == 500 && !strings.HasPrefix(got.header.Get("X-Ms-Diagnostics"), "28032;") {
			t.Errorf("%s: %v", tc.name, got.header)
		}
	}
	lonely := newClient(t, alone, web, ticket).signIn()
	if got := newClient(t, fes[0], web, ticket).do("GET", lonely.self, ""); got.status != 404 {
		t.Errorf("what the machine made that is cut off: %d elsewhere, want 404", got.status)
	}
	if got := newClient(t, fes[0], web, org.Ticket("user2@contoso.example", thisPool)).do("GET", c.self, ""); got.status != 403 {
		t.Errorf("somebody else's application: %d, want 403", got.status)
	}
}

func TestApplicationsEnd(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	c := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
	org.IdleTime(14 * time.Minute)
	c.want(204, "POST", c.self+"/me/reportMyActivity", "")
	org.IdleTime(14 * time.Minute)
	c.want(200, "GET", c.self, "")
	org.IdleTime(16 * time.Minute)
	if got := c.want(410, "GET", c.self, ""); code(got.body) != "Gone/InactiveApplicationExpired" {
		t.Error(got.body)
	}
	c.signIn() // with the same endpoint id
	c.want(204, "DELETE", c.self, "")
	if got := c.want(404, "DELETE", c.self, ""); code(got.body) != "NotFound/ApplicationNotFound" {
		t.Error(got.body)
	}
}

func TestMakeMeAvailable(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	c := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool))
	c.self = regexp.MustCompile(web + `/\d{12}`).FindString(c.want(201, "POST", web, jsonApplication).body)
	for _, q := range [][3]string{
		{"POST", "/me/reportMyActivity", ""}, {"POST", "/me/note", `{"message":"x"}`}, {"GET", "/me/presence", ""},
		{"POST", "/communication/messagingInvitations", `{"to":"sip:user2@contoso.example"}`},
	} {
		if got := c.want(409, q[0], c.self+q[1], q[2]); code(got.body) != "Conflict/MakeMeAvailableRequired" {
			t.Errorf("%s: %s", q[1], got.body)
		}
	}
	c.want(400, "POST", c.self+"/communication/makeMeAvailable", `{"signInAs":"Sleeping"}`)
	c.want(204, "POST", c.self+"/communication/makeMeAvailable", `{"signInAs":"Away","supportedModalities":["Messaging"]}`)
	if got := c.want(409, "POST", c.self+"/me/makeMeAvailable", ""); code(got.body) != "Conflict/AlreadyExists" {
		t.Error(got.body)
	}
	if got := c.want(200, "GET", c.self, "").body; !strings.Contains(got, "/me/reportMyActivity") || strings.Contains(got, "makeMeAvailable") || !strings.Contains(got, `"supportedModalities":["Messaging"]`) {
		t.Errorf("the application afterwards: %s", got)
	}
	if got := c.want(200, "GET", c.self+"/me/presence", "").body; !strings.Contains(got, `"availability":"Away"`) {
		t.Error(got)
	}
}

func TestAnonymousParticipants(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		org := twoUsers()
		srv := nodes(t, org, func(c *fakelync.Config) { c.NoAnonymous = refused }, "fe1")[0]
		c := newClient(t, srv, web, org.GuestTicket("user1@contoso.example", thisPool))
		got := c.do("POST", web, jsonApplication)
		if refused {
			if got.status != 403 || code(got.body) != "Forbidden/AnonymousNotAllowed" {
				t.Errorf("refused: %d %s", got.status, got.body)
			}
			continue
		}
		if got.status != 201 {
			t.Fatalf("%d %s, want 201", got.status, got.body)
		}
		c.self = regexp.MustCompile(web + `/\d{12}`).FindString(got.body)
		for _, path := range []string{"/me/makeMeAvailable", "/communication/messagingInvitations"} {
			if got := c.want(403, "POST", c.self+path, ""); code(got.body) != "Forbidden/AnonymousNotAllowed" {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	}
}

func TestPreconditions(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	c := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
	at := c.self + "/communication"
	got := c.want(200, "GET", at, "").body
	name := regexp.MustCompile(`"([0-9a-f-]{36})":"please pass this in a PUT request"`).FindStringSubmatch(got)
	etag := regexp.MustCompile(`"etag":"(\d{10})"`).FindStringSubmatch(got)
	if name == nil || etag == nil {
		t.Fatal(got)
	}
	body := `{"` + name[1] + `":"please pass this in a PUT request","supportedModalities":["PhoneAudio","Messaging"]}`
	c.want(428, "PUT", at, body)
	c.want(412, "PUT", at, body, "If-Match", `"1"`)
	c.want(400, "PUT", at, `{"supportedModalities":[]}`, "If-Match", `"`+etag[1]+`"`)
	c.want(204, "PUT", at, body, "If-Match", `"`+etag[1]+`"`)
	c.want(412, "PUT", at, body, "If-Match", `"`+etag[1]+`"`)
	if got := c.want(200, "GET", at, "").body; !strings.Contains(got, `"supportedModalities":["PhoneAudio","Messaging"]`) {
		t.Error(got)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	org := twoUsers()
	srv := nodes(t, org, nil, "fe1")[0]
	c := newClient(t, srv, web, org.Ticket("user1@contoso.example", thisPool)).signIn()
	for _, tc := range []struct {
		method, target string
		status         int
	}{
		{"OPTIONS", web, 400}, {"OPTIONS", c.self, 400}, {"PATCH", c.self, 400},
		{"GET", web, 405}, {"PUT", c.self, 405}, {"POST", c.self + "/events", 405}, {"DELETE", c.self + "/me", 405},
		{"GET", c.self + "/nothing", 404}, {"GET", c.self + "/me/photos/x", 404}, {"GET", c.self + "/photos/user1@contoso.example", 404},
		{"GET", c.self + "/ME/Note", 200}, {"GET", c.self + "/policies", 200}, {"GET", c.self + "/me/phones", 200}, {"GET", c.self + "/me/location", 200},
		{"GET", c.self + "/me/callForwardingSettings", 200}, {"GET", c.self + "/people", 200}, {"GET", c.self + "/people/groups", 200},
		{"GET", c.self + "/people/contacts", 200}, {"GET", c.self + "/people/user2@contoso.example", 200},
		{"GET", c.self + "/people/nobody@contoso.example", 404}, {"GET", c.self + "/people/nobody@contoso.example/presence", 404},
		{"GET", c.self + "/onlineMeetings", 200}, {"GET", c.self + "/onlineMeetings/myOnlineMeetings", 200},
		{"GET", c.self + "/onlineMeetings/phoneDialInInformation", 200}, {"GET", c.self + "/communication/conversations?filter=active", 200},
		{"GET", c.self + "/communication/conversations/x", 404}, {"POST", c.self + "/communication/conversations/x/messaging/messages", 404},
		{"POST", c.self + "/communication/messagingInvitations/x/accept", 404}, {"DELETE", c.self + "/people/presenceSubscriptions/x", 404},
	} {
		got := c.do(tc.method, tc.target, "")
		if got.status != tc.status || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") || got.header.Get("X-Ms-Ucwaversion") == "" {
			t.Errorf("%s %s: %d %s %s, want %d in JSON", tc.method, tc.target, got.status, got.header.Get("Content-Type"), got.body, tc.status)
		}
	}
	if got := ask(t, srv, extHTTPS, request{method: "OPTIONS", target: web, host: "lyncweb-ext.contoso.example"}); got.status != 400 {
		t.Errorf("OPTIONS without a token: %d, want 400", got.status)
	}
}
