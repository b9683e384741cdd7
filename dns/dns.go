// Package dns is a stub name server with views: it answers for the zones it is given, over UDP and TCP, and tells
// what it was asked. With it a lab shows the inside and the outside of split DNS, healthy or wrong in any way an
// administrator or a network can make it wrong.
//
//	srv, err := dns.Start(ctx, dns.Config{Views: []dns.View{{
//		Name: "external", Addrs: []string{"127.0.0.1:0"},
//		Zones: []dns.Zone{{Name: "contoso.example", Records: []string{"lyncdiscover A 203.0.113.10"}}},
//	}}})
//	defer srv.Close()
//	fmt.Println(srv.Addr("external")) // dig @127.0.0.1 -p PORT lyncdiscover.contoso.example
//
// # Model
//
// A [View] is one name server's opinion of the world. It is chosen by the address a query arrives at and, where
// several views share an address, by the client's address. In a view the zone with the longest matching name answers
// (so a pin-point zone such as lyncdiscover.contoso.example beside contoso.example works as it does in practice),
// names below a wildcard follow RFC 4592, CNAMEs are followed through all zones of the view, NXDOMAIN (no such name)
// is told from NODATA (the name exists, the type does not), and both carry the zone's SOA (RFC 2308).
//
// Wrong data is expressed as data: a missing record, a wildcard, a CNAME to nowhere, a private address. What data
// cannot say, a [Behaviour] does: a response code, a delay, silence, truncation. The answer to a query is a pure
// function of view, query and behaviour.
//
// # Never an open resolver
//
// The server knows its zones and asks nobody else. A name outside the view's zones is REFUSED, and so is a client
// outside every view; a view that names no clients serves local and documentation networks only, see [View.Clients].
// An answer over UDP is at most 1232 bytes.
//
// # Limits
//
// No DNSSEC signatures, zone transfer, dynamic update, DNAME substitution or referral: records of such types are
// served as plain data, and a name below an NS record that is not the zone's apex is looked up in the zone all the
// same. The order of records is that of the zone; it does not rotate. It is a tool for tests and benches, not a
// name server for production.
package dns

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Config says what a [Server] serves. The zero Config is refused: there must be a view.
type Config struct {
	// Views are the opinions to serve; at least one.
	Views []View
	// Listen opens the TCP listeners; network is "tcp". Nil means the net package. A hook may put the listener
	// anywhere; the client addresses its connections report choose the view.
	Listen func(ctx context.Context, network, addr string) (net.Listener, error)
	// ListenPacket opens the UDP sockets; network is "udp". Nil means the net package. The client addresses the
	// socket reports choose the view.
	ListenPacket func(ctx context.Context, network, addr string) (net.PacketConn, error)
	// Now is the time written into the history. Nil means time.Now.
	Now func() time.Time
}

// View is what some clients are told at some addresses.
type View struct {
	// Name tells the views of a Config apart: unique, and empty for at most one.
	Name string
	// Addrs are the addresses to serve, each ip:port, UDP and TCP alike; at least one. Views that name the same
	// address share it, except with port 0: that is a listener of the view's own, with one free port for UDP and TCP.
	Addrs []string
	// UDPOnly leaves TCP closed at Addrs, as behind a firewall that knows DNS as "UDP 53". Views that share an
	// address must agree.
	UDPOnly bool
	// Clients are the networks this view answers. Of several views at one address, the one with the longest matching
	// prefix wins; other clients are REFUSED, or get the view without Clients, of which an address has at most one.
	//
	// Empty means networks that are not the public Internet: loopback, private use (RFC 1918, RFC 4193), shared
	// (RFC 6598), link-local, benchmarking and documentation addresses. So a view opened to the world by mistake
	// serves nobody there; to serve everybody, say 0.0.0.0/0 and ::/0.
	Clients []netip.Prefix
	// Zones are what the view knows; without zones it refuses every name, as a lame server does.
	Zones []Zone
	// Behaviours are tried in order for each question, the first that matches applies, as in a firewall's rule list.
	Behaviours []Behaviour
}

// Zone is the data of one zone. Records in Text and Records add up; a record twice counts once.
type Zone struct {
	// Name is the zone's apex, with or without the last dot; "." is the root.
	Name string
	// Text is zone file text as in RFC 1035 section 5: relative names end in Name until $ORIGIN says otherwise,
	// records without a TTL get that of $TTL, of the record before, or 3600 (those of $GENERATE always 3600, so give
	// them one). $INCLUDE is refused.
	Text string
	// Records are single records in zone file form, e.g. "lyncdiscover 300 IN A 203.0.113.10" or "@ TXT hello".
	// A SOA missing in Text and Records is made up.
	Records []string
	// Source is what errors call Text, e.g. a file name. Empty means the zone's name.
	Source string
}

// Behaviour bends what is said about some names. It looks at the question only: a CNAME's target is not looked at.
type Behaviour struct {
	// Name is the owner name asked for; "*.x" means every name below x, at any depth, but not x itself, and "*" every
	// name but the root. Names outside the view's zones may be named too.
	Name string
	// Type is the type asked for, e.g. "AAAA". Empty means every type.
	Type string
	// Times ends the behaviour after so many matching questions to the view, e.g. 1 with Drop: the first try is lost,
	// the second arrives. Zero means it never ends.
	Times int

	// RCode, e.g. "SERVFAIL" or "REFUSED", replaces the answer; "NXDOMAIN" comes with the zone's SOA, the others bare.
	// Empty means the answer the data give.
	RCode string
	// Delay holds the answer back; other queries do not wait. Zero means none.
	Delay time.Duration
	// Drop answers with silence.
	Drop bool
	// Truncate answers over UDP with TC and no records, even if they fit.
	Truncate bool
	// NoAA clears the "authoritative answer" flag, as a lame server does.
	NoAA bool
	// Bogus answers as a validating resolver does when a signature is broken: SERVFAIL with the extended error
	// "DNSSEC Bogus" (RFC 8914), but the plain answer to a query that has the flag CD (checking disabled).
	Bogus bool
}

// Query is one question the server received.
type Query struct {
	// Time is when it arrived.
	Time time.Time
	// View is the name of the view that answered. Known is false, and View empty, when the client was outside all.
	View  string
	Known bool
	// Client is who asked.
	Client netip.AddrPort
	// Network is "udp" or "tcp".
	Network string
	// Name and Type are the question, the name spelled as asked and with its last dot. Both are empty for a message
	// that had no readable single question.
	Name, Type string
	// RCode is the response code of the answer, e.g. "NXDOMAIN". Empty for a query that was dropped.
	RCode string
	// EDNSSize is the UDP size the client offered, in bytes. Zero means a query without EDNS.
	EDNSSize int
	// Truncated says that the answer had TC set.
	Truncated bool
	// Delay is how long the answer is held back.
	Delay time.Duration
}
