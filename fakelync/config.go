package fakelync

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"
)

// Product is the release a machine runs. It decides the IIS version, the headers, the default document and which
// virtual directories exist. The empty Product is Lync2013.
type Product string

// The products. Lync2010 means its November 2011 cumulative update ("CU4") or later, the first with discovery.
const (
	Lync2010 Product = "lync-2010"
	Lync2013 Product = "lync-2013"
	SfB2015  Product = "sfb-2015"
	SfB2019  Product = "sfb-2019"
)

// Config is one machine. It must not be changed while a Server uses it.
type Config struct {
	// Product is the release; empty means Lync2013.
	Product Product
	// FQDN is the machine's name in Active Directory. Both sites show it in X-MS-Server-Fqdn.
	FQDN string
	// SIPDomains are the domains users have addresses in, the default one first. At least one.
	SIPDomains []string
	// Internal and External are the two web sites. A site without any listener is stopped.
	Internal, External Site
	// SimpleURLs are the simple URLs this machine knows, that is those present when Enable-CsComputer last ran here.
	// A request for any other meeting host meets a site that has no such page: 404.
	SimpleURLs []SimpleURL
	// Organisation is what this machine shares with the others: accounts, tickets, applications. Nil means that nobody
	// has an account, so that every log-on is refused.
	Organisation *Organisation
	// Pool is the name of the pool the machine belongs to, one of the organisation's. Empty means the first.
	Pool string
	// Isolated says that the machine reaches no other of its pool: an application that was created on another machine
	// is unknown here.
	Isolated bool
	// NoTokenCertificate says that no OAuthTokenIssuer certificate is assigned: the token service answers server_error.
	NoTokenCertificate bool
	// NoAnonymous refuses anonymous participants of meetings.
	NoAnonymous bool
	// OldJoinLauncher is a meeting join page from before iOS 10: it takes an Apple device for a desktop.
	OldJoinLauncher bool
	// AuthorizationURI is the issuer of modern authentication in Bearer challenges. Empty means none.
	AuthorizationURI string
	// PassiveURI is the page of passive (ADFS) sign-in, which the passive grant's refusal names. Empty means none.
	PassiveURI string
	// Redirects maps a SIP domain to the root URL of the next hop, for domains homed on another pool or online. For
	// these the root and domain documents hold one Redirect link only.
	Redirects map[string]string
	// DefaultDocument is what a root request without Accept, or with */*, gets. Empty means the product's own:
	// LegacyJSON for Lync2010, UCWAJSON for the others. Lync 2013 before its February 2013 update answered LegacyJSON.
	DefaultDocument Document
	// IdleTimeout is how long a connection may wait for its next request. Zero means two minutes, the default
	// connectionTimeout of IIS.
	IdleTimeout time.Duration
	// Listen binds one address. Nil means net.ListenConfig.Listen.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
	// Now is the machine's clock: the Date header and the times in the history. Nil means time.Now.
	Now func() time.Time
	// Log receives what net/http complains about, such as failed TLS handshakes. Nil discards it.
	Log *slog.Logger
}

// Site is one of the two IIS web sites of a machine.
type Site struct {
	// HTTP and HTTPS are the listener addresses, as for net.Listen. Empty means that the binding is missing.
	HTTP, HTTPS string
	// WebFQDN is the host in the URLs this site generates. A site with a listener needs one.
	WebFQDN string
	// PublishedPort is the port in generated URLs. Zero means 443, which is not shown.
	PublishedPort int
	// WebTicketHost replaces WebFQDN in the URLs that say where to get a ticket or token. Empty means WebFQDN.
	WebTicketHost string
	// Certificate is the leaf with its chain and key. The zero Certificate means that none is assigned: the TLS
	// handshake is reset.
	Certificate tls.Certificate
	// MinTLS and MaxTLS bound the versions offered, as tls.VersionTLS10 to tls.VersionTLS13. Zero means TLS 1.0 and
	// TLS 1.2, the range of the Windows versions these products run on.
	MinTLS, MaxTLS uint16
	// RequireSNI says that the HTTPS binding is bound to host names with no default binding beside it: a handshake
	// without server name is reset.
	RequireSNI bool
	// HostNames restricts the bindings to these host names; any other Host gets the "invalid hostname" page of
	// http.sys. Empty means every host, as the products set it up.
	HostNames []string
	// RequireSSL is IIS's "require SSL" on the whole site: every plain HTTP request gets 403.4. Without it discovery
	// answers over HTTP and the rest asks for SSL.
	RequireSSL bool
	// StoppedAppPools names the virtual directories whose application pool is stopped, as Applications lists them;
	// "*" means all. They get the 503 page of http.sys.
	StoppedAppPools []string
	// FailedApps names the virtual directories whose application did not start again after its pool was recycled;
	// "*" means all. They get the 500 page of ASP.NET.
	FailedApps []string
	// Filtering is the site's request filtering. The zero value has the defaults of IIS.
	Filtering RequestFiltering
	// WindowsAuth are the providers of Windows authentication in the order offered. Empty means Negotiate, NTLM.
	WindowsAuth []string
	// NTLM is the machine's "Restrict NTLM" policy for incoming traffic: "" accepts NTLMv2 and NTLMv1, "v2" the former
	// only, "deny" none. A refusal comes after the third leg, as for a wrong password.
	NTLM string
	// ExtendedProtection is IIS's setting: "" is off; "require" refuses NTLM whose channel binding is not that of the
	// TLS connection by which it came (RFC 5929, tls-server-end-point).
	ExtendedProtection string
	// Grants are the OAuth grant types the site offers. Empty means GrantWindows, GrantMeeting, GrantPassword.
	Grants []string
}

