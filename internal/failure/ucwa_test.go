package failure_test

import (
	"fmt"
	"testing"

	"lyncpin/probe"
)

const (
	web = "lyncweb-ext.contoso.example"
	app = "/ucwa/v1/applications"
	own = app + "/103040506070"
)

// refused are UCWA's error bodies in both dialects. UCWA, "Errors and informational messages".
func refused(subcode string) string {
	return fmt.Sprintf(`{"code":"Forbidden","subcode":%q,"message":"Not now."}`, subcode)
}

func refusedXML(subcode string) string {
	return fmt.Sprintf(`<reason xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><code>Forbidden</code><subcode>%s</subcode></reason>`, subcode)
}

// signedIn is a sign-in whose last step came to the last of the exchanges.
func signedIn(step, result string, list ...probe.Exchange) *probe.Section {
	return &probe.Section{Vantage: probe.External, Exchanges: list, SignIns: []probe.SignIn{{
		Client: probe.ClientMobile2013, Account: "user1@contoso.example",
		Steps: []probe.SignInStep{{Name: probe.StepTicket, Result: probe.StepOK}, {Name: step, Result: result, Exchange: len(list)}},
	}}}
}

func created(server, body string) probe.Exchange {
	return asked(probe.SignInApplication, web, app, 201, frontEnd(server), body)
}

func TestCreationRefused(t *testing.T) {
	t.Parallel()
	const made = probe.StepApplication
	creation := func(status int, body string) *probe.Record {
		return record(signedIn(made, probe.StepFailed, asked(probe.SignInApplication, web, app, status, frontEnd("fe1.contoso.example"), body)))
	}
	for id, subcode := range map[probe.ID]string{
		"mobility.policy-disabled":        "MobileApplicationNoLongerAllowed",
		"mobility.client-version-blocked": "UserAgentNotAllowed",
		"mobility.too-many-applications":  "TooManyApplications",
	} {
		t.Run(string(id), func(t *testing.T) {
			judge(t, id, []judgement{
				{"JSON", creation(403, refused(subcode)), "found"},
				{"XML", creation(410, refusedXML(subcode)), "found"},
				{"another reason", creation(403, refused("AnonymousNotAllowed")), "clear"},
				{"the words on a page", creation(403, "<html>"+subcode+"</html>"), "clear"},
				{"given one", record(signedIn(made, probe.StepOK, created("fe1.contoso.example", "{}"))), "clear"},
				{"the step was skipped", record(signedIn(made, probe.StepSkipped)), "not applicable"},
				{"nobody signed in", record(outside()), "not applicable"},
			})
		})
	}
}

func TestApplicationLost(t *testing.T) {
	t.Parallel()
	get := func(server string, status int, body string) probe.Exchange {
		return asked(probe.SignInRepeat, web, own, status, frontEnd(server), body)
	}
	lost := func(server string) probe.Exchange { return get(server, 404, refused("ApplicationNotFound")) }
	section := func(list ...probe.Exchange) *probe.Record {
		return record(signedIn(probe.StepRepeat, probe.StepFailed, list...))
	}
	judge(t, "mobility.application-lost-between-nodes", []judgement{
		{"one knows it, the other not", section(get("fe1.contoso.example", 200, "{}"), lost("fe2.contoso.example")), "found"},
		{"only its maker has known it", section(created("fe1.contoso.example", `{"_links":{"self":{"href":"`+own+`"}}}`), lost("fe2.contoso.example")), "found"},
		{"it has ended", section(get("fe1.contoso.example", 200, "{}"), lost("fe1.contoso.example"), lost("fe2.contoso.example")), "clear"},
		{"it has ended on its own machine", section(get("fe1.contoso.example", 200, "{}"), lost("fe1.contoso.example")), "clear"},
		{"it was idle for too long", section(get("fe1.contoso.example", 200, "{}"), get("fe2.contoso.example", 410, refused("InactiveApplicationExpired"))), "clear"},
		{"both know it", section(get("fe1.contoso.example", 200, "{}"), get("fe2.contoso.example", 200, "{}")), "clear"},
		{"marks are stripped", section(get("", 200, "{}"), lost("")), "not applicable"},
		{"nobody signed in", record(outside()), "not applicable"},
	})
}

