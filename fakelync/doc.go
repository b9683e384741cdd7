// Package fakelync is one Front End (or Director) of Lync Server or Skype for Business Server, as far as its web
// services are seen by clients: anonymous ones, and those that sign in.
//
//	srv, err := fakelync.Start(ctx, fakelync.Config{
//		FQDN:       "fe1.corp.contoso.example",
//		SIPDomains: []string{"contoso.example"},
//		External:   fakelync.Site{HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", WebFQDN: "lyncweb-ext.contoso.example", Certificate: cert},
//	})
//	defer srv.Close()
//
// # Model
//
// One Server is one machine with two IIS web sites and up to four listeners: the internal site (80 and 443 in a
// deployment) and the external one (8080 and 4443). The listener decides the site. The Host header never does; it only
// says which host-bound name was meant: lyncdiscover.<domain> and lyncdiscoverinternal.<domain> map "/" to the
// discovery service and give the answer its originalDomain, and a simple URL's host maps to the meeting join, dial-in,
// control panel or scheduler pages. Every generated link names the configured web FQDN of the site that answers, and
// the published port, never the asked host. So a publishing rule that ends on the wrong site, or rewrites Host, shows
// here as it shows on a real machine. Several nodes, pools or Directors are several Servers.
//
// What they share is an [Organisation]: accounts, pools, tickets, applications. A Server without one has no accounts.
//
// A request passes the same stations as in Windows, and each station answers in its own hand:
//
//   - TLS: a site without a certificate, or with RequireSNI and a client that names no host, resets the connection;
//     so does plain HTTP sent to an HTTPS listener.
//   - http.sys: an over-long header, a host outside the bindings, a stopped application pool. Its pages say
//     Server: Microsoft-HTTPAPI/2.0 and know no X-MS-Server-Fqdn.
//   - IIS: request filtering (404.5 to 404.15), "require SSL" (403.4), unknown paths (404). Its pages carry the site's
//     own headers, X-MS-Server-Fqdn among them.
//   - the application: discovery documents, challenges, service pages.
//
// Nothing here is a switch that breaks the server: what goes wrong is what was configured wrongly.
//
// # Signing in
//
// Clients log on with Windows authentication (NTLM, bare in either scheme or in SPNEGO), which belongs to its TCP
// connection, or with a password in a SOAP header or in a form. They get a web ticket, compact or as a SAML assertion,
// or an OAuth token, which every machine of the pool takes and no other pool does. With it they read the user document
// and use what it names. The history tells whom each request was from, and [Server.Connections] who was on which
// connection; passwords, tickets and NTLM messages are not kept.
//
// # Long polls
//
// A request whose answer is not due yet is taken from net/http, connection and all, and costs a small goroutine and what
// crypto/tls keeps: about 16 KB. When it is answered and the client asks again, net/http goes on with the connection.
//
// # Sources
//
// Discovery: [MS-OCDISCWS] 3.1.5.2 to 3.1.5.4, [MS-OCAUTHWS] 1.5, TechNet "Understanding Autodiscover in Lync Server
// 2013", UCWA SDK "Root URL" and "Create an application". Challenges: [MS-OCAUTHWS] 1.5 and UCWA SDK "Authentication in
// UCWA". Applications, events, messages and batches: UCWA SDK, the pages of those names; Mcx sessions have no source and
// are inferred. NTLM: [MS-NLMP] 2.2 and 3. SPNEGO: RFC 4178. Windows authentication over HTTP: RFC 4559; channel bindings: RFC
// 5929. Meeting join: [MS-CONFBAS] 4.1. Virtual directories: TechNet gg399038, gg429697 and gg429698. Limits of IIS: IIS
// configuration reference, "requestFiltering". Where no source fixes a detail the code says so with the word inferred.
//
// # Limits
//
// HTTP/1.1 only. There is no Kerberos and no log-on with certificates, tickets are neither signed nor encrypted, and SIP
// is not spoken. Header names in the history have Go's canonical case. A request that net/http cannot parse, or that
// lacks Host in HTTP/1.1, is answered 400 by net/http itself and leaves no trace. It is a test double: it holds no
// secrets and defends nothing, so keep it on loopback or in a lab.
package fakelync
