// Package topology describes a Lync or Skype for Business deployment as plain data: names, servers, the reverse
// proxy, certificates, both DNS views and the network between them.
//
//	t := topology.Healthy()
//	t.External.Remove(t.Discovery(0)) // a fault is an edit
//	if err := t.Validate(); err != nil { … }
//
// A topology may be wrong (that is what it is for): Validate refuses only what no lab could run, such as a
// publishing rule that names a web server which does not exist. Healthy is the one in which every rule is silent.
package topology

import (
	"net/netip"
	"slices"
	"time"
)

// Topology is one deployment. Values are plain data: Clone before an edit that must not be shared.
type Topology struct {
	// Product is the server version: lync2010, lync2013, sfb2015 or sfb2019.
	Product string `yaml:"product"`
	// SIPDomains are the domains of sign-in addresses; the first is the main one.
	SIPDomains []string `yaml:"sip_domains"`
	// Users are accounts of the lab.
	Users []User `yaml:"users,omitempty"`
	// Directory is how the organisation's accounts are kept.
	Directory Directory `yaml:"directory,omitempty"`
	// Plan is what the administrators mean to have. Faults leave it alone: it is what a probe is told to expect.
	Plan Plan `yaml:"plan"`
	// Pools are Front End pools and Director pools. The first Front End pool is the main one.
	Pools []Pool `yaml:"pools"`
	// Apps are the other servers: Office Web Apps, Exchange, web sites, the Access Edge.
	Apps []App `yaml:"apps,omitempty"`
	// Proxy is the reverse proxy.
	Proxy Proxy `yaml:"proxy"`
	// External and Internal are the two DNS views.
	External View `yaml:"external_dns"`
	Internal View `yaml:"internal_dns"`
	// WiFi says how phones in the office are set up.
	WiFi WiFi `yaml:"wifi,omitempty"`
	// Paths are the firewall and NAT rules that matter, first match wins. What no rule names passes when the
	// address is reachable in principle: private addresses are not, from outside.
	Paths []Path `yaml:"paths,omitempty"`
}

// User is a lab-only account.
type User struct {
	// SIP is the sign-in address without "sip:".
	SIP string `yaml:"sip"`
	// Login is the Windows account, DOMAIN\name.
	Login string `yaml:"login"`
	// Password is invented for the lab.
	Password string `yaml:"password"`
	// TypedLogin and TypedPassword are what the person enters in place of Login and Password; empty means these.
	TypedLogin    string `yaml:"typed_login,omitempty"`
	TypedPassword string `yaml:"typed_password,omitempty"`
	// UPN is the user principal name; empty means SIP.
	UPN string `yaml:"upn,omitempty"`
	// Pool is the name of the home pool; empty means the main one.
	Pool string `yaml:"pool,omitempty"`
	// Online says that the user is homed in the online service.
	Online bool `yaml:"online,omitempty"`
	// NotEnabled says that the Windows account exists but is not enabled for Lync (Enable-CsUser has not run).
	NotEnabled bool `yaml:"not_enabled,omitempty"`
	// NoMobility is a mobility policy with EnableMobility off.
	NoMobility bool `yaml:"no_mobility,omitempty"`
	// NoOutsideAccess is an external access policy with EnableOutsideAccess off.
	NoOutsideAccess bool `yaml:"no_outside_access,omitempty"`
	// NoRegistrar says that the user's routing group has lost its quorum: the user exists, and nothing serves it.
	NoRegistrar bool `yaml:"no_registrar,omitempty"`
}

