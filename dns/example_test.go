package dns_test

import (
	"context"
	"fmt"
	"net"

	"lyncpin/dns"
)

func Example() {
	ctx := context.Background()
	srv, err := dns.Start(ctx, dns.Config{Views: []dns.View{{
		Name:  "external",
		Addrs: []string{"127.0.0.1:0"},
		Zones: []dns.Zone{{Name: "contoso.example", Records: []string{
			"lyncdiscover CNAME lyncweb-ext",
			"lyncweb-ext A 203.0.113.10",
		}}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()

	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Addr("external"))
	}}
	addrs, err := resolver.LookupNetIP(ctx, "ip4", "lyncdiscover.contoso.example.")
	fmt.Println(addrs, err)
	for _, q := range srv.History() {
		fmt.Println(q.View, q.Network, q.Name, q.Type, q.RCode)
	}
	// Output:
	// [203.0.113.10] <nil>
	// external udp lyncdiscover.contoso.example. A NOERROR
}

func ExampleLoadConfig() {
	cfg, err := dns.LoadConfig("lab.yaml", []byte(`
views:
  - name: external
    listen: ["127.0.0.1:5353"]
    zones:
      - name: contoso.example
        records: [lyncdiscover A 203.0.113.10]
`))
	fmt.Println(cfg.Views[0].Zones[0].Records, err)

	_, err = dns.LoadConfig("lab.yaml", []byte(`
views:
  - name: external
    listen: ["127.0.0.1:5353"]
    zones:
      - name: contoso.example
        records: [lyncdiscover A 203.0.113.256]
`))
	fmt.Println(err)
	// Output:
	// [lyncdiscover A 203.0.113.10] <nil>
	// lab.yaml:7:19: views[0].zones[0].records[0]: view "external": zone contoso.example: record "lyncdiscover A 203.0.113.256": bad A A: "203.0.113.256"
}
