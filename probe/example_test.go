package probe_test

import (
	"fmt"
	"time"

	"lyncpin/probe"
)

// missingOutside finds that the discovery name does not exist on the Internet.
var missingOutside = probe.Rule{
	ID: "dns.lyncdiscover-missing", Severity: probe.Critical, Title: "the discovery name does not exist outside",
	Remedy: "add the record to the external zone", Reads: probe.Lookups,
	Detect: func(v *probe.View) probe.Verdict {
		out := v.At(probe.External)
		name := out.Resolve("lyncdiscover." + v.Domains()[0])
		switch {
		case !name.Asked():
			return probe.Unknown("the name was not looked up outside")
		case name.Missing():
			return probe.Found(out.SawLookup(name, "%s does not exist", name.Name))
		}
		return probe.Clear()
	},
}

// seenFrom is a record of one lookup.
func seenFrom(vantage, code string) *probe.Record {
	return &probe.Record{
		Schema: probe.RecordSchema, Target: probe.Target{SIPDomains: []string{"contoso.example"}},
		Sections: []*probe.Section{{
			Vantage: vantage, Started: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
			Lookups: []probe.Lookup{{Name: "lyncdiscover.contoso.example", Type: "A", Outcome: probe.Outcome{Code: code}}},
		}},
	}
}

// A record that was saved is judged with the rules of today.
func ExampleDiagnose() {
	report := probe.Diagnose(seenFrom(probe.External, probe.NXDomain), []probe.Rule{missingOutside})
	fmt.Println(report.Verdict)
	fmt.Println(report.Summary)
	fmt.Println(report.Findings[0].Evidence[0].Step)
	// Output:
	// found
	// The discovery name does not exist outside: lyncdiscover.contoso.example does not exist.
	// external/lookup/lyncdiscover.contoso.example/A
}

// One machine stood outside, another inside: together they are one diagnosis.
func ExampleMerge() {
	record, err := probe.Merge(seenFrom(probe.Internal, probe.NXDomain), seenFrom(probe.External, probe.OK))
	if err != nil {
		fmt.Println(err)
		return
	}
	report := probe.Diagnose(record, []probe.Rule{missingOutside})
	fmt.Println(report.Summary)
	// Output:
	// All is well: 1 failure mode was looked for from external, internal, and none is there.
}