func TestEventGap(t *testing.T) {
	t.Parallel()
	events := func(query string, status int, body string) probe.Exchange {
		return asked(probe.SignInEvents, web, own+"/events?"+query, status, frontEnd("fe1.contoso.example"), body)
	}
	const (
		next   = `{"_links":{"self":{"href":"a"},"next":{"href":"b"}}}`
		resync = `{"_links":{"self":{"href":"a"},"next":{"href":"b"},"resync":{"href":"c"}}}`
		resXML = `<events href="a" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><link rel="next" href="b"/><link rel="resync" href="c"/></events>`
		added  = `{"_links":{"next":{"href":"b"}},"sender":[{"rel":"me","href":"m","events":[{"type":"added"}]}]}`
		noAck  = `{"code":"BadRequest","subcode":"ParameterValidationFailure","parameters":[{"name":"ack"}]}`
	)
	section := func(list ...probe.Exchange) *probe.Record {
		return record(signedIn(probe.StepEvents, probe.StepOK, list...))
	}
	judge(t, "mobility.event-gap-resync", []judgement{
		{"resync again and again", section(events("ack=1", 200, resync), events("ack=2", 200, resXML)), "found"},
		{"resync once", section(events("ack=1", 200, resync), events("ack=2", 200, next)), "clear"},
		{"the same events again", section(events("ack=1", 200, added), events("ack=2", 200, added)), "found"},
		{"asked for again", section(events("ack=1", 200, added), events("ack=1", 200, added)), "clear"},
		{"empty answers are alike", section(events("ack=1", 200, next), events("ack=2", 200, next)), "clear"},
		{"the acknowledgement got lost", section(events("ack=1", 400, noAck)), "found"},
		{"there was none", section(events("timeout=180", 400, noAck)), "clear"},
		{"no poll", section(), "not applicable"},
		{"nobody signed in", record(outside()), "not applicable"},
	})
}

// users is a user document with these tokens, from a deployment whose root speaks that form.
func users(form string, tokens ...string) *probe.Record {
	root := discovered("lyncdiscover.contoso.example", "External", web)
	root.Purpose, root.Document.Form = probe.GetRoot, form
	user := asked(probe.SignInUser, web, "/Autodiscover/AutodiscoverService.svc/root/user", 200, frontEnd("fe1.contoso.example"), "")
	user.Document = &probe.Document{Form: "legacy-xml", AccessLocation: "External", Links: map[string]string{}}
	for _, token := range tokens {
		user.Document.Links[token] = "https://" + web + "/x"
	}
	return record(signedIn(probe.StepUser, probe.StepOK, root, user))
}

func TestUCWANotPublished(t *testing.T) {
	t.Parallel()
	moved := users("ucwa-json", "redirect")
	judge(t, "mobility.ucwa-not-published", []judgement{
		{"only the app of 2010 has a service", users("ucwa-json", "external/mcx", "internal/mcx", "self"), "found"},
		{"one for phones", users("ucwa-json", "ucwa", "external/mcx"), "clear"},
		{"one for each site", users("ucwa-json", "external/ucwa", "internal/ucwa"), "clear"},
		{"UCWA's own document", users("ucwa-json", "applications", "self"), "clear"},
		{"no server knows UCWA", users("legacy-json", "external/mcx", "internal/mcx"), "not applicable"},
		{"homed elsewhere", moved, "not applicable"},
		{"nobody signed in", record(outside()), "not applicable"},
	})
}

func TestSignInFails(t *testing.T) {
	t.Parallel()
	stopped := record(signedIn(probe.StepUser, probe.StepFailed))
	stopped.Sections[0].Incomplete = "the time was over before everything was asked"
	judge(t, "mobility.sign-in-fails", []judgement{
		{"a step fails", record(signedIn(probe.StepUser, probe.StepFailed, asked(probe.SignInUser, web, "/x", 500, nil, ""))), "found"},
		{"a step fails without a request", record(signedIn(probe.StepSIP, probe.StepFailed)), "found"},
		{"a step is skipped", record(signedIn(probe.StepApplication, probe.StepSkipped)), "clear"},
		{"all goes well", record(signedIn(probe.StepEnd, probe.StepOK)), "clear"},
		{"the probe was stopped", stopped, "unknown"},
		{"nobody signed in", record(outside()), "not applicable"},
	})
}
