package dns

import (
	miekg "github.com/miekg/dns"
)

const (
	// maxUDP is the largest answer over UDP in bytes, whatever the client offers: it fits the smallest IPv6 packet,
	// so nothing is fragmented, and it is no good for amplification (the figure of DNS Flag Day 2020).
	maxUDP = 1232
	// maxChain is the most CNAMEs followed for one question; BIND stops at 16 too.
	maxChain = 16
)

// parse reads a query. It returns nil for what deserves no answer: too short for a header, or itself a response.
// A message that is broken after its header comes back without sections, which answer takes for a format error.
func parse(wire []byte) *miekg.Msg {
	const header = 12 // RFC 1035 section 4.1.1
	if len(wire) < header {
		return nil
	}
	q := new(miekg.Msg)
	if q.Unpack(wire) != nil {
		bare := make([]byte, header)
		copy(bare, wire[:4]) // identifier and flags; the counts stay zero
		q = new(miekg.Msg)
		if q.Unpack(bare) != nil {
			return nil
		}
	}
	if q.Response {
		return nil
	}
	return q
}

// plain tells a question the zones can be asked from one that only a response code can meet.
func plain(q *miekg.Msg) bool {
	opt, ok := edns(q)
	return q.Opcode == miekg.OpcodeQuery && len(q.Question) == 1 && q.Question[0].Qclass == miekg.ClassINET &&
		ok && (opt == nil || opt.Version() == 0)
}

// edns returns the OPT record of q, or nil. It is false if there are several, which RFC 6891 section 6.1.1 calls a
// format error.
func edns(q *miekg.Msg) (*miekg.OPT, bool) {
	var opt *miekg.OPT
	for _, rr := range q.Extra {
		if o, ok := rr.(*miekg.OPT); ok {
			if opt != nil {
				return opt, false
			}
			opt = o
		}
	}
	return opt, true
}

// answer is what v says to q, as r bends it: a pure function. A nil v is a client outside every view, a nil r no
// behaviour. The size is not looked at; see pack.
func answer(v *view, q *miekg.Msg, r *rule, network string) *miekg.Msg {
	m := new(miekg.Msg)
	m.Id, m.Opcode, m.Response = q.Id, q.Opcode, true
	m.RecursionDesired = q.RecursionDesired
	if len(q.Question) == 1 {
		m.Question = []miekg.Question{q.Question[0]}
	}
	opt, single := edns(q)
	if opt != nil {
		out := &miekg.OPT{Hdr: miekg.RR_Header{Name: ".", Rrtype: miekg.TypeOPT}}
		out.SetUDPSize(maxUDP)
		if opt.Do() {
			out.SetDo() // RFC 3225 section 3
		}
		m.Extra = []miekg.RR{out}
	}
	switch {
	case v == nil:
		return refuse(m, miekg.RcodeRefused, miekg.ExtendedErrorCodeProhibited)
	case q.Opcode != miekg.OpcodeQuery:
		m.Rcode = miekg.RcodeNotImplemented
		return m
	case len(q.Question) != 1 || !single: // RFC 9619 for the question
		m.Rcode = miekg.RcodeFormatError
		return m
	case opt != nil && opt.Version() != 0:
		m.Rcode = miekg.RcodeBadVers
		return m
	}
	m.CheckingDisabled = q.CheckingDisabled
	question := q.Question[0]
	switch {
	case question.Qclass != miekg.ClassINET, question.Qtype == miekg.TypeAXFR, question.Qtype == miekg.TypeIXFR:
		return refuse(m, miekg.RcodeRefused, miekg.ExtendedErrorCodeNotSupported)
	case r == nil:
		v.resolve(m)
		return m
	case r.Bogus && !q.CheckingDisabled:
		return refuse(m, miekg.RcodeServerFailure, miekg.ExtendedErrorCodeDNSBogus)
	case r.Truncate && network == "udp":
		v.resolve(m)
		m.Answer, m.Ns, m.Truncated = nil, nil, true
	case r.forced:
		m.Rcode = r.rcode
		name, err := normalName(question.Name)
		if z := v.zone(name); err == nil && z != nil && r.rcode == miekg.RcodeNameError {
			m.Authoritative = true
			m.Ns = []miekg.RR{z.negative()}
		}
	default:
		v.resolve(m)
	}
	if r.NoAA {
		m.Authoritative = false
	}
	return m
}