// Directory is how accounts are kept: Active Directory and the settings of the whole organisation. The zero Directory
// is healthy and has no online part.
type Directory struct {
	// Down says that the Front Ends reach no domain controller.
	Down bool `yaml:"down,omitempty"`
	// LockoutThreshold is how many wrong passwords lock an account; zero means none does.
	LockoutThreshold int `yaml:"lockout_threshold,omitempty"`
	// HostingProviderURL is the discovery URL of the online service, as Set-CsHostingProvider -AutodiscoverUrl sets it.
	// Empty means that users homed online are not found here.
	HostingProviderURL string `yaml:"hosting_provider_url,omitempty"`
	// DeniedUserAgents are parts of what clients call themselves that the client version policy blocks.
	DeniedUserAgents []string `yaml:"denied_user_agents,omitempty"`
	// MaxApplications is how many applications a user may have at a time; zero means the server's own limit.
	MaxApplications int `yaml:"max_applications,omitempty"`
}

// Plan names what the deployment is meant to offer.
type Plan struct {
	// ExternalWeb and InternalWeb are the web services FQDNs of all pools and Directors.
	ExternalWeb []string `yaml:"external_web"`
	InternalWeb []string `yaml:"internal_web"`
	// Meet and Dialin are the hosts of the simple URLs; empty means the URL lives below the web FQDN.
	Meet   []string `yaml:"meet,omitempty"`
	Dialin []string `yaml:"dialin,omitempty"`
	// OfficeWebApps are the hosts of Office Web Apps or Office Online Server.
	OfficeWebApps []string `yaml:"office_web_apps,omitempty"`
	// HTTPOnlyDiscovery says that lyncdiscover is published on port 80 only, on purpose.
	HTTPOnlyDiscovery bool `yaml:"http_only_discovery,omitempty"`
	// Hybrid says that some users are homed in the online service.
	Hybrid bool `yaml:"hybrid,omitempty"`
	// Lync2010Phones says that phones with the app of Lync 2010 are to work.
	Lync2010Phones bool `yaml:"lync2010_phones,omitempty"`
}

// Roles of a pool.
const (
	FrontEnd = "front-end"
	Director = "director"
)

// Pool is a Front End or Director pool: nodes that serve the same two web sites.
type Pool struct {
	// Name is the pool's FQDN.
	Name string `yaml:"name"`
	// Role is FrontEnd (also when empty) or Director.
	Role string `yaml:"role,omitempty"`
	// Product overrides the topology's.
	Product string `yaml:"product,omitempty"`
	// Internal and External are the two web sites as every node is configured.
	Internal Site `yaml:"internal"`
	External Site `yaml:"external"`
	// SimpleURLs are the meet and dialin hosts registered on the nodes (Enable-CsComputer has run).
	SimpleURLs []string `yaml:"simple_urls,omitempty"`
	// Redirects maps a SIP domain that lives elsewhere to the next discovery URL.
	Redirects map[string]string `yaml:"redirects,omitempty"`
	// SIPAccess is what desktop clients outside sign in to, the Access Edge, as host:port. Empty means sip.<main SIP
	// domain>:443; "-" means that no Edge is associated with the pool.
	SIPAccess string `yaml:"sip_access,omitempty"`
	// SIP is the port of the nodes that desktop clients inside sign in to, over TLS with the internal site's certificate.
	// Zero means that there is none, and user documents do not name it.
	SIP int `yaml:"sip,omitempty"`
	// ExposedWebInternal names the internal web FQDN in the links for mobile clients, as Set-CsMcxConfiguration
	// -ExposedWebURL Internal does.
	ExposedWebInternal bool `yaml:"exposed_web_internal,omitempty"`
	// HideExternalLinks leaves the links of the external web site out of user documents: the pool has no external web
	// services set up.
	HideExternalLinks bool `yaml:"hide_external_links,omitempty"`
	// HiddenTokens are tokens that user documents lack, as External/Ucwa; letter case does not matter.
	HiddenTokens []string `yaml:"hidden_tokens,omitempty"`
	// NoTokenCertificate says that no OAuthTokenIssuer certificate is assigned.
	NoTokenCertificate bool `yaml:"no_token_certificate,omitempty"`
	// NoAnonymous refuses anonymous participants of meetings.
	NoAnonymous bool `yaml:"no_anonymous,omitempty"`
	// OldJoinLauncher is a join page older than iOS 10: it knows no Apple device and shows the desktop's page.
	OldJoinLauncher bool `yaml:"old_join_launcher,omitempty"`
	// AuthorizationURI is the modern authentication's issuer in Bearer challenges; empty means none.
	AuthorizationURI string `yaml:"authorization_uri,omitempty"`
	// PassiveURI is the page for passive (ADFS) sign-in; empty means none.
	PassiveURI string `yaml:"passive_uri,omitempty"`
	// Nodes are the machines.
	Nodes []Node `yaml:"nodes"`
	// Balancer is the hardware load balancer; nil means none.
	Balancer *Balancer `yaml:"balancer,omitempty"`
}

