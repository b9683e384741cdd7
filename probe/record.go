package probe

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// RecordSchema names the format of a saved Record.
const RecordSchema = "lyncpin.record/1"

// Record is what was seen, and nothing else: no judgement, no error values, no secret. It is written as JSON,
// read back by a later version and judged again; records of several machines merge into one.
type Record struct {
	// Schema is RecordSchema.
	Schema string `json:"schema"`
	// Target is what was examined.
	Target Target `json:"target"`
	// Sections hold the observations, one for each vantage and run.
	Sections []*Section `json:"sections"`
	// Certificates are all certificates seen, by the SHA-256 of their DER in hexadecimal.
	Certificates map[string]Certificate `json:"certificates,omitempty"`
}

// sound returns the record without what no probe writes: JSON can hold a section that is null.
func (r *Record) sound() *Record {
	if !slices.Contains(r.Sections, nil) {
		return r
	}
	out := *r
	out.Sections = slices.DeleteFunc(slices.Clone(r.Sections), func(s *Section) bool { return s == nil })
	return &out
}

// section is what was seen from a vantage; nil when the record has nothing from there.
func (r *Record) section(vantage string) *Section {
	for _, s := range r.Sections {
		if s != nil && s.Vantage == vantage {
			return s
		}
	}
	return nil
}

// Target is the deployment under examination and what its owner says of it.
type Target struct {
	// SIPDomains are in lower case, the main one first.
	SIPDomains []string `json:"sip_domains"`
	// User is the SIP address asked for, without "sip:"; empty when only a domain was given.
	User string `json:"user,omitempty"`
	// Meeting is the whole URL of a meeting to look at; empty for none. Who knows it can join the meeting.
	Meeting string `json:"meeting,omitempty"`
	// Expected is what the operator declared. Everything in it is optional.
	Expected Expected `json:"expected"`
}

// Expected is what the operator declares of the deployment, because the wire cannot tell it.
type Expected struct {
	// ExternalWeb and InternalWeb are web services FQDNs.
	ExternalWeb []string `json:"external_web,omitempty" yaml:"external_web"`
	InternalWeb []string `json:"internal_web,omitempty" yaml:"internal_web"`
	// Meet and Dialin are the hosts of the simple URLs. Without them the names meet.<SIP domain> and
	// dialin.<SIP domain> are tried, and their absence alone is no fault.
	Meet   []string `json:"meet,omitempty" yaml:"meet"`
	Dialin []string `json:"dialin,omitempty" yaml:"dialin"`
	// OfficeWebApps are hosts of Office Web Apps or Office Online Server.
	OfficeWebApps []string `json:"office_web_apps,omitempty" yaml:"office_web_apps"`
	// Exchange are hosts of Exchange's discovery or web services, which clients ask for calendars and voice mail.
	Exchange []string `json:"exchange,omitempty" yaml:"exchange"`
	// WebServers are the servers the reverse proxy forwards to. The proxy vantage talks to them.
	WebServers []WebServer `json:"web_servers,omitempty" yaml:"web_servers"`
	// FrontEnds are the addresses of the Front Ends behind any balancer.
	FrontEnds []string `json:"front_ends,omitempty" yaml:"front_ends"`
	// HTTPOnlyDiscovery says that lyncdiscover is published on port 80 only, on purpose.
	HTTPOnlyDiscovery bool `json:"http_only_discovery,omitempty" yaml:"http_only_discovery"`
	// Hybrid says that some users are homed in the online service.
	Hybrid bool `json:"hybrid,omitempty" yaml:"hybrid"`
	// Lync2010Phones says that phones with the app of Lync 2010 are still in use.
	Lync2010Phones bool `json:"lync2010_phones,omitempty" yaml:"lync2010_phones"`
}

// WebServer is a server behind the reverse proxy, as the proxy is told to reach it.
type WebServer struct {
	// Address is ip:port or host:port.
	Address string `json:"address" yaml:"address"`
	// Scheme is "https" or "http".
	Scheme string `json:"scheme" yaml:"scheme"`
	// Name is what the proxy verifies in the certificate; empty means that it does not verify.
	Name string `json:"name,omitempty" yaml:"name"`
	// Trust is where the proxy's trust comes from: "public", "enterprise", or empty for none.
	Trust string `json:"trust,omitempty" yaml:"trust"`
	// Application is "lync" (also when empty) or "office-web-apps".
	Application string `json:"application,omitempty" yaml:"application"`
}

