package failure

import (
	"fmt"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilitySignInFails = Mode{
	Rule: probe.Rule{
		ID:       "mobility.sign-in-fails",
		Severity: probe.High,
		Title:    "clients cannot sign in",
		Cause:    "where no other finding explains it, something refuses a step of signing in, or changes it, in a way that this catalogue does not know",
		Remedy:   "The step shown is the first that fails. Compare its answer with that of the Front End on port 4443: when that is the same, look at the Front End (IIS log, Lync Server event log), else at the reverse proxy.",
		Sources:  []string{"UCWA 2.0: Create an application", "[MS-OCAUTHWS] IssueToken errors"},
		Reads:    probe.SignIns | probe.Exchanges,
		Detect:   detectMobilitySignInFails,
	},
	SignsIn: true,
	Cases: []Case{
		{Name: "content-type-removed", Edit: func(t *topology.Topology) {
			ucwaRule(t).RemoveRequestHeaders = []string{"Content-Type"}
		}},
	},
	Near: []Case{
		{Name: "harmless-header-removed", Edit: func(t *topology.Topology) {
			ucwaRule(t).RemoveRequestHeaders = []string{"Accept-Language"}
		}},
	},
}

func detectMobilitySignInFails(v *probe.View) probe.Verdict {
	places := signingPlaces(v)
	if len(places) == 0 {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	for _, p := range places {
		for _, s := range p.SignIns() {
			if e := firstFailed(p, &s); e != nil {
				evidence = append(evidence, *e)
			}
		}
	}
	if len(evidence) > 0 && stoppedEarly(places) {
		return probe.Unknown("the probe ended before everybody had signed in")
	}
	return verdict(evidence)
}

// stoppedEarly tells whether the probe itself ended the observation at one of the places.
func stoppedEarly(places []*probe.Place) bool {
	for _, p := range places {
		if p.Section.Incomplete != "" {
			return true
		}
	}
	return false
}

// firstFailed is evidence of the first step of a sign-in that failed; nil when none did. What follows from it is not
// told.
func firstFailed(p *probe.Place, s *probe.SignIn) *probe.Evidence {
	for i := range s.Steps {
		one := &s.Steps[i]
		if one.Result != probe.StepFailed {
			continue
		}
		text := fmt.Sprintf("%s as %s client fails at the step %s", s.Account, s.Client, one.Name)
		if one.Text != "" {
			text += ": " + one.Text
		}
		if x := p.Exchange(one.Exchange); x != nil && !x.Outcome.OK() {
			text += fmt.Sprintf(" (%s)", refusal(x))
		}
		e := p.SawStep(one, "%s", text)
		return &e
	}
	return nil
}
