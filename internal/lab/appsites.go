package lab

import (
	"fmt"
	"html"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"

	"lyncpin/internal/topology"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// appHandler is what a web client meets at an app.
func (l *Lab) appHandler(a *topology.App) http.Handler {
	switch a.Kind {
	case topology.OfficeWebApps:
		return officeWebApps(a)
	case topology.Exchange:
		return exchange(a)
	case topology.Website:
		return website(a)
	case topology.OnlineService:
		return onlineService(a)
	}
	return appliance(a)
}

// bareHost is the Host of a request in lower case, without port.
func bareHost(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(host)
}

// page answers with HTML and the headers given as pairs of name and value.
func page(w http.ResponseWriter, status int, body string, pairs ...string) {
	answer(w, status, "text/html", body, pairs...)
}

func answer(w http.ResponseWriter, status int, contentType, body string, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		w.Header().Add(pairs[i], pairs[i+1])
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	io.WriteString(w, body) // a client that has gone misses nothing
}

const (
	iis            = "Microsoft-IIS/8.5"
	wopiSource     = "WopiSrc"
	presenterPath  = "/m/presenter.aspx"
	iisNotFound    = "<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head><body><h2>404 - File or directory not found.</h2></body></html>\r\n"
	apacheNotFound = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
)

// officeWebApps is a farm of Office Web Apps Server: its WOPI discovery ([MS-WOPI] 3.1.5.1), and the page that shows a
// presentation, which wants the address of the file as one parameter, encoded as the client sent it.
func officeWebApps(a *topology.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		marks := []string{"Server", iis, "X-Powered-By", "ASP.NET", "X-OfficeVersion", "15.0.4569.1000", "X-OfficeFE", label(a.FQDN)}
		switch strings.ToLower(r.URL.Path) {
		case "/hosting/discovery", "/hosting/discovery/":
			answer(w, http.StatusOK, "text/xml", wopiDiscovery(a.FQDN), marks...)
		case presenterPath:
			source, err := url.Parse(r.URL.Query().Get(wopiSource))
			if err != nil || source.Scheme != "https" || source.Host == "" || strings.Contains(r.URL.RawQuery, "://") {
				page(w, http.StatusBadRequest, "<html><body>Bad Request</body></html>", marks...)
				return
			}
			page(w, http.StatusOK, "<!DOCTYPE html><html><head><title>PowerPoint Presentation</title></head><body></body></html>", marks...)
		default:
			page(w, http.StatusNotFound, iisNotFound, marks...)
		}
	})
}