// Site is one of the two web sites.
type Site struct {
	// WebFQDN is the host in the URLs the site hands out.
	WebFQDN string `yaml:"web_fqdn"`
	// HTTPS and HTTP are the bound ports; zero means the binding is missing.
	HTTPS int `yaml:"https"`
	HTTP  int `yaml:"http"`
	// Certificate is what the HTTPS binding presents; nil means that none is assigned.
	Certificate *Certificate `yaml:"certificate,omitempty"`
	// MinTLS and MaxTLS bound the protocol versions: "1.0" to "1.3"; empty means 1.0 and 1.3.
	MinTLS string `yaml:"min_tls,omitempty"`
	MaxTLS string `yaml:"max_tls,omitempty"`
	// RequireSSL refuses plain HTTP with 403.4.
	RequireSSL bool `yaml:"require_ssl,omitempty"`
	// StoppedAppPools are the IIS application pools (by virtual directory) that answer 503.
	StoppedAppPools []string `yaml:"stopped_app_pools,omitempty"`
	// FailedApps are the applications (by virtual directory) that did not start again after a recycle: 500.
	FailedApps []string `yaml:"failed_apps,omitempty"`
	// WindowsAuth are the providers of Windows authentication in the order offered; none means Negotiate and NTLM.
	WindowsAuth []string `yaml:"windows_auth,omitempty"`
	// NTLM is the "Restrict NTLM" policy of the machines: empty accepts NTLMv2 and NTLMv1, "v2" the former only, "deny"
	// none.
	NTLM string `yaml:"ntlm,omitempty"`
	// ExtendedProtection is IIS's setting of that name: empty is off, "require" wants the channel binding of the TLS
	// connection that reached the machine.
	ExtendedProtection string `yaml:"extended_protection,omitempty"`
	// Grants are the OAuth grant types offered: windows, anonmeeting, password, passive. None means the first three.
	Grants []string `yaml:"grants,omitempty"`
	// WebTicketHost replaces WebFQDN in the URLs that say where tickets are got.
	WebTicketHost string `yaml:"web_ticket_host,omitempty"`
	// DenyVerbs and DenySequences are IIS's request filtering.
	DenyVerbs     []string `yaml:"deny_verbs,omitempty"`
	DenySequences []string `yaml:"deny_sequences,omitempty"`
	// MaxBody is the largest request body the site takes; zero means 30 000 000 bytes.
	MaxBody int64 `yaml:"max_body,omitempty"`
}

// Node is a machine of a pool.
type Node struct {
	// FQDN is the machine name, which the server shows in X-MS-Server-Fqdn.
	FQDN    string     `yaml:"fqdn"`
	Address netip.Addr `yaml:"address"`
	// Stopped lists the sites that are not started on this node: "internal", "external".
	Stopped []string `yaml:"stopped,omitempty"`
	// StoppedAppPools are application pools stopped on this node's external site, beyond the pool's.
	StoppedAppPools []string `yaml:"stopped_app_pools,omitempty"`
	// Isolated says that the node reaches no other of its pool: applications of users that live there are unknown here.
	Isolated bool `yaml:"isolated,omitempty"`
	// ClockSkew is how far the node's clock is ahead.
	ClockSkew time.Duration `yaml:"clock_skew,omitempty"`
}

