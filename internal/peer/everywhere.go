package peer

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// everywhere finds listeners of a product that name no address, or all of them: what stands before, the port, what follows.
var everywhere = map[string][]*regexp.Regexp{
	"nginx":        {regexp.MustCompile(`(\blisten\s+)(?:0\.0\.0\.0:|\*:)?(\d+)([\s;])`)},
	"nginx-stream": {regexp.MustCompile(`(\blisten\s+)(?:0\.0\.0\.0:|\*:)?(\d+)([\s;])`)},
	"haproxy":      {regexp.MustCompile(`(?m)^(\s*bind\s+)(?:0\.0\.0\.0|\*)?:(\d+)(\s|$)`)},
	"squid":        {regexp.MustCompile(`(?m)^(\s*https?_port\s+)(?:0\.0\.0\.0:)?(\d+)(\s|$)`)},
	"apache": {
		regexp.MustCompile(`(?mi)^(\s*Listen\s+)(?:0\.0\.0\.0:|\*:)?(\d+)(\s|$)`),
		regexp.MustCompile(`(?mi)^(\s*<VirtualHost\s+)(?:\*|0\.0\.0\.0|_default_):(\d+)(\s*>)`),
	},
	"caddy": {regexp.MustCompile(`(?m)^(\s*(?:default_)?bind\s+)0\.0\.0\.0()(\s|$)`)},
}

// settleDown gives listeners that are everywhere the first address of the plan that has their port, or all where only addresses are
// said.
func settleDown(product, text string, plan []netip.AddrPort) string {
	for _, pattern := range everywhere[product] {
		text = pattern.ReplaceAllStringFunc(text, func(s string) string {
			m := pattern.FindStringSubmatch(s)
			if m[2] == "" { // addresses alone
				return m[1] + strings.Join(hosts(plan), " ") + m[3]
			}
			for _, a := range plan {
				if strconv.Itoa(int(a.Port())) == m[2] {
					return m[1] + a.String() + m[3]
				}
			}
			return s
		})
	}
	return text
}

// hosts are the addresses without their ports, each once.
func hosts(plan []netip.AddrPort) []string {
	var out []string
	for _, a := range plan {
		if host := a.Addr().String(); !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}
