package probe

import (
	"fmt"
	"strings"
)

// longTarget is how many bytes a long URL has: more than the 1 KB that cautious proxies allow, less than the 2 KB of
// query that IIS takes by default.
const longTarget = 1900

// longURL is a request for a target that is filled up to a length which access tokens make usual. Records show where it
// was cut.
func longURL(purpose, start string) request {
	fill := max(0, longTarget-len(start))
	return request{purpose: purpose, target: start + strings.Repeat("A", fill), shown: fmt.Sprintf("%s…(%d bytes)", start, longTarget)}
}

// fromPage is a request as the scripts of a meeting's page make it, which is of another host: browsers say so.
func (o *observer) fromPage(host string) request {
	page := host
	if meet, _ := o.simpleHosts(); len(meet) > 0 {
		page = meet[0]
	}
	return request{purpose: GetFromPage, target: servicePath, accept: acceptUCWAJSON, fields: []string{
		"Origin: https://" + page, "Referer: https://" + page + "/", "X-Ms-Origin: https://" + page, "X-Requested-With: XMLHttpRequest",
	}}
}