// Section is what one vantage saw.
type Section struct {
	// Vantage is External, Internal, WiFi or Proxy.
	Vantage string `json:"vantage"`
	// Started is when the probe began, by the machine's clock.
	Started time.Time `json:"started"`
	// Elapsed is the wall time of the whole section.
	Elapsed time.Duration `json:"elapsed_ns"`
	// Resolvers are the name servers asked, ip:port; empty when the system's own resolver was used.
	Resolvers []string `json:"resolvers,omitempty"`
	// ManagedDevices says that devices here trust the enterprise roots too.
	ManagedDevices bool `json:"managed_devices,omitempty"`
	// Incomplete says why the section ended early; empty when it did not.
	Incomplete string `json:"incomplete,omitempty"`

	Lookups    []Lookup    `json:"lookups,omitempty"`
	Dials      []Dial      `json:"dials,omitempty"`
	Handshakes []Handshake `json:"handshakes,omitempty"`
	Exchanges  []Exchange  `json:"exchanges,omitempty"`
	Walks      []Walk      `json:"walks,omitempty"`
	// What follows is there when somebody signed in.
	Logons  []Logon  `json:"logons,omitempty"`
	SignIns []SignIn `json:"sign_ins,omitempty"`
	Polls   []Poll   `json:"polls,omitempty"`
	Crowds  []Crowd  `json:"crowds,omitempty"`
}

// Outcome says how one operation ended.
type Outcome struct {
	// Code is OK or one of the codes of outcome.go.
	Code string `json:"code"`
	// Text is the error as the system worded it; empty for OK.
	Text string `json:"text,omitempty"`
}

// OK tells whether the operation succeeded.
func (o Outcome) OK() bool { return o.Code == OK }

// Lookup is one DNS question and its answer.
type Lookup struct {
	// Name is in lower case, without the last dot. Type is A, AAAA, SRV, …
	Name string `json:"name"`
	Type string `json:"type"`
	// Server is the name server that answered, ip:port; empty for the system's resolver.
	Server string `json:"server,omitempty"`
	// Outcome is OK, NXDomain, NoData, ServFail, DNSRefused, Timeout or another failure.
	Outcome Outcome `json:"outcome"`
	// Answers are all records of the answer section in order.
	Answers []RR `json:"answers,omitempty"`
	// SOA is the zone named in the authority section of a negative answer.
	SOA string `json:"soa,omitempty"`
	// Authoritative is the AA bit.
	Authoritative bool `json:"authoritative,omitempty"`
	// Truncated says that the UDP answer had the TC bit and TCP was asked.
	Truncated bool          `json:"truncated,omitempty"`
	Elapsed   time.Duration `json:"elapsed_ns"`
}

// RR is a resource record.
type RR struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
	TTL   uint32 `json:"ttl"`
}

// Addresses are the addresses of the answer, in order.
func (l *Lookup) Addresses() []netip.Addr {
	var out []netip.Addr
	for _, r := range l.Answers {
		if r.Type == "A" || r.Type == "AAAA" {
			if a, err := netip.ParseAddr(r.Value); err == nil {
				out = append(out, a)
			}
		}
	}
	return out
}

// Aliases are the targets of the CNAME records of the answer, in order, without the last dot.
func (l *Lookup) Aliases() []string {
	var out []string
	for _, r := range l.Answers {
		if r.Type == "CNAME" {
			out = append(out, strings.TrimSuffix(strings.ToLower(r.Value), "."))
		}
	}
	return out
}