// Off tells whether the whole machine is: neither site is started.
func (n *Node) Off() bool {
	return slices.Contains(n.Stopped, "internal") && slices.Contains(n.Stopped, "external")
}

// Balancer is a hardware load balancer in front of a pool.
type Balancer struct {
	Address netip.Addr `yaml:"address"`
	// Ports maps a port of the virtual address to the port of the members.
	Ports map[int]int `yaml:"ports"`
}

// Kinds of App.
const (
	OfficeWebApps = "office-web-apps"
	Exchange      = "exchange"
	Website       = "website"
	AccessEdge    = "access-edge"
	Appliance     = "appliance"
	OnlineService = "online-service"
)

// App is a server that is not a Front End.
type App struct {
	// Kind decides what it answers: OfficeWebApps, Exchange, Website, AccessEdge (SIP over TLS, no HTTP),
	// Appliance (a firewall's log-in page) or OnlineService (discovery of the cloud).
	Kind    string     `yaml:"kind"`
	FQDN    string     `yaml:"fqdn"`
	Address netip.Addr `yaml:"address"`
	// HTTPS and HTTP are the ports; zero means not bound.
	HTTPS       int          `yaml:"https,omitempty"`
	HTTP        int          `yaml:"http,omitempty"`
	Certificate *Certificate `yaml:"certificate,omitempty"`
	// Redirect is the discovery URL that an OnlineService sends everybody on to; empty means that it serves them.
	Redirect string `yaml:"redirect,omitempty"`
	// Refuses is the status with which an OnlineService answers everybody; zero means that it serves.
	Refuses int `yaml:"refuses,omitempty"`
}

// Issuers of certificates.
const (
	PublicCA     = "public"
	EnterpriseCA = "enterprise"
	SelfSigned   = "self"
	OtherCA      = "other"
)

// Ways to send a chain.
const (
	FullChain     = ""
	LeafOnly      = "leaf-only"
	ReversedChain = "reversed"
	WithRoot      = "with-root"
)

// Certificate says what to issue. Times are relative to the lab's clock.
type Certificate struct {
	// CommonName is the subject's; empty means the first of Names.
	CommonName string   `yaml:"common_name,omitempty"`
	Names      []string `yaml:"names"`
	// Issuer is PublicCA, EnterpriseCA, SelfSigned or OtherCA.
	Issuer string `yaml:"issuer"`
	// Starts and Ends are relative to now; zero means 30 days ago and in one year.
	Starts time.Duration `yaml:"starts,omitempty"`
	Ends   time.Duration `yaml:"ends,omitempty"`
	// Chain is how the chain is sent: FullChain, LeafOnly, ReversedChain or WithRoot.
	Chain string `yaml:"chain,omitempty"`
	// Usage is "server" (also when empty) or "client".
	Usage string `yaml:"usage,omitempty"`
}

