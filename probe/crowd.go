package probe

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Of a crowd: enough that requests of both accounts meet on the proxy's connections to the servers, few enough for a
// server in use. Over each connection goes a fifth of Limits.Repeats, four requests where nobody says otherwise, and a second one at
// least: it may come to another server.
const (
	crowdConnections = 16
	crowdShare       = 5
	crowdLeast       = 2
)

// crowd has both accounts ask for their applications at once, over connections side by side, and log on so. An answer
// that belongs to the other account is the gravest thing that a proxy can do: it takes one for the other.
func (o *observer) crowd(ctx context.Context, first, second *signedIn) {
	var mu sync.Mutex
	c := Crowd{Connections: crowdConnections}
	// note counts an answer, and keeps it in the record when it is the first of another account's.
	note := func(who *signedIn, owner string, x *Exchange) (keep bool) {
		mu.Lock()
		defer mu.Unlock()
		c.Requests++
		switch {
		case owner == "":
			c.Failed++
		case !strings.EqualFold(owner, who.account.SIP):
			c.Foreign++
			if c.Exchange == 0 {
				c.Account, c.Taken, c.Exchange = who.account.SIP, owner, x.ID
				return true
			}
		}
		return false
	}
	var asking, connecting sync.WaitGroup
	connecting.Add(crowdConnections)
	for i := range crowdConnections {
		who := []*signedIn{first, second}[i%2]
		asking.Go(func() {
			line := who.connect("crowd")
			defer line.close()
			line.open(ctx) // where that fails, the request tries again and says why
			connecting.Done()
			connecting.Wait() // handshakes take longer than requests: without this, few would be asked at once
			for range max(crowdLeast, o.limits.Repeats/crowdShare) {
				x, body := line.do(ctx, who.request(SignInUCWA, http.MethodGet, who.application.target))
				if x.ID == 0 {
					return
				}
				owner := ""
				if x.Status == http.StatusOK {
					owner = ownerOf(ucwaOf(x, body))
				}
				if !note(who, owner, x) && x.Status == http.StatusOK {
					o.forget(x)
				}
			}
		})
	}
	asking.Wait()
	o.crowdLogons(ctx, first, second, func(who *signedIn, owner string, x *Exchange) { note(who, owner, x) })
	if c.Requests == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.section.Crowds = append(o.section.Crowds, c)
}

// ownerOf is the SIP address of the account that an application belongs to; empty when the document does not say.
func ownerOf(application *resource) string {
	if application == nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(application.values["me.uri"]), "sip:")
}
