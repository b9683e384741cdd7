// Package probe examines a Lync or Skype for Business deployment from one or several vantages and judges what it saw.
//
//	rec, err := probe.Observe(ctx, probe.Target{SIPDomains: []string{"contoso.example"}}, vantages, probe.Limits{})
//	report := probe.Diagnose(rec, rules)
//
// Checks gather: they talk to the network and append observations to a Record; they never judge. Rules judge: they
// are pure functions from a View of a Record to a Verdict; they never dial. So a record saved on Friday is judged
// again on Monday with newer rules, and the records of two machines merge into one diagnosis.
//
// The package knows the protocol from its documents and shares no code with the fake servers of this module:
// a misunderstanding written once would be confirmed by itself.
package probe