// resolve fills m, whose question is of class IN, from the view's zones, and follows CNAMEs through them.
func (v *view) resolve(m *miekg.Msg) {
	question := m.Question[0]
	spelled := question.Name // as the client or the CNAME before spelled it
	seen := map[string]bool{}
	for len(seen) <= maxChain {
		name, err := normalName(spelled)
		if err != nil || seen[name] {
			return // a loop: the chain says it all
		}
		z := v.zone(name)
		if z == nil {
			if len(seen) == 0 {
				refuse(m, miekg.RcodeRefused, miekg.ExtendedErrorCodeNotAuthoritative)
			}
			return // the target is someone else's: the client goes on by itself
		}
		if len(seen) == 0 {
			m.Authoritative = true
		}
		seen[name] = true
		node, exists := z.lookup(name)
		if !exists {
			m.Rcode = miekg.RcodeNameError // of the last name in the chain, RFC 6604 section 3
			m.Ns = []miekg.RR{z.negative()}
			return
		}
		target := ""
		found := false
		for _, rr := range node {
			if rr.Header().Rrtype == question.Qtype || question.Qtype == miekg.TypeANY {
				m.Answer = append(m.Answer, owned(rr, spelled))
				found = true
			}
		}
		if found {
			return
		}
		for _, rr := range node {
			if alias, ok := rr.(*miekg.CNAME); ok {
				m.Answer = append(m.Answer, owned(rr, spelled))
				if target == "" { // a second CNAME at one name is a mistake; it is shown, and the first followed
					target = alias.Target
				}
			}
		}
		if target == "" {
			m.Ns = []miekg.RR{z.negative()} // NODATA, RFC 2308 section 2.2
			return
		}
		spelled = target
	}
}

// owned is a copy of rr for owner: of a wildcard's record for the name asked for, or in the client's spelling.
func owned(rr miekg.RR, owner string) miekg.RR {
	rr = miekg.Copy(rr)
	rr.Header().Name = owner
	return rr
}

// refuse makes m a bare response code, with the reason (RFC 8914) if the client speaks EDNS.
func refuse(m *miekg.Msg, rcode int, reason uint16) *miekg.Msg {
	m.Rcode = rcode
	if opt, _ := edns(m); opt != nil {
		opt.Option = append(opt.Option, &miekg.EDNS0_EDE{InfoCode: reason})
	}
	return m
}

// sizeFor is the largest answer to q in bytes.
func sizeFor(q *miekg.Msg, network string) int {
	if network == "tcp" {
		return miekg.MaxMsgSize
	}
	opt, _ := edns(q)
	if opt == nil {
		return miekg.MinMsgSize
	}
	return min(max(int(opt.UDPSize()), miekg.MinMsgSize), maxUDP)
}

// pack returns m in at most size bytes. It leaves out what does not fit and sets TC in m; what cannot be packed at
// all becomes SERVFAIL. It returns nil only if not even the question can be said.
func pack(m *miekg.Msg, size int) []byte {
	m.Truncate(size)
	m.Compress = true
	wire, err := m.Pack()
	if err == nil && len(wire) <= size {
		return wire
	}
	m.Answer, m.Ns = nil, nil
	if err != nil {
		m.Rcode, m.Authoritative = miekg.RcodeServerFailure, false
	} else {
		m.Truncated = true
	}
	if wire, err = m.Pack(); err != nil || len(wire) > size {
		return nil
	}
	return wire
}