// Dial is one TCP connection attempt.
type Dial struct {
	// Host is the name the address came from; Addr is ip:port.
	Host    string        `json:"host,omitempty"`
	Addr    string        `json:"addr"`
	Outcome Outcome       `json:"outcome"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Purposes of a handshake.
const (
	HandshakeName    = "name"    // the client's own: SNI is the name, all versions offered
	HandshakeNoSNI   = "no-sni"  // the same without SNI
	HandshakeVersion = "version" // one protocol version only
	HandshakeUnknown = "unknown" // SNI is a name nobody publishes
	HandshakeRepeat  = "repeat"  // a fresh connection for a repeated request
	HandshakeOther   = "other"   // on port 4443, where 443 gives no connection
	HandshakeHTTP2   = "http2"   // offers h2 and http/1.1, as browsers do
	HandshakeProxied = "proxied" // behind a PROXY header without an address, where all others are cut
	HandshakeSignIn  = "sign-in" // of a client that signs in: it offers no h2
)

// Handshake is one TLS handshake. The certificate is recorded whether or not it verifies.
type Handshake struct {
	// ID is unique in the section, from 1.
	ID int `json:"id"`
	// Purpose is one of the Handshake constants.
	Purpose string `json:"purpose"`
	// Host is the name the address came from, and the name that the certificate is checked against.
	Host string `json:"host"`
	Addr string `json:"addr"`
	// SNI is the name sent; empty when none was.
	SNI string `json:"sni,omitempty"`
	// Offered is the highest version offered, "1.0" to "1.3".
	Offered string `json:"offered"`
	// Outcome is of the handshake alone, without any judgement of the certificate.
	Outcome Outcome `json:"outcome"`
	Version string  `json:"version,omitempty"`
	// Chain is the certificates as sent, leaf first, as keys of Record.Certificates.
	Chain []string `json:"chain,omitempty"`
	// NameMatch is OK when the leaf is for Host.
	NameMatch Outcome `json:"name_match"`
	// Public is the verification of the chain against the public roots, Enterprise against the organisation's
	// own. Both leave the name aside. Enterprise is NotChecked when those roots were not known.
	Public     Outcome `json:"public"`
	Enterprise Outcome `json:"enterprise"`
	// ClientCertificate says that the server asked for one.
	ClientCertificate bool `json:"client_certificate,omitempty"`
	// ALPN is the application protocol that the server chose, "h2" or "http/1.1"; empty when none was offered or chosen.
	ALPN    string        `json:"alpn,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Certificate is what a certificate says.
type Certificate struct {
	Subject    string    `json:"subject"`
	CommonName string    `json:"common_name,omitempty"`
	Issuer     string    `json:"issuer"`
	Names      []string  `json:"names,omitempty"`
	NotBefore  time.Time `json:"not_before"`
	NotAfter   time.Time `json:"not_after"`
	// Key is "ECDSA P-256", "RSA 2048"; Signature is as in "SHA256-RSA".
	Key       string `json:"key"`
	KeyBits   int    `json:"key_bits"`
	Signature string `json:"signature"`
	CA        bool   `json:"ca,omitempty"`
	// SelfSigned says that subject and issuer are equal and the signature is its own.
	SelfSigned bool `json:"self_signed,omitempty"`
	// ServerAuth says that it may be used for servers.
	ServerAuth bool `json:"server_auth"`
	// DER is the certificate itself.
	DER []byte `json:"der"`
}

// Purposes of an exchange; the P numbers in comments are the probe's primitives.
const (
	GetRoot           = "root"            // P4: "/" of a discovery name over HTTPS, UCWA JSON
	GetRootLegacy     = "root-legacy"     // the same as desktop clients ask: legacy XML, which has AccessLocation
	GetRootHTTP       = "root-http"       // P5: "/?sipuri=" over HTTP, legacy XML
	GetService        = "service"         // the discovery service by its path on a web FQDN, no Accept, as balancers ask
	GetServiceCase    = "service-case"    // the same in other letter case
	GetServiceQuery   = "service-query"   // the same with originalDomain, UCWA JSON: the self link echoes it
	GetUser           = "user"            // P6: the user link of the UCWA document, no credentials
	GetUserLegacy     = "user-legacy"     // the User link of the legacy document
	GetWebTicket      = "webticket"       // /WebTicket/WebTicketService.svc
	PostToken         = "oauth-token"     // P7, anonymous: POST to the token service with an empty form
	GetUCWA           = "ucwa"            // /ucwa/v1/applications
	GetContent        = "content"         // the content services: /abs, /GroupExpansion, /CertProv, /Reach
	GetInternalOnly   = "internal-only"   // P11: /cscp/ and /OcsPowerShell/, which only the internal site has
	GetDeviceInternal = "device-internal" // /RequestHandler/, only on the internal site
	GetDeviceExternal = "device-external" // /RequestHandlerExt/, only on the external site
	GetMeet           = "meet"            // P10
	GetDialin         = "dialin"          // P10
	GetOfficeWebApps  = "office-web-apps" // /hosting/discovery
	GetRepeat         = "repeat"          // P12: P4 on a fresh connection
	GetUnknownHost    = "unknown-host"    // P15: a host of the same address that nobody publishes
	GetLongURL        = "long-url"        // a URL of 1900 bytes
	GetFromPage       = "from-page"       // the discovery service as scripts of a meeting's page ask, with Origin and Referer
	GetOtherPort      = "other-port"      // the root on port 4443, where 443 gives no connection
	GetHop            = "hop"             // a URL that an earlier answer led to

	// Of those who sign in. Bodies and headers of these are kept without tickets, tokens and passwords.
	SignInDiscovery   = "sign-in-discovery"   // the discovery document, in the client's own form
	SignInChallenge   = "sign-in-challenge"   // the user resource without credentials
	SignInMetadata    = "sign-in-metadata"    // the ticket service's WSDL
	SignInTicket      = "sign-in-ticket"      // P7: the ticket or token, every leg of it
	SignInUser        = "sign-in-user"        // P8: the user resource with the ticket
	SignInApplication = "sign-in-application" // P9: POST applications
	SignInUCWA        = "sign-in-ucwa"        // any other request to the application
	SignInStranger    = "sign-in-stranger"    // a ticket, asked for without credentials after others have logged on
	SignInEvents      = "sign-in-events"      // P9: the long poll
	SignInMcx         = "sign-in-mcx"         // the Mcx service
	SignInRepeat      = "sign-in-repeat"      // the application again, over a fresh connection
	SignInWithout     = "sign-in-without"     // a request that carries a ticket nobody issued
	SignInPut         = "sign-in-put"         // PUT to the application: a method that lists forget
	UploadLarge       = "upload-large"        // P14: 2 MB with Content-Length
	UploadChunked     = "upload-chunked"      // P14: chunked
	UploadExpect      = "upload-expect"       // P14: Expect: 100-continue
	UploadHeader      = "upload-header"       // a header of 12 KB, as Kerberos tickets make it
	GetGzip           = "gzip"                // discovery with Accept-Encoding: gzip
	GetMeeting        = "meeting"             // a meeting's join page, by its whole URL
	GetMeetingPhone   = "meeting-phone"       // the same as an iPhone
	GetMeetingXML     = "meeting-xml"         // the same in XML, which names the conference
	GetJoinAsset      = "join-asset"          // what the join page loads
	PostAnonymous     = "anonymous-token"     // a token for an anonymous participant
	PostPassive       = "passive-token"       // P7: a token by passive sign-in, which the answer names the page of
	GetExchange       = "exchange"            // Exchange's discovery
)

// Exchange is one HTTP request and its answer.
type Exchange struct {
	// ID is unique in the section, from 1; Handshake is the ID of the connection's handshake, zero for HTTP.
	ID        int    `json:"id"`
	Handshake int    `json:"handshake,omitempty"`
	Purpose   string `json:"purpose"`
	Method    string `json:"method"`
	URL       string `json:"url"`
	// Host is the name asked, in lower case; Addr is where the connection went, ip:port.
	Host   string `json:"host"`
	Addr   string `json:"addr"`
	Accept string `json:"accept,omitempty"`
	// Outcome is OK whenever a whole answer came, whatever its status.
	Outcome Outcome `json:"outcome"`
	Status  int     `json:"status,omitempty"`
	// Header is the answer's, with the values of cookies left out.
	Header http.Header `json:"header,omitempty"`
	// Body is the first bodyKept bytes when it is text; Size is how many bytes came.
	Body string `json:"body,omitempty"`
	Size int    `json:"size,omitempty"`
	// Document is the discovery document in the body, nil when it is none.
	Document *Document `json:"document,omitempty"`
	// Continued is when 100 (Continue) came to a request that expected it; zero when it did not come.
	Continued time.Duration `json:"continued_ns,omitempty"`
	// Elapsed is from the request to the end of the body, without the connection's making.
	Elapsed time.Duration `json:"elapsed_ns"`
}

// Document is a discovery document of any of the four forms.
type Document struct {
	// Form is "legacy-xml", "legacy-json", "ucwa-xml" or "ucwa-json".
	Form string `json:"form"`
	// AccessLocation is Internal or External in the legacy forms.
	AccessLocation string `json:"access_location,omitempty"`
	// Links maps a token or relation, in lower case, to its URL.
	Links map[string]string `json:"links"`
}

// Redirect is the URL that the document sends the client to, empty when it does not.
func (d *Document) Redirect() string {
	if d == nil {
		return ""
	}
	return d.Links["redirect"]
}

// SignsIn tells whether a client that signs in asked this, on its way to its application or with it.
func (x *Exchange) SignsIn() bool { return strings.HasPrefix(x.Purpose, "sign-in-") }

// Hosts are the hosts of all links, sorted, each once, in lower case and without ports.
func (d *Document) Hosts() []string {
	if d == nil {
		return nil
	}
	var out []string
	for _, l := range d.Links {
		if h := hostOf(l); h != "" {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Walk is discovery as one kind of client does it.
type Walk struct {
	// Client is one of the names of clients.go, Domain the SIP domain.
	Client string `json:"client"`
	Domain string `json:"domain"`
	// Attempts are in the order of the client's preference.
	Attempts []Attempt `json:"attempts"`
	// Accepted is the URL of the document that the client would use; empty when it found none.
	Accepted string `json:"accepted,omitempty"`
	// Fallback says what the client does when discovery fails: "srv" or nothing.
	Fallback string `json:"fallback,omitempty"`
}

// Attempt is one URL a client tries.
type Attempt struct {
	URL string `json:"url"`
	// Exchange is the ID of the request; zero when it did not come to one.
	Exchange int `json:"exchange,omitempty"`
	// Result is Accepted, Redirected or the reason why the client goes on to the next.
	Result string `json:"result"`
	OK     bool   `json:"ok,omitempty"`
}