// Proxy is the reverse proxy as its administrator configures it.
type Proxy struct {
	// Addresses are the listener addresses: the public one first, then the inside one.
	Addresses []netip.Addr `yaml:"addresses"`
	// HTTPS and HTTP are the listener ports; zero means no such listener.
	HTTPS int `yaml:"https"`
	HTTP  int `yaml:"http"`
	// PlainHTTPS makes the HTTPS port speak HTTP without TLS.
	PlainHTTPS bool `yaml:"plain_https,omitempty"`
	// ProxyProtocol expects the header of a balancer in front, and resets connections that begin without.
	ProxyProtocol bool `yaml:"proxy_protocol,omitempty"`
	// Certificates are chosen by SNI; the first is the default.
	Certificates []Certificate `yaml:"certificates"`
	StrictSNI    bool          `yaml:"strict_sni,omitempty"`
	// ClientCertificates is "" (none asked for), RequestCertificate or RequireCertificate.
	ClientCertificates string      `yaml:"client_certificates,omitempty"`
	MinTLS             string      `yaml:"min_tls,omitempty"`
	MaxTLS             string      `yaml:"max_tls,omitempty"`
	WebServers         []WebServer `yaml:"web_servers"`
	Rules              []Rule      `yaml:"publishing_rules"`
	// ResetUnknown drops the connection of a request that no rule matches, as pfSense's Squid package does.
	ResetUnknown bool `yaml:"reset_unknown,omitempty"`
	// ResponseTimeout is how long the proxy waits for the head of an answer, IdleTimeout how long for more of a body or
	// a next request, Lifetime how long a client connection may last in all. Zero means 960 s, 960 s, and for ever.
	ResponseTimeout time.Duration `yaml:"response_timeout,omitempty"`
	IdleTimeout     time.Duration `yaml:"idle_timeout,omitempty"`
	Lifetime        time.Duration `yaml:"lifetime,omitempty"`
	// MaxHeader is the most bytes of a request's header; zero means 128 KiB.
	MaxHeader int `yaml:"max_header,omitempty"`
	// HTTP2 offers HTTP/2 to clients.
	HTTP2 bool `yaml:"http2,omitempty"`
}

// What a listener asks of clients.
const (
	RequestCertificate = "request"
	RequireCertificate = "require"
)

// WebServer is a server the proxy forwards to.
type WebServer struct {
	Alias   string `yaml:"alias"`
	Address string `yaml:"address"`
	Port    int    `yaml:"port"`
	// Scheme is "https" or "http".
	Scheme string `yaml:"scheme"`
	// Verify is the authority the server's certificate must come from: EnterpriseCA, PublicCA or "none".
	Verify string `yaml:"verify,omitempty"`
	// Name is the name that its certificate must carry, and the SNI; empty means Address.
	Name string `yaml:"name,omitempty"`
}

// Rule is a publishing rule.
type Rule struct {
	Name string `yaml:"name"`
	// Hosts are published host names; "*.contoso.example" matches below contoso.example, "*" matches all.
	Hosts []string `yaml:"hosts"`
	// Paths are prefixes; none means everything.
	Paths         []string `yaml:"paths,omitempty"`
	CaseSensitive bool     `yaml:"case_sensitive,omitempty"`
	// Listener is "https", "http" or empty for both.
	Listener   string   `yaml:"listener,omitempty"`
	WebServers []string `yaml:"web_servers,omitempty"`
	// AnyScheme sends requests round all web servers, whatever their scheme. Without it those of the listener's
	// scheme are used.
	AnyScheme bool `yaml:"any_scheme,omitempty"`
	// HostHeader is "preserve" (also when empty), "web-server", or the literal host to send.
	HostHeader string `yaml:"host_header,omitempty"`
	// AddPrefix goes in front of every path.
	AddPrefix string `yaml:"add_prefix,omitempty"`
	// DropQuery sends the path on without what follows the question mark.
	DropQuery bool `yaml:"drop_query,omitempty"`
	// Normalize sends the path on decoded and encoded again, as a proxy does that wants to understand it.
	Normalize bool `yaml:"normalize,omitempty"`
	// LowerCase sends the path on in lower case.
	LowerCase bool `yaml:"lower_case,omitempty"`
	// Methods are the only HTTP methods that the rule is for; none means all.
	Methods []string `yaml:"methods,omitempty"`
	// Rate is the most requests per client address and minute; zero means no limit.
	Rate int `yaml:"rate,omitempty"`
	// RemoveRequestHeaders are taken out of requests.
	RemoveRequestHeaders []string `yaml:"remove_request_headers,omitempty"`
	// RemoveResponseHeaders are taken out of answers.
	RemoveResponseHeaders []string `yaml:"remove_response_headers,omitempty"`
	// Connections is how client and upstream connections go together: "pin" (also when empty) gives a client that
	// authenticates its connection one of its own, "shared" and "close" do not.
	Connections string `yaml:"connections,omitempty"`
	// Balance is "round-robin" (also when empty), "source" or "cookie".
	Balance string `yaml:"balance,omitempty"`
	// Cookie is that of Balance "cookie"; nil is what Lync asks for.
	Cookie *Cookie `yaml:"cookie,omitempty"`
	// HTTP10 speaks HTTP/1.0 to the web servers.
	HTTP10 bool `yaml:"http10,omitempty"`
	// BufferResponse holds answers back until so many bytes have come; zero passes on every byte.
	BufferResponse int `yaml:"buffer_response,omitempty"`
	// MaxBody is the most bytes of a request body; zero means any.
	MaxBody int64 `yaml:"max_body,omitempty"`
	// MaxURL is the most bytes of a request's path and query; zero means any.
	MaxURL int `yaml:"max_url,omitempty"`
	// VerifyNormalization refuses URLs that still hold percent escapes after being decoded once.
	VerifyNormalization bool `yaml:"verify_normalization,omitempty"`
	// RetrySilent is how long a web server may be silent before the same request is sent to the next one as well;
	// zero means for ever.
	RetrySilent time.Duration `yaml:"retry_silent,omitempty"`
	// MaxRequestsPerSource is the most requests in flight per client address; zero means any.
	MaxRequestsPerSource int `yaml:"max_requests_per_source,omitempty"`
	// MatchHeaders limits the rule to requests with these header fields; "*" in a value stands for anything.
	MatchHeaders map[string]string `yaml:"match_headers,omitempty"`
	// SetRequestHeaders and SetResponseHeaders are set on what passes.
	SetRequestHeaders  map[string]string `yaml:"set_request_headers,omitempty"`
	SetResponseHeaders map[string]string `yaml:"set_response_headers,omitempty"`
	// Respond answers without a web server.
	Respond *Response `yaml:"respond,omitempty"`
}

