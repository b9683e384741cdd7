package failure

import (
	"slices"
	"strings"

	"lyncpin/probe"
)

// madeByUCWA tells whether the body is an error of UCWA: it has a form of its own in JSON and XML, so that it is known
// also where the marks were stripped. UCWA 2.0: Errors.
func madeByUCWA(x *probe.Exchange) bool {
	return strings.Contains(x.Body, "schemas.microsoft.com/rtc/2012/03/ucwa") ||
		strings.HasPrefix(strings.TrimSpace(x.Body), "{") && strings.Contains(x.Body, `"code"`)
}

// reachedFrontEnd tells whether a Front End answered, or Windows below it.
func reachedFrontEnd(x *probe.Exchange) bool {
	return fromFrontEnd(x) || fromKernel(x) || madeByUCWA(x)
}

// stopped tells whether something on the way answered in place of the Front End, or cut the connection.
func stopped(x *probe.Exchange) bool { return cutOff(x) || x.Status >= 400 && !reachedFrontEnd(x) }

// unusual is a kind of request that some products on the way refuse.
type unusual struct {
	// purpose is the probe's request, what its words.
	purpose, what string
	// own are the statuses by which this refusal is known. Other refusals count only when the plain request, which
	// differs in nothing else, came through.
	own   []int
	plain string
}

// judge compares the request with the plain one, and with the same beside the proxy.
func (u unusual) judge(v *probe.View) probe.Verdict {
	p := clientSide(v)
	if !signedInAt(p) {
		return nobodySignedIn
	}
	var evidence []probe.Evidence
	asked := false
	for _, x := range p.Exchanges(u.purpose) {
		asked = true
		if !stopped(x) || u.refusedStraight(v) {
			continue
		}
		plain := u.plainThrough(p)
		switch {
		case slices.Contains(u.own, x.Status):
		case plain != nil && (cutOff(x) && cutNowAndThen(v) == "" || slices.Contains([]int{400, 403, 501}, x.Status)):
		default:
			continue
		}
		evidence = append(evidence, p.SawExchange(x, "%s: %s", u.what, refusal(x)))
		if plain != nil {
			evidence = append(evidence, p.SawExchange(plain, "%s %s without that is answered %d by the Front End", plain.Method, plain.URL, plain.Status))
		}
	}
	if !asked {
		return nothingToJudge
	}
	return verdict(evidence)
}

// plainThrough is a plain request that a Front End answered; nil when there is none.
func (u unusual) plainThrough(p *probe.Place) *probe.Exchange {
	for _, x := range p.Exchanges(u.plain) {
		if reachedFrontEnd(x) {
			return x
		}
	}
	return nil
}

// refusedStraight tells whether the Front Ends do not take such a request either.
func (u unusual) refusedStraight(v *probe.View) bool {
	list := v.At(probe.Proxy).Exchanges(u.purpose)
	return len(list) > 0 && !slices.ContainsFunc(list, reachedFrontEnd)
}
