package failure

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lyncpin/probe"
)

// subcodePattern reads the subcode of UCWA's error bodies in both dialects: {"subcode":"…"} and <subcode>…</subcode>.
// UCWA, "Errors and informational messages".
var subcodePattern = regexp.MustCompile(`(?i)(?:"subcode"\s*:\s*"|<subcode>\s*)(\w+)`)

// subcodeOf is the subcode of an error that UCWA made; empty when there is none.
func subcodeOf(x *probe.Exchange) string {
	if x == nil || x.Status < 400 || probe.LooksLikeHTML(x) {
		return ""
	}
	if m := subcodePattern.FindStringSubmatch(x.Body); m != nil {
		return m[1]
	}
	return ""
}

// ucwaPurposes are those of all requests to UCWA that somebody makes who has signed in.
var ucwaPurposes = []string{
	probe.SignInApplication, probe.SignInUCWA, probe.SignInEvents, probe.SignInRepeat, probe.SignInPut,
}

// creationRefused finds the applications that were refused with one of the subcodes, one sentence for each account and
// place. Accounts that were given one at the same place are evidence too.
func creationRefused(v *probe.View, what string, subcodes ...string) probe.Verdict {
	refused := judgeFailures(v, func(s step) string {
		if !slices.Contains(subcodes, subcodeOf(s.answer)) {
			return ""
		}
		return fmt.Sprintf("the application of %s as %s client is refused with %d %s: %s", s.account, s.client, s.answer.Status, subcodeOf(s.answer), what)
	}, probe.StepApplication, probe.StepAvailable)
	if !refused.IsFound() {
		return refused
	}
	evidence := refused.Evidence()
	for _, s := range stepsNamed(v, probe.StepApplication) {
		if s.Result == probe.StepOK && !slices.ContainsFunc(evidence, func(e probe.Evidence) bool { return strings.Contains(e.Text, s.account) }) {
			evidence = append(evidence, s.at.SawStep(s.SignInStep, "%s is given an application", s.account))
		}
	}
	return probe.Found(evidence...)
}

// applicationPattern finds the application that a URL is of, in either dialect. UCWA, "Create an application".
var applicationPattern = regexp.MustCompile(`(?i)/ucwa/(?:oauth/)?v1/applications/([^/?]+)`)

// applicationOf is the identifier of the application that was asked; empty when none was.
func applicationOf(x *probe.Exchange) string {
	if m := applicationPattern.FindStringSubmatch(x.URL); m != nil {
		return m[1]
	}
	return ""
}

// serverOf is the machine that made an answer, as it says itself.
func serverOf(x *probe.Exchange) string { return strings.ToLower(x.Header.Get("X-Ms-Server-Fqdn")) }
