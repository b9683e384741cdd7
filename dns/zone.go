package dns

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	miekg "github.com/miekg/dns"
)

// defaultTTL, in seconds, is that of records which say none: one hour, as the DNS server of Windows Server has it.
const defaultTTL = 3600

// zone is a parsed Zone, read-only once made. All names are normal names.
type zone struct {
	name string
	soa  *miekg.SOA
	// nodes holds every name that exists, empty non-terminals (RFC 4592 section 2.2.2) with no records.
	nodes map[string][]miekg.RR
}

// zoneError is a mistake in a zone's data.
type zoneError struct {
	field string // "name", "text" or "records[2]"
	text  string
}

func (e *zoneError) Error() string { return e.text }

// newZone parses z.
func newZone(z Zone) (*zone, error) {
	name, err := normalName(z.Name)
	if err != nil {
		return nil, &zoneError{"name", fmt.Sprintf("zone name %q: %v", z.Name, err)}
	}
	out := &zone{name: name, nodes: map[string][]miekg.RR{name: nil}}
	said := "zone " + z.Name
	parser := miekg.NewZoneParser(strings.NewReader(z.Text), name, "")
	parser.SetDefaultTTL(defaultTTL)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if err := out.add(rr); err != nil {
			return nil, &zoneError{"text", fmt.Sprintf("%s: %s: %v", said, recordText(rr), err)}
		}
	}
	if err := parser.Err(); err != nil {
		return nil, &zoneError{"text", fmt.Sprintf("%s: %s", said, parseErrorText(z.Source, err))}
	}
	for i, text := range z.Records {
		if err := out.addText(text); err != nil {
			return nil, &zoneError{fmt.Sprintf("records[%d]", i), fmt.Sprintf("%s: record %q: %v", said, text, err)}
		}
	}
	if out.soa == nil {
		if err := out.addText("@ SOA ns hostmaster 1 3600 600 86400 300"); err != nil {
			// Only a name too long to stand below the apex can fail here.
			return nil, &zoneError{"name", fmt.Sprintf("%s: cannot make up a SOA: %v", said, err)}
		}
	}
	return out, nil
}

// addText adds the one record in text.
func (z *zone) addText(text string) error {
	parser := miekg.NewZoneParser(strings.NewReader(text+"\n"), z.name, "")
	parser.SetDefaultTTL(defaultTTL)
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return errors.New(strings.TrimPrefix(parseErrorText("", err), "line 1: ")) // it has but one
	}
	if !ok {
		return errors.New("no record in it")
	}
	if _, more := parser.Next(); more || parser.Err() != nil {
		return errors.New("more than one record in it")
	}
	return z.add(rr)
}

// add puts rr, normalised, at its owner.
func (z *zone) add(rr miekg.RR) error {
	rr, err := normalRecord(rr)
	if err != nil {
		return err
	}
	owner := rr.Header().Name
	if !miekg.IsSubDomain(z.name, owner) {
		return fmt.Errorf("%s is not in the zone", owner)
	}
	if soa, ok := rr.(*miekg.SOA); ok {
		if owner != z.name {
			return errors.New("a SOA belongs to the zone's apex")
		}
		if z.soa != nil && !miekg.IsDuplicate(z.soa, soa) {
			return errors.New("a second SOA")
		}
		z.soa = soa
	}
	for _, have := range z.nodes[owner] {
		if miekg.IsDuplicate(have, rr) {
			return nil
		}
	}
	z.nodes[owner] = append(z.nodes[owner], rr)
	for name := range upwards(owner) { // the empty non-terminals in between exist now
		if name == z.name {
			break
		}
		if _, ok := z.nodes[name]; !ok {
			z.nodes[name] = nil
		}
	}
	return nil
}

