package failure

import (
	"fmt"
	"slices"
	"strings"

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
		{Name: "answers-relabelled", Edit: func(t *topology.Topology) {
			ucwaRule(t).SetResponseHeaders = map[string]string{"Content-Type": "text/html"}
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
	ucwa := knowsUCWA(v)
	for _, p := range places {
		for _, f := range firstFailures(p) {
			if !ucwa && (f.step.Name == probe.StepApplication || slices.Equal(f.clients, []string{probe.ClientWeb})) {
				continue // Lync 2010 has no applications, and nothing for web clients
			}
			if p.Name() == probe.Proxy && comeThrough(places, f) {
				continue // what does not work beside the proxy is nothing that they need
			}
			text := f.text
			if f.step.Logon != 0 && passwordProven(v, f.account) != nil && !v.At(probe.Proxy).Seen() {
				text += ", though the password is right: either the reverse proxy leads the log-on over several connections, or the Front End refuses NTLM; a probe from beside the proxy tells which"
			}
			evidence = append(evidence, p.SawStep(f.step, "%s cannot sign in as %s client: %s", f.account, strings.Join(f.clients, ", "), text))
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

// firstFailure is where an account fails in the same way as several kinds of clients.
type firstFailure struct {
	account, text string
	clients       []string
	step          *probe.SignInStep
}

// comeThrough tells whether all whom a failure beside the proxy is about sign in through the proxy.
func comeThrough(places []*probe.Place, f firstFailure) bool {
	return !slices.ContainsFunc(f.clients, func(client string) bool {
		return !slices.ContainsFunc(places, func(p *probe.Place) bool {
			return p.Name() != probe.Proxy && slices.ContainsFunc(p.SignIns(), func(s probe.SignIn) bool {
				return s.Client == client && s.Account == f.account && len(s.Steps) > 0 &&
					!slices.ContainsFunc(s.Steps, func(one probe.SignInStep) bool { return one.Result != probe.StepOK })
			})
		})
	})
}

// firstFailures are the first steps that failed of all sign-ins at a place. What follows from them is not told. An
// application that was gone before its end does not keep anybody from signing in, nor do the probe's unusual uploads, which
// have modes of their own.
func firstFailures(p *probe.Place) []firstFailure {
	var out []firstFailure
	for _, s := range p.SignIns() {
		first := slices.IndexFunc(s.Steps, func(one probe.SignInStep) bool {
			return one.Result == probe.StepFailed && one.Name != probe.StepEnd && one.Name != probe.StepUpload
		})
		if first < 0 {
			continue
		}
		one := &s.Steps[first]
		text := "the step " + one.Name + " fails"
		if one.Text != "" {
			text += ", " + one.Text
		}
		if x := p.Exchange(one.Exchange); x != nil && (!x.Outcome.OK() || stopped(x) && !isIISPage(x)) {
			text += fmt.Sprintf(" (%s)", refusal(x))
		}
		i := slices.IndexFunc(out, func(f firstFailure) bool { return f.account == s.Account && f.text == text })
		if i < 0 {
			out = append(out, firstFailure{account: s.Account, text: text, step: one})
			i = len(out) - 1
		}
		if !slices.Contains(out[i].clients, s.Client) {
			out[i].clients = append(out[i].clients, s.Client)
		}
	}
	return out
}
