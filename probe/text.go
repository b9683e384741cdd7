package probe

import (
	"net/url"
	"strings"
)

// hostOf is the host of a URL in lower case, without the port; empty when it is no absolute URL.
func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