// lookup returns the records at name, a normal name in the zone, or those of the wildcard that covers it (RFC 4592
// section 3.3.1). It is false if the name does not exist.
func (z *zone) lookup(name string) ([]miekg.RR, bool) {
	if rrs, ok := z.nodes[name]; ok {
		return rrs, true
	}
	for encloser := range upwards(name) {
		if _, ok := z.nodes[encloser]; !ok {
			continue
		}
		// The closest encloser; only the wildcard right below it counts.
		rrs, ok := z.nodes[below("*", encloser)]
		return rrs, ok
	}
	return nil, false
}

// negative is the SOA of a negative answer, its TTL as RFC 2308 section 3 wants it.
func (z *zone) negative() miekg.RR {
	soa := miekg.Copy(z.soa)
	soa.Header().Ttl = min(z.soa.Hdr.Ttl, z.soa.Minttl)
	return soa
}

// normalName is name in the form names are compared in: with a last dot, letters small, escapes as the wire has them.
func normalName(name string) (string, error) {
	if name == "" {
		return "", errors.New("empty (the root is \".\")")
	}
	buf := make([]byte, 255+1) // RFC 1035 section 2.3.4, and one byte for PackDomainName's own check
	end, err := miekg.PackDomainName(miekg.Fqdn(name), buf, 0, nil, false)
	if err != nil {
		return "", errors.New("not a domain name")
	}
	out, _, err := miekg.UnpackDomainName(buf[:end], 0)
	if err != nil {
		return "", errors.New("not a domain name")
	}
	return miekg.CanonicalName(out), nil
}

// normalRecord sends rr over the wire and back, which settles the spelling of names and proves that it can be packed.
func normalRecord(rr miekg.RR) (miekg.RR, error) {
	head := rr.Header()
	switch {
	case head.Class != miekg.ClassINET:
		return nil, fmt.Errorf("class %s: only IN is served", miekg.Class(head.Class))
	case head.Rrtype == miekg.TypeNone, head.Rrtype == miekg.TypeOPT,
		head.Rrtype >= 249 && head.Rrtype <= 255: // TKEY, TSIG and the types only questions have
		return nil, fmt.Errorf("type %s cannot stand in a zone", miekg.Type(head.Rrtype))
	}
	buf := make([]byte, miekg.Len(rr)+64) // the length is an estimate for some types; a lab has many records
	end, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		buf = make([]byte, miekg.MaxMsgSize)
		end, err = miekg.PackRR(rr, buf, 0, nil, false)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be sent: %w", err)
	}
	out, _, err := miekg.UnpackRR(buf[:end], 0)
	if err != nil {
		return nil, fmt.Errorf("cannot be sent: %w", err)
	}
	if out.Header().Rdlength == 0 {
		return nil, errors.New("no data after the type")
	}
	out.Header().Name = miekg.CanonicalName(out.Header().Name)
	return out, nil
}

// upwards yields the names above name, a normal name, nearest first; the root is last.
func upwards(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for off, end := miekg.NextLabel(name, 0); !end; off, end = miekg.NextLabel(name, off) {
			if !yield(name[off:]) {
				return
			}
		}
		if name != "." {
			yield(".")
		}
	}
}

// below is label under parent.
func below(label, parent string) string {
	if parent == "." {
		return label + "."
	}
	return label + "." + parent
}

// recordText is rr on one line with single spaces, for errors.
func recordText(rr miekg.RR) string { return strings.Join(strings.Fields(rr.String()), " ") }

// parseErrorText turns miekg's "dns: bad A A: "x" at line: 3:5" into "line 3: bad A A: "x"", and names the source.
func parseErrorText(source string, err error) string {
	text := strings.TrimPrefix(err.Error(), "dns: ")
	at := strings.LastIndex(text, " at line: ")
	if at < 0 {
		return text
	}
	what, where := text[:at], text[at+len(" at line: "):]
	if source != "" {
		return fmt.Sprintf("%s:%s: %s", source, where, what)
	}
	line, _, _ := strings.Cut(where, ":")
	return fmt.Sprintf("line %s: %s", line, what)
}
