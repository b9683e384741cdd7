package fakelync_test

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"lyncpin/fakelync"
)

// A phone outside asks the discovery name over plain HTTP and is sent to HTTPS with a document, not with a 302.
func ExampleStart() {
	srv, err := fakelync.Start(context.Background(), fakelync.Config{
		FQDN:       "fe1.corp.contoso.example",
		SIPDomains: []string{"contoso.example"},
		External:   fakelync.Site{HTTP: "127.0.0.1:0", WebFQDN: "lyncweb-ext.contoso.example"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	req, _ := http.NewRequest("GET", "http://"+srv.Addrs().ExternalHTTP+"/", nil)
	req.Host = "lyncdiscover.contoso.example"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, resp.Header.Get("X-MS-Server-Fqdn"))
	fmt.Println(string(body))
	for _, r := range srv.History() {
		fmt.Println(r.Site, r.Scheme, r.Host, r.RequestURI, r.Status)
	}
	// Output:
	// 200 fe1.corp.contoso.example
	// {"_links":{"redirect":{"href":"https://lyncweb-ext.contoso.example/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.example"}}}
	// external http lyncdiscover.contoso.example / 200
}

func ExampleLoadConfig() {
	_, err := fakelync.LoadConfig("fe1.yaml", []byte(`
fqdn: fe1.corp.contoso.example
sip_domains: [contoso.example]
external: {http: 8080, https: 4443, webfqdn: lyncweb-ext.contoso.example}
`))
	fmt.Println(err)
	// Output: fe1.yaml:4:37: unknown field "webfqdn"
}
