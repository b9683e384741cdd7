package failure

import (
	"fmt"

	"lyncpin/probe"
)

// Verdicts for a vantage that the record lacks.
var (
	notSeenOutside = probe.NotApplicable("the record has no view from outside")
	notSeenInside  = probe.NotApplicable("the record has no view from inside")
	notSeenOnWiFi  = probe.NotApplicable("the record has no view from the office Wi-Fi")
	notSeenAtProxy = probe.NotApplicable("the record has no view from beside the proxy")
	nothingToJudge = probe.NotApplicable("the step that this is about was not reached")
)

// unsure is the verdict when a name could not be looked up: SERVFAIL or a time-out never means that it is absent.
// The mode dns.servfail names the cause, so this rule does not apply.
func unsure(r *probe.Resolution) probe.Verdict {
	return probe.NotApplicable(fmt.Sprintf("%s could not be looked up: %s", r.Name, r.Outcome.Code))
}

// verdict is Found when there is evidence, else Clear.
func verdict(evidence []probe.Evidence) probe.Verdict {
	if len(evidence) == 0 {
		return probe.Clear()
	}
	return probe.Found(evidence...)
}