// The grant types of the token service (UCWA SDK, "Authentication in UCWA").
const (
	GrantPassword = "password"
	GrantWindows  = "urn:microsoft.rtc:windows"
	GrantMeeting  = "urn:microsoft.rtc:anonmeeting"
	GrantPassive  = "urn:microsoft.rtc:passive"
)

// RequestFiltering is IIS's filter in front of every application (IIS configuration reference, "requestFiltering").
// What it refuses is answered with 404 and the sub-status named below.
type RequestFiltering struct {
	// DenySequences are strings no path may contain, upper and lower case alike: 404.5.
	DenySequences []string
	// DenyVerbs are methods refused: 404.6.
	DenyVerbs []string
	// AllowDoubleEscaping admits paths that change when they are unescaped a second time. False refuses them: 404.11.
	AllowDoubleEscaping bool
	// MaxBody is the largest request body in bytes: 404.13. Zero means 30 000 000.
	MaxBody int64
	// MaxURL is the longest path in bytes: 404.14. Zero means 4096.
	MaxURL int
	// MaxQuery is the longest query in bytes: 404.15. Zero means 2048.
	MaxQuery int
}

// Kind is what a simple URL is for.
type Kind string

// The kinds of simple URLs. Admin is the control panel, which only the internal site has.
const (
	Meet      Kind = "meet"
	Dialin    Kind = "dialin"
	Admin     Kind = "admin"
	Scheduler Kind = "scheduler"
)

// SimpleURL is a simple URL as it is set in the topology, for example https://meet.contoso.example or
// https://lync.contoso.example/contoso/meet.
type SimpleURL struct {
	Kind Kind
	// Host is the host name without port.
	Host string
	// Path is the path below Host, such as /contoso/meet. Empty means that the whole host is the simple URL.
	Path string
}

// traits are what a Product stands for.
type traits struct {
	rank     int    // order of release
	server   string // Server header
	aspNet   string // X-AspNet-Version
	ucwa     bool   // UCWA documents, OAuth, xframe
	modern   bool   // HSTS, X-MS-Correlation-Id, client-request-id
	standard Document
	webApp   string // path of the web app's join page
	title    string // name of the web app
}

// traits returns what p stands for, false for an unknown product.
//
// IIS: 7.5 is in the published Lync 2013 captures (Windows Server 2008 R2), 8.5 in those of Skype for Business 2015; 10.0
// for 2019 follows from the Windows versions it supports.
func (p Product) traits() (traits, bool) {
	const aspNet2, aspNet4 = "2.0.50727", "4.0.30319"
	const reach, lwa = "/Reach/Client/WebPages/ReachJoin.aspx", "/lwa/WebPages/LwaClient.aspx"
	const lync, skype = "Lync Web App", "Skype for Business Web App"
	switch p {
	case Lync2010:
		return traits{rank: 2010, server: "Microsoft-IIS/7.5", aspNet: aspNet2, standard: LegacyJSON, webApp: reach, title: lync}, true
	case Lync2013, "":
		return traits{rank: 2013, server: "Microsoft-IIS/7.5", aspNet: aspNet4, ucwa: true, standard: UCWAJSON, webApp: lwa, title: lync}, true
	case SfB2015:
		return traits{rank: 2015, server: "Microsoft-IIS/8.5", aspNet: aspNet4, ucwa: true, modern: true, standard: UCWAJSON, webApp: lwa, title: skype}, true
	case SfB2019:
		return traits{rank: 2019, server: "Microsoft-IIS/10.0", aspNet: aspNet4, ucwa: true, modern: true, standard: UCWAJSON, webApp: lwa, title: skype}, true
	}
	return traits{}, false
}
