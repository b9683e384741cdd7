package topology

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// View is one side of split DNS.
type View struct {
	// Resolver is the address of the name server, port 53.
	Resolver netip.Addr `yaml:"resolver"`
	// Zones are the zones it is authoritative for. Names outside get REFUSED.
	Zones   []string `yaml:"zones"`
	Records []Record `yaml:"records"`
	// Answers are names the server treats in a special way.
	Answers []Answer `yaml:"answers,omitempty"`
}

// Record is a DNS record; Name and host names in Value are written without the last dot.
type Record struct {
	Name string `yaml:"name"`
	// Type is A, AAAA, CNAME, SRV, TXT …
	Type string `yaml:"type"`
	// Value is in zone-file form: "203.0.113.10", "0 0 443 sip.contoso.example".
	Value string `yaml:"value"`
}

// Answer is the special treatment of one name: a broken zone, a slow or silent server.
type Answer struct {
	// Name may be a wildcard.
	Name string `yaml:"name"`
	// RCode replaces the response code, SERVFAIL for one.
	RCode string        `yaml:"rcode,omitempty"`
	Delay time.Duration `yaml:"delay,omitempty"`
	Drop  bool          `yaml:"drop,omitempty"`
}

// Remove deletes all records of the names.
func (v *View) Remove(names ...string) {
	v.Records = slices.DeleteFunc(v.Records, func(r Record) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, r.Name) })
	})
}

// Set replaces all records of the name by one.
func (v *View) Set(name, kind, value string) {
	v.Remove(name)
	v.Add(name, kind, value)
}

// Add appends a record.
func (v *View) Add(name, kind, value string) {
	v.Records = append(v.Records, Record{Name: name, Type: kind, Value: value})
}

// Address gives the names one A or AAAA record each, in place of what they had.
func (v *View) Address(to netip.Addr, names ...string) {
	kind := "A"
	if to.Is6() {
		kind = "AAAA"
	}
	for _, n := range names {
		v.Set(n, kind, to.String())
	}
}

// Has tells whether the view has a record of the name.
func (v *View) Has(name string) bool {
	return slices.ContainsFunc(v.Records, func(r Record) bool { return strings.EqualFold(r.Name, name) })
}
