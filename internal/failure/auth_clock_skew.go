package failure

import (
	"net/http"
	"time"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var authClockSkew = Mode{
	Rule: probe.Rule{
		ID:       "auth.clock-skew",
		Severity: probe.High,
		Title:    "the clocks of the Front Ends differ",
		Cause:    "a machine does not get its time from the domain, or a virtual machine takes it from a host that is wrong; a ticket that one node issues is not valid yet, or no longer, on another, and Kerberos bears five minutes at most",
		Remedy:   "On the node named below: w32tm /query /source and w32tm /resync; take the time from the domain (w32tm /config /syncfromflags:domhier /update), and switch off the time synchronisation of the virtual machine's host.",
		Sources: []string{"Authentication in UCWA: the lifetime of a token", "Maximum tolerance for computer clock synchronization (Windows security policy)",
			"RFC 9110 section 6.6.1"},
		Reads:  probe.Exchanges | probe.SignIns,
		Detect: detectAuthClockSkew,
	},
	SignsIn:  true,
	Confused: []probe.ID{"auth.bad-credentials-control"},
	Cases: []Case{
		{Name: "one-node-ahead", Edit: func(t *topology.Topology) { t.FrontEndPool().Nodes[1].ClockSkew = 20 * time.Minute }},
	},
	More: []Case{
		{Name: "one-node-behind", Edit: func(t *topology.Topology) { t.FrontEndPool().Nodes[0].ClockSkew = -9 * time.Hour }},
	},
	Near: []Case{
		{Name: "two-minutes", Edit: func(t *topology.Topology) { t.FrontEndPool().Nodes[1].ClockSkew = 2 * time.Minute }},
	},
}

// skewBorne is what Kerberos bears: Windows' "Maximum tolerance for computer clock synchronization".
const skewBorne = 5 * time.Minute

// clockSeen is what the Date headers of one machine say.
type clockSeen struct {
	server   string
	at       *probe.Place
	exchange *probe.Exchange // the first one
	// ahead is the least by which the machine's clock can be ahead of the probe's, negative when it is behind.
	ahead time.Duration
}

// clocksSeen reads the clocks of the Front Ends at a place. The record has no time for each answer, so what is certain
// is the distance from the whole time of observation.
func clocksSeen(p *probe.Place) []clockSeen {
	begin, end := p.Section.Started, p.Section.Started.Add(p.Section.Elapsed)
	var out []clockSeen
	seen := map[string]bool{}
	for _, x := range p.Exchanges() {
		server := x.Header.Get("X-Ms-Server-Fqdn")
		date, err := http.ParseTime(x.Header.Get("Date"))
		if server == "" || err != nil || seen[server] {
			continue
		}
		seen[server] = true
		c := clockSeen{server: server, at: p, exchange: x}
		switch {
		case date.After(end):
			c.ahead = date.Sub(end)
		case date.Before(begin):
			c.ahead = date.Sub(begin)
		}
		out = append(out, c)
	}
	return out
}

func (c clockSeen) saw() probe.Evidence {
	words := "is right"
	switch {
	case c.ahead >= time.Minute:
		words = "is " + roughly(c.ahead) + " ahead of it"
	case c.ahead <= -time.Minute:
		words = "is " + roughly(-c.ahead) + " behind it"
	}
	return c.at.SawExchange(c.exchange, "the clock of %s says %s; by the clock of the machine that this was seen from, it %s", c.server, c.exchange.Header.Get("Date"), words)
}

// roughly is a time in minutes, or in hours when it is long.
func roughly(d time.Duration) string {
	if d < 2*time.Hour {
		return probe.Count(int(d.Round(time.Minute)/time.Minute), "minute", "minutes")
	}
	return probe.Count(int(d.Round(time.Hour)/time.Hour), "hour", "hours")
}

func detectAuthClockSkew(v *probe.View) probe.Verdict {
	places := signingPlaces(v)
	if len(places) == 0 {
		return nobodySignedIn
	}
	known := false
	var off *clockSeen
	for _, p := range places {
		clocks := clocksSeen(p)
		for i, c := range clocks {
			known = true
			if c.ahead.Abs() > skewBorne {
				off = &clocks[i]
			}
			for _, d := range clocks[:i] {
				if (c.ahead - d.ahead).Abs() > skewBorne {
					if d.ahead.Abs() > c.ahead.Abs() {
						c, d = d, c
					}
					return probe.Found(append([]probe.Evidence{c.saw(), d.saw()}, ticketsRefused(v)...)...)
				}
			}
		}
	}
	switch {
	case !known:
		return nothingToJudge
	case off == nil:
		return probe.Clear()
	}
	if refused := ticketsRefused(v); len(refused) > 0 {
		return probe.Found(append([]probe.Evidence{off.saw()}, refused...)...)
	}
	return probe.Unknown(off.server + "'s clock is more than five minutes from that of the machine that this was seen from, and the record cannot tell which of the two is wrong")
}

// ticketsRefused is evidence that a Front End refuses a ticket that was issued just before.
func ticketsRefused(v *probe.View) []probe.Evidence {
	var evidence []probe.Evidence
	for _, s := range stepsNamed(v, probe.StepUser, probe.StepApplication) {
		if s.Result == probe.StepFailed && s.answer != nil && s.answer.Status == 401 && fromFrontEnd(s.answer) && len(evidence) == 0 {
			evidence = append(evidence, s.at.SawStep(s.SignInStep, "a ticket that was issued just before is refused at %s", s.answer.URL))
		}
	}
	return evidence
}
