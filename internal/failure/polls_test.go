package failure_test

import (
	"strings"
	"testing"
	"time"

	"lyncpin/internal/failure"
	"lyncpin/probe"
)

const eventsURL = "/ucwa/v1/applications/103040506070/events?ack=2&timeout=200"

// silence is a silent long poll of 200 s that ended so after that time.
func silence(after time.Duration, code string) probe.Poll {
	return probe.Poll{
		Purpose: probe.PollSilent, Client: probe.ClientMobile2013, Asked: 200 * time.Second, Held: 220 * time.Second,
		Elapsed: after, Age: after, Outcome: probe.Outcome{Code: code}, Renewed: true,
	}
}

// page is one that something in the middle ended with an answer of its own.
func page(after time.Duration, status int) probe.Poll {
	l := silence(after, probe.OK)
	l.Status = status
	return l
}

// answered is one that the Front End ended.
func answered(after time.Duration, status int) probe.Poll {
	l := page(after, status)
	l.FrontEnd = true
	return l
}

// busy is one over whose connection an event had come after 100 s, and that ended so after that time.
func busy(after time.Duration, code string) probe.Poll {
	l := silence(after, code)
	l.Purpose, l.Event, l.Delivered = probe.PollBusy, 100*time.Second, true
	return l
}

// dead is one that nothing ended, and on which an event got lost.
func dead() probe.Poll {
	l := silence(240*time.Second, probe.Timeout)
	l.Event = 220 * time.Second
	return l
}

// polled is what was seen at a place where these polls were held.
func polled(vantage string, polls ...probe.Poll) *probe.Section {
	s := &probe.Section{Vantage: vantage, Polls: polls, SignIns: []probe.SignIn{{
		Client: probe.ClientMobile2013, Account: "user1@contoso.example", Steps: []probe.SignInStep{{Name: probe.StepApplication, Result: probe.StepOK}},
	}}}
	for i := range polls {
		x := asked(probe.SignInEvents, "lyncweb-ext.contoso.example", eventsURL, polls[i].Status, servedBy("nginx"), "<html>")
		if polls[i].FrontEnd {
			x.Header, x.Body = frontEnd("fe1.contoso.example"), `{"_links":{"next":{"href":"x"}}}`
		}
		x.Outcome = polls[i].Outcome
		s.Exchanges = append(s.Exchanges, x)
		polls[i].ID, polls[i].Exchange = i+1, i+1
	}
	return s
}

func TestLongPollCut(t *testing.T) {
	t.Parallel()
	event := silence(220*time.Second, probe.OK)
	event.FrontEnd, event.Status, event.Delivered, event.Event = true, 200, true, 220*time.Second
	judge(t, "mobility.long-poll-cut-by-idle-timeout", []judgement{
		{"a gateway's page", record(polled(probe.External, page(60*time.Second, 504))), "found"},
		{"an end without an answer", record(polled(probe.External, silence(120*time.Second, probe.Closed))), "found"},
		{"a reset", record(polled(probe.External, silence(30*time.Second, probe.Reset))), "found"},
		{"an event begins the silence anew", record(polled(probe.External, page(60*time.Second, 504), busy(160*time.Second, probe.Closed))), "found"},
		{"every connection is as old as that", record(polled(probe.External, page(120*time.Second, 504), busy(120*time.Second, probe.Closed))), "clear"},
		{"the server's own answer in its time", record(polled(probe.External, answered(200*time.Second, 200))), "clear"},
		{"cut by its own time", record(polled(probe.External, page(199*time.Second, 504))), "clear"},
		{"an event after a hold shorter than asked", record(polled(probe.External, event)), "clear"},
		{"broken when the answer was due", record(polled(probe.External, silence(200*time.Second, "other")), polled(probe.Proxy, answered(200*time.Second, 200))), "found"},
		{"broken then beside the proxy too", record(polled(probe.External, silence(200*time.Second, "other")), polled(probe.Proxy, silence(200*time.Second, "other"))), "clear"},
		{"another poll took its place", record(polled(probe.External, answered(60*time.Second, 409))), "clear"},
		{"ended at once, which is no time-out", record(polled(probe.External, page(time.Second, 502))), "clear"},
		{"no end and no answer", record(polled(probe.External, dead())), "clear"},
		{"only a busy one", record(polled(probe.External, busy(200*time.Second, probe.Timeout))), "not applicable"},
		{"nobody signed in", record(outside()), "not applicable"},
	})
}

// The evidence names the second, how the poll died, whose default that is, and on which side of the proxy.
func TestLongPollEvidence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		rec  *probe.Record
		want []string
	}{
		{"nginx", record(polled(probe.External, page(60200*time.Millisecond, 504))), []string{"after 60.2 s (504 from nginx)", ": the default of nginx (proxy_read_timeout) and Apache (Timeout)"}},
		{"nobody's default", record(polled(probe.External, silence(75*time.Second, probe.Closed))), []string{"after 75 s (the connection was closed without an answer)"}},
		{"in front of the Front End", record(polled(probe.External, page(50*time.Second, 504)), polled(probe.Proxy, answered(200*time.Second, 200))),
			[]string{"after 50 s", "the time-out is the reverse proxy's"}},
		{"behind the proxy", record(polled(probe.External, silence(30*time.Second, probe.Reset)), polled(probe.Proxy, silence(30*time.Second, probe.Reset))),
			[]string{"after 30 s (the connection was reset)", "something between it and the Front End"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := failure.Find("mobility.long-poll-cut-by-idle-timeout")
			var all []string
			for _, e := range probe.Judge(&m.Rule, probe.NewView(c.rec)).Evidence() {
				all = append(all, e.Text)
			}
			got := strings.Join(all, "\n")
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("got\n%s\nwant %q in it", got, w)
				}
			}
		})
	}
}

func TestFirewallForgets(t *testing.T) {
	t.Parallel()
	delivered := dead()
	delivered.Delivered, delivered.Outcome.Code, delivered.FrontEnd, delivered.Status = true, probe.OK, true, 200
	gone := dead()
	gone.Renewed = false
	uneventful := silence(240*time.Second, probe.Timeout)
	short := silence(100*time.Second, probe.Timeout)
	judge(t, "network.firewall-state-timeout", []judgement{
		{"an event gets lost", record(polled(probe.External, dead())), "found"},
		{"the server's answer gets lost", record(polled(probe.External, uneventful)), "found"},
		{"the event arrives", record(polled(probe.External, delivered)), "clear"},
		{"nothing answers any more", record(polled(probe.External, gone)), "clear"},
		{"given up before its time", record(polled(probe.External, short)), "clear"},
		{"cut with a word", record(polled(probe.External, silence(120*time.Second, probe.Reset))), "clear"},
		{"no poll", record(polled(probe.External)), "not applicable"},
	})
}
