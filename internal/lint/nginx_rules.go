package lint

import (
	"fmt"
	"strings"
)

func nginxRules() []rule[*nginxConfig] {
	return []rule[*nginxConfig]{
		{Rule{"NGX-01", Nginx, "HTTPS leads to the Front End's internal web site", Critical, "proxy.port-not-flipped"}, nginxInternalTLS},
	}
}

// nginxInternalTLS finds clients of HTTPS that are led to 443.
func nginxInternalTLS(c *nginxConfig) []Finding {
	var found []Finding
	for _, s := range c.sites {
		if s.to.scheme == "https" && len(s.members) == 0 && s.to.number() == portInternal {
			found = append(found, s.at(
				fmt.Sprintf("%s is reached on port 443, where the internal web site listens: it hands out internal names, which nobody outside reaches, and shows what must stay inside. The external web site is on 4443.", s.to.host),
				fmt.Sprintf("proxy_pass https://%s:4443%s;", s.to.host, strings.TrimSuffix(s.to.path, "/"))))
		}
	}
	return found
}