func wopiDiscovery(host string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><wopi-discovery>`)
	for _, zone := range []string{"internal-https", "external-https"} {
		fmt.Fprintf(&b, `<net-zone name="%s"><app name="PowerPoint" checkLicense="true">`, zone)
		for _, action := range []string{"attend", "present"} {
			fmt.Fprintf(&b, `<action name="%s" ext="pptx" urlsrc="https://%s/m/%s?a=0&amp;&lt;embed=EMBEDDED&amp;&gt;"/>`,
				action, host, map[string]string{"attend": "ParticipantFrame.aspx", "present": "Presenter.aspx"}[action])
		}
		b.WriteString(`</app></net-zone>`)
	}
	b.WriteString(`</wopi-discovery>`)
	return b.String()
}

// label is the machine name of an FQDN as Windows shows it.
func label(fqdn string) string {
	first, _, _ := strings.Cut(fqdn, ".")
	return strings.ToUpper(first)
}

// exchange is a Client Access server: Autodiscover that wants credentials, and Outlook on the web.
func exchange(a *topology.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		marks := []string{"Server", iis, "X-Powered-By", "ASP.NET", "X-FEServer", label(a.FQDN)}
		p := strings.ToLower(r.URL.Path)
		switch {
		case p == "/":
			page(w, http.StatusFound, "", append(marks, "Location", "https://"+bareHost(r)+"/owa/")...)
		case p == "/owa" || strings.HasPrefix(p, "/owa/"):
			page(w, http.StatusOK, "<!DOCTYPE HTML><html><head><title>Outlook</title></head><body></body></html>", marks...)
		case strings.HasPrefix(p, "/autodiscover/"), strings.HasPrefix(p, "/ews/"):
			page(w, http.StatusUnauthorized, "", append(marks, "WWW-Authenticate", "Negotiate", "WWW-Authenticate", "NTLM",
				"WWW-Authenticate", fmt.Sprintf(`Basic realm="%s"`, bareHost(r)))...)
		default:
			page(w, http.StatusNotFound, iisNotFound, marks...)
		}
	})
}

// website is the company's web site. One whose name begins with www sends all other names there, any other shows its
// page to whatever name was asked.
func website(a *topology.App) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const server = "Apache"
		switch {
		case strings.HasPrefix(a.FQDN, "www.") && bareHost(r) != strings.ToLower(a.FQDN):
			page(w, http.StatusMovedPermanently, "", "Server", server, "Location", "https://"+a.FQDN+r.URL.RequestURI())
		case r.URL.Path == "/" || r.URL.Path == "/index.html":
			page(w, http.StatusOK, "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>Welcome</h1></body></html>\n", "Server", server)
		default:
			page(w, http.StatusNotFound, apacheNotFound, "Server", server)
		}
	})
}

// appliance is the log-in page of a firewall, which it shows whatever was asked for.
func appliance(a *topology.App) http.Handler {
	body := "<!DOCTYPE html>\n<html><head><title>" + html.EscapeString(a.FQDN) + " - Login</title></head><body>" +
		`<form method="post" action="/index.php"><input name="usernamefld"><input name="passwordfld" type="password"><input type="submit" value="Sign In"></form></body></html>` + "\n"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page(w, http.StatusOK, body, "Server", "nginx", "X-Frame-Options", "SAMEORIGIN", "Cache-Control", "no-store")
	})
}

// onlineRoot is where the discovery service of the cloud lives, as on premises.
const onlineRoot = "/Autodiscover/AutodiscoverService.svc/root"

// onlineService is discovery in the cloud, whose links are on hosts of its own, whatever name was asked. It may send
// everybody on, to where the company's servers are or are thought to be.
func onlineService(a *topology.App) http.Handler {
	base := "https://" + a.FQDN
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		marks := []string{"Server", "Microsoft-IIS/10.0", "X-MS-Server-Fqdn", "fes01.infra." + a.FQDN}
		if a.Refuses != 0 {
			page(w, a.Refuses, "", marks...)
			return
		}
		switch strings.TrimSuffix(strings.ToLower(r.URL.Path), "/") {
		case "", strings.ToLower(onlineRoot):
			next := a.Redirect
			if r.TLS == nil {
				next = base + onlineRoot // over plain HTTP it only leads to itself
			}
			contentType, body := onlineDocument(base, next, r.Header.Get("Accept"))
			answer(w, http.StatusOK, contentType, body, marks...)
		case strings.ToLower(onlineRoot) + "/user", strings.ToLower(onlineRoot) + "/oauth/user":
			page(w, http.StatusUnauthorized, "", append(marks, "WWW-Authenticate",
				fmt.Sprintf(`MsRtcOAuth href="%s/webticket/oauthtoken",grant_type="urn:microsoft.rtc:passive"`, base))...)
		default:
			page(w, http.StatusNotFound, iisNotFound, marks...)
		}
	})
}

// onlineDocument is the root document in the form asked for: legacy XML when the client accepts nothing else, or UCWA
// JSON. With a next hop it holds that alone.
func onlineDocument(base, next, accept string) (contentType, body string) {
	type link struct{ token, href string }
	if strings.Contains(accept, "xml") && !strings.Contains(accept, "json") {
		links := []link{{"Domain", base + onlineRoot + "/domain"}, {"User", base + onlineRoot + "/user"}, {"OAuth", base + onlineRoot + "/oauth/user"}}
		if next != "" {
			links = []link{{"Redirect", next}}
		}
		var b strings.Builder
		b.WriteString(`<?xml version="1.0" encoding="utf-8"?><AutodiscoverResponse xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" AccessLocation="External"><Root>`)
		for _, l := range links {
			fmt.Fprintf(&b, `<Link token="%s" href="%s"/>`, l.token, html.EscapeString(l.href))
		}
		b.WriteString(`</Root></AutodiscoverResponse>`)
		return "application/vnd.microsoft.rtc.autodiscover+xml; v=1", b.String()
	}
	links := []link{{"self", base + onlineRoot}, {"user", base + onlineRoot + "/oauth/user"}, {"xframe", base + "/Autodiscover/XFrame/XFrame.html"}}
	if next != "" {
		links = []link{{"redirect", next}}
	}
	var parts []string
	for _, l := range links {
		parts = append(parts, fmt.Sprintf(`"%s":{"href":%q}`, l.token, l.href)) // a URL is ASCII: Go quotes it as JSON does
	}
	return "application/json; charset=utf-8", `{"_links":{` + strings.Join(parts, ",") + `}}`
}
