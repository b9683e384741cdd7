package probe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Merge joins records of one deployment, taken at several places or by several machines, into a new one. Of two
// sections from the same vantage the later run counts, for a mixture would describe no moment that ever was.
func Merge(records ...*Record) (*Record, error) {
	if len(records) == 0 {
		return nil, errors.New("probe: no record to merge")
	}
	out := &Record{Schema: RecordSchema, Certificates: map[string]Certificate{}}
	for _, r := range records {
		if r.Schema != RecordSchema {
			return nil, fmt.Errorf("probe: the record has schema %q, this version reads %q", r.Schema, RecordSchema)
		}
		if err := out.Target.merge(r.Target); err != nil {
			return nil, err
		}
		for k, c := range r.Certificates {
			out.Certificates[k] = c
		}
		for _, s := range r.sound().Sections {
			i := slices.IndexFunc(out.Sections, func(have *Section) bool { return have.Vantage == s.Vantage })
			switch {
			case i < 0:
				out.Sections = append(out.Sections, s)
			case s.Started.After(out.Sections[i].Started):
				out.Sections[i] = s
			}
		}
	}
	slices.SortStableFunc(out.Sections, func(a, b *Section) int {
		return slices.Index(Places(), a.Vantage) - slices.Index(Places(), b.Vantage)
	})
	return out, nil
}

// merge adds what another record says of the same deployment.
func (t *Target) merge(other Target) error {
	if len(t.SIPDomains) > 0 && !slices.ContainsFunc(t.SIPDomains, func(d string) bool { return slices.Contains(other.SIPDomains, d) }) {
		return fmt.Errorf("probe: the records are of different deployments: %q and %q", t.SIPDomains, other.SIPDomains)
	}
	union := func(into *[]string, from []string) {
		for _, s := range from {
			if !slices.Contains(*into, s) {
				*into = append(*into, s)
			}
		}
	}
	if t.User == "" {
		t.User = other.User
	}
	t.Meeting = cmp.Or(t.Meeting, other.Meeting)
	union(&t.SIPDomains, other.SIPDomains)
	e, f := &t.Expected, other.Expected
	union(&e.ExternalWeb, f.ExternalWeb)
	union(&e.InternalWeb, f.InternalWeb)
	union(&e.Meet, f.Meet)
	union(&e.Dialin, f.Dialin)
	union(&e.OfficeWebApps, f.OfficeWebApps)
	union(&e.Exchange, f.Exchange)
	union(&e.FrontEnds, f.FrontEnds)
	for _, w := range f.WebServers {
		if !slices.Contains(e.WebServers, w) {
			e.WebServers = append(e.WebServers, w)
		}
	}
	e.HTTPOnlyDiscovery = e.HTTPOnlyDiscovery || f.HTTPOnlyDiscovery
	e.Hybrid = e.Hybrid || f.Hybrid
	e.Lync2010Phones = e.Lync2010Phones || f.Lync2010Phones
	return nil
}