// Cookie is an affinity cookie. The zero Cookie is what Lync asks for: MS-WSMAN, without expiry and not HttpOnly.
type Cookie struct {
	Name     string `yaml:"name,omitempty"`
	HTTPOnly bool   `yaml:"http_only,omitempty"`
	// MaxAge makes it expire, in whole seconds; zero makes it last as long as the client.
	MaxAge time.Duration `yaml:"max_age,omitempty"`
}

// Response is a fixed answer. "{host}" and "{uri}" in header values stand for the request's.
type Response struct {
	Status int               `yaml:"status"`
	Header map[string]string `yaml:"header,omitempty"`
	Body   string            `yaml:"body,omitempty"`
}

// WiFi describes phones on the office network.
type WiFi struct {
	// Managed phones have the enterprise root installed.
	Managed bool `yaml:"managed,omitempty"`
	// View is the DNS view they are given: "internal" (also when empty) or "external".
	View string `yaml:"dns_view,omitempty"`
}

// Actions of a Path.
const (
	Drop      = "drop"
	Refuse    = "refuse"
	Translate = "translate"
	Forget    = "forget"
	MTU       = "mtu"
)

// Path is a firewall or NAT rule.
type Path struct {
	// From is the place it applies to: external, internal, wifi, proxy; empty means all.
	From string `yaml:"from,omitempty"`
	// To is the destination address or prefix.
	To string `yaml:"to"`
	// Port is the destination port; zero means all.
	Port int `yaml:"port,omitempty"`
	// Action is Drop, Refuse, Translate, Forget or MTU. Forget lets connections begin, and loses without a word those on
	// which nothing was said for After. MTU loses what is sent in packets of full size: small requests and answers pass.
	Action string `yaml:"action"`
	// After is for Forget alone.
	After time.Duration `yaml:"after,omitempty"`
	// Target is the address:port that Translate leads to.
	Target string `yaml:"target,omitempty"`
}
