package failure

import (
	"slices"
	"strings"

	"lyncpin/probe"
)

// What a proxy does to tickets and log-ons on the way is told by comparing: with another way to log on, with another
// try, and with the same beside the proxy.

// clientSide is where clients stand that come through the reverse proxy: outside, else on the office Wi-Fi, whichever
// somebody signed in from. Nobody need have.
func clientSide(v *probe.View) *probe.Place {
	out := v.At(probe.External)
	if w := v.At(probe.WiFi); !signedInAt(out) && signedInAt(w) {
		return w
	}
	return out
}

// cameApart tells whether the first message and the third met different servers.
func (l logon) cameApart() bool {
	n := len(l.Servers)
	return n > 2 && l.Servers[n-2] != "" && l.Servers[n-1] != "" && !strings.EqualFold(l.Servers[n-2], l.Servers[n-1])
}

// overHTTP1 leaves out the log-ons over HTTP/2, which are a matter of their own.
func overHTTP1(list []logon) []logon {
	return slices.DeleteFunc(list, func(l logon) bool { return l.Protocol == "2" })
}

// whoseGranted are the log-ons that were granted.
func whoseGranted(list []logon) []logon {
	return slices.DeleteFunc(slices.Clone(list), func(l logon) bool { return !l.granted() })
}

// whoseRefused are the log-ons that were not.
func whoseRefused(list []logon) []logon {
	return slices.DeleteFunc(slices.Clone(list), logon.granted)
}

// ticketIgnored are the ways of a kind of client that got a ticket, and with it 401 from the user resource as if it had
// sent none: no diagnostics say what is wrong with the ticket.
func ticketIgnored(v *probe.View, client string) []step {
	return slices.DeleteFunc(stepsNamed(v, probe.StepUser), func(s step) bool {
		x := s.answer
		return s.client != client || s.at.Name() == probe.Proxy || s.Result != probe.StepFailed || x == nil ||
			x.Status != 401 || !fromFrontEnd(x) && !isIISPage(x) || x.Header.Get("X-Ms-Diagnostics") != ""
	})
}

// came tells whether a client of that kind came through the step of that name at a place.
func came(v *probe.View, place, client, name string) bool {
	return slices.ContainsFunc(stepsNamed(v, name), func(s step) bool {
		return s.at.Name() == place && s.client == client && s.Result == probe.StepOK
	})
}
