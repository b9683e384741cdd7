package probe

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// Of a crowd: enough that requests of both accounts meet on the proxy's connections to the servers, few enough for a
// server in use.
const (
	crowdConnections = 16
	crowdRequests    = 64
)

// crowd has both accounts ask for their applications at once, over connections side by side. An answer that belongs to
// the other account is the gravest thing that a proxy can do: it takes one for the other.
func (o *observer) crowd(ctx context.Context, first, second *signedIn) {
	var mu sync.Mutex
	c := Crowd{Connections: crowdConnections}
	var asking sync.WaitGroup
	for i := range crowdConnections {
		who := []*signedIn{first, second}[i%2]
		asking.Go(func() {
			line := who.connect("crowd")
			defer line.close()
			for range crowdRequests / crowdConnections {
				x, body := line.do(ctx, who.request(SignInUCWA, http.MethodGet, who.application.target))
				if x.ID == 0 {
					return
				}
				owner := ownerOf(ucwaOf(x, body))
				mu.Lock()
				c.Requests++
				switch {
				case owner == "" || x.Status != http.StatusOK:
					c.Failed++
				case strings.EqualFold(owner, who.account.SIP):
				default:
					c.Foreign++
					if c.Exchange == 0 {
						c.Account, c.Taken, c.Exchange = who.account.SIP, owner, x.ID
						x = &Exchange{} // stays in the record
					}
				}
				mu.Unlock()
				if x.Status == http.StatusOK {
					o.forget(x)
				}
			}
		})
	}
	asking.Wait()
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
