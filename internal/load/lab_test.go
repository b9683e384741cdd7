package load_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/load"
	"lyncpin/internal/topology"
	"lyncpin/probe"
)

// deploymentOf is a lab, and the target that it is; edit, which may be nil, changes the topology.
func deploymentOf(t *testing.T, clients int, opts lab.Options, edit func(*topology.Topology)) (*lab.Lab, load.Target) {
	t.Helper()
	top := topology.Healthy()
	top.Users = nil
	target := load.Target{
		Domain: "contoso.example", Hosts: []string{"lyncdiscover.contoso.example", "lyncweb-ext.contoso.example"},
		InternalHosts: []string{"lyncweb-int.contoso.example"},
	}
	for i := range clients {
		name := fmt.Sprintf("load%d", i+1)
		a := load.Account{SIP: name + "@contoso.example", Login: `CONTOSO\` + name, Password: "lab-only-" + name}
		target.Accounts = append(target.Accounts, a)
		top.Users = append(top.Users, topology.User{SIP: a.SIP, Login: a.Login, Password: a.Password})
	}
	if edit != nil {
		edit(top)
	}
	l, err := lab.Start(t.Context(), top, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if p := l.Endpoints().Proxy; p != nil {
		target.Routes = map[string]string{"": p.HTTPS}
		target.Roots = l.Vantage(probe.External).PublicRoots
	}
	return l, target
}

// brief is a plan for a lab whose time runs fast.
func brief(clients int) load.Plan {
	return load.Plan{
		Clients: clients, SignIns: 100, Duration: 4 * time.Second, Presence: 30, Messages: 60, PollTime: 1800 * time.Millisecond,
		Grace: 5 * time.Second, NTLM: 0.5,
	}
}

func TestHealthyDeployment(t *testing.T) {
	t.Parallel()
	const clients = 30
	_, target := deploymentOf(t, clients, lab.Options{Speed: 100}, nil)
	got, err := load.Run(t.Context(), target, brief(clients))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Faults {
		t.Errorf("%s, %d times: %+v", f.Kind, f.Count, f.Examples[0])
	}
	n := got.Totals
	if n.SignIns != clients || n.SignOuts != clients || n.MostPolls != clients || n.Received != n.Sent || n.Sent < clients || n.Polls < clients || n.Events < n.Sent {
		t.Errorf("totals = %+v, want %d in and out, as many polls, and all messages received", n, clients)
	}
}

// TestChurn has clients sign out and in again in the middle of what they do, where messages are slow: nothing is lost by that.
func TestChurn(t *testing.T) {
	t.Parallel()
	const clients = 21
	target := behind(t, clients, func(m *meddler, w http.ResponseWriter, r *http.Request) {
		if isMessage(r) {
			select {
			case <-time.After(300 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		m.pass.ServeHTTP(w, r)
	}, nil)
	plan := brief(clients)
	plan.Churn, plan.Messages, plan.NTLM = 20, 240, 0 // this proxy shares its connections
	got, err := load.Run(t.Context(), target, plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Faults {
		t.Errorf("%s, %d times: %+v", f.Kind, f.Count, f.Examples[0])
	}
	if n := got.Totals; n.SignIns < clients+5 || n.SignOuts != n.SignIns || n.Received != n.Sent || n.Sent == 0 {
		t.Errorf("totals = %+v, want more sign-ins than the %d clients, as many sign-outs, and all messages received", n, clients)
	}
}

// TestCutOff ends a load in the middle of everything: it returns at once, with what there is.
func TestCutOff(t *testing.T) {
	t.Parallel()
	_, target := deploymentOf(t, 10, lab.Options{Speed: 1, Only: []string{lab.FrontEnd, lab.Proxy}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := brief(10)
	plan.Duration, plan.PollTime = time.Hour, 0
	plan.Progress = func(s load.Second) {
		if s.PollsHeld == 10 {
			cancel()
		}
	}
	got, err := load.Run(ctx, target, plan)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Interrupted || got.Totals.MostPolls != 10 || len(got.Faults) > 0 || got.Totals.SignOuts != 0 {
		t.Errorf("interrupted %t, %+v, %+v", got.Interrupted, got.Totals, got.Faults)
	}
}
