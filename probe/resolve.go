package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	maxAddresses = 8   // of one name: more than any deployment has, few enough to bound a hostile answer
	maxRecords   = 64  // kept of one answer: one over TCP holds thousands
	recordKept   = 512 // of a record's text: no address, alias or service record is longer
)

// pending is a question that is being asked or has been.
type pending struct {
	once   once
	lookup Lookup
}

// resolve asks for the addresses of a name, once however often it is called, and returns them.
func (o *observer) resolve(ctx context.Context, name string) []netip.Addr {
	name = strings.ToLower(name)
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}
	}
	var four, six *Lookup
	var both sync.WaitGroup
	both.Go(func() { four = o.lookup(ctx, name, "A") })
	both.Go(func() { six = o.lookup(ctx, name, "AAAA") })
	both.Wait()
	// Name servers turn the order of addresses from answer to answer; the order of visits must not follow.
	addrs := append(four.Addresses(), six.Addresses()...)
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	return addrs[:min(len(addrs), maxAddresses)]
}

// lookupSRV asks for a service record and for the addresses of its targets.
func (o *observer) lookupSRV(ctx context.Context, name string) {
	l := o.lookup(ctx, name, "SRV")
	targets := hostSet{most: maxAddresses}
	for _, r := range l.Answers {
		if fields := strings.Fields(r.Value); r.Type == "SRV" && len(fields) == 4 {
			targets.add(strings.ToLower(strings.TrimSuffix(fields[3], ".")))
		}
	}
	var all sync.WaitGroup
	for _, host := range targets.all() {
		all.Go(func() { o.resolve(ctx, host) })
	}
	all.Wait()
}

// lookup asks one question, once.
func (o *observer) lookup(ctx context.Context, name, kind string) *Lookup {
	key := name + " " + kind
	o.mu.Lock()
	p := o.lookups[key]
	if p == nil {
		p = &pending{once: newOnce()}
		o.lookups[key] = p
	}
	o.mu.Unlock()
	p.once.do(func() {
		started := time.Now()
		p.lookup = o.ask(ctx, name, kind)
		p.lookup.Name, p.lookup.Type = name, kind
		p.lookup.Elapsed = time.Since(started)
		if !p.lookup.Outcome.OK() && over(ctx) {
			return // what the end of the run cut off is no observation
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.section.Lookups = append(o.section.Lookups, p.lookup)
	})
	return &p.lookup
}

// ask answers from an override, the given name servers, those of the system, or the system's resolver.
func (o *observer) ask(ctx context.Context, name, kind string) Lookup {
	if to, ok := o.v.Connect[name]; ok {
		return override(name, kind, to)
	}
	if !validName(name) {
		return Lookup{Outcome: Outcome{Code: DNSOther, Text: "no valid domain name"}}
	}
	servers := o.v.Resolvers
	if len(servers) == 0 {
		if conf, err := miekg.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
			for _, s := range conf.Servers {
				servers = append(servers, net.JoinHostPort(s, conf.Port))
			}
		}
	}
	if len(servers) == 0 {
		return o.askSystem(ctx, name, kind)
	}
	var last Lookup
	for i, s := range servers {
		if i < len(servers)-1 && o.server(s).dead() {
			continue
		}
		last = o.askServer(ctx, s, name, kind)
		if code := last.Outcome.Code; code == OK || strings.HasPrefix(code, "dns.") {
			break // an answer, whatever it says
		}
	}
	return last
}

// override answers with the operator's own address.
func override(name, kind, to string) Lookup {
	if host, _, err := net.SplitHostPort(to); err == nil {
		to = host
	}
	a, err := netip.ParseAddr(to)
	l := Lookup{Server: "override"}
	switch {
	case err != nil:
		l.Outcome = Outcome{Code: DNSOther, Text: "the override is no address: " + to}
	case (kind == "A" && a.Is4()) || (kind == "AAAA" && a.Is6()):
		l.Outcome = Outcome{Code: OK}
		l.Answers = []RR{{Name: name, Type: kind, Value: a.String()}}
	default:
		l.Outcome = Outcome{Code: NoData}
	}
	return l
}

// askServer asks one name server.
func (o *observer) askServer(ctx context.Context, server, name, kind string) Lookup {
	l := Lookup{Server: server}
	answer, truncated, err := o.server(server).ask(ctx, name, kind)
	l.Truncated = truncated
	if err != nil {
		l.Outcome = classify(err)
		return l
	}
	l.Authoritative = answer.Authoritative
	for _, r := range answer.Answer[:min(len(answer.Answer), maxRecords)] {
		h := r.Header()
		value := strings.TrimPrefix(r.String(), h.String())
		l.Answers = append(l.Answers, RR{
			Name: strings.TrimSuffix(strings.ToLower(h.Name), "."), Type: miekg.Type(h.Rrtype).String(),
			Value: clean(value, recordKept), TTL: h.Ttl,
		})
	}
	for _, r := range answer.Ns {
		if r.Header().Rrtype == miekg.TypeSOA {
			l.SOA = strings.TrimSuffix(strings.ToLower(r.Header().Name), ".")
		}
	}
	l.Outcome = outcomeOfAnswer(answer, miekg.StringToType[kind])
	return l
}

// outcomeOfAnswer reads the response code; an answer without the type asked for is NoData (RFC 2308).
func outcomeOfAnswer(answer *miekg.Msg, kind uint16) Outcome {
	text := miekg.RcodeToString[answer.Rcode]
	switch answer.Rcode {
	case miekg.RcodeSuccess:
		for _, r := range answer.Answer {
			if r.Header().Rrtype == kind {
				return Outcome{Code: OK}
			}
		}
		return Outcome{Code: NoData, Text: "the name exists without such a record"}
	case miekg.RcodeNameError:
		return Outcome{Code: NXDomain, Text: text}
	case miekg.RcodeServerFailure:
		return Outcome{Code: ServFail, Text: text}
	case miekg.RcodeRefused:
		return Outcome{Code: DNSRefused, Text: text}
	}
	return Outcome{Code: DNSOther, Text: text}
}

// askSystem asks the operating system where no name server is known, as on Windows. It cannot tell a missing
// name from one without addresses, and shows no zone.
func (o *observer) askSystem(ctx context.Context, name, kind string) Lookup {
	ctx, cancel := context.WithTimeout(ctx, 2*o.limits.Query)
	defer cancel()
	var l Lookup
	var err error
	if kind == "SRV" {
		var records []*net.SRV
		_, records, err = net.DefaultResolver.LookupSRV(ctx, "", "", name)
		for _, r := range records {
			l.Answers = append(l.Answers, RR{Name: name, Type: kind, Value: clean(srvText(r), recordKept)})
		}
	} else {
		var addrs []netip.Addr
		network := map[string]string{"A": "ip4", "AAAA": "ip6"}[kind]
		addrs, err = net.DefaultResolver.LookupNetIP(ctx, network, name)
		for _, a := range addrs {
			l.Answers = append(l.Answers, RR{Name: name, Type: kind, Value: a.Unmap().String()})
		}
	}
	l.Outcome = classify(err)
	if de, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case de.IsNotFound:
			l.Outcome.Code = NXDomain
		case de.IsTimeout:
			l.Outcome.Code = Timeout
		default:
			l.Outcome.Code = ServFail
		}
	}
	return l
}
