package topology

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lyncpin/internal/nearest"
)

// people reports what no directory could hold.
func (v *validator) people(t *Topology) {
	var homes, all []string
	for i := range t.Pools {
		all = append(all, t.Pools[i].Name)
		if t.Pools[i].Role != Director {
			homes = append(homes, t.Pools[i].Name)
		}
	}
	sips, logins := map[string]bool{}, map[string]bool{}
	for i, u := range t.Users {
		path := fmt.Sprintf("users[%d]", i)
		v.signInAddress(path+".sip", u.SIP)
		if u.UPN != "" {
			v.signInAddress(path+".upn", u.UPN)
		}
		v.once(path+".sip", u.SIP, sips)
		if u.Login != "" {
			v.once(path+".login", u.Login, logins)
		}
		switch {
		case u.Pool == "" || slices.Contains(homes, u.Pool):
		case slices.Contains(all, u.Pool):
			v.fail(path+".pool", "%q is a Director, and no user is homed on one", u.Pool)
		default:
			v.fail(path+".pool", "there is no pool %q%s", u.Pool, nearest.Hint(u.Pool, homes))
		}
		if u.Online && u.Pool != "" {
			v.fail(path+".pool", "a user who is homed online has none")
		}
	}
	v.atLeastZero("directory.lockout_threshold", int64(t.Directory.LockoutThreshold))
	v.atLeastZero("directory.max_applications", int64(t.Directory.MaxApplications))
	v.url("directory.hosting_provider_url", t.Directory.HostingProviderURL, true)
}

func (v *validator) signInAddress(path, address string) {
	if local, domain, ok := strings.Cut(address, "@"); !ok || local == "" || domain == "" || strings.Contains(address, ":") {
		v.fail(path, "%q is not a sign-in address, user@domain", address)
	}
}

// once reports a name that was there before, whatever its case.
func (v *validator) once(path, name string, seen map[string]bool) {
	if seen[strings.ToLower(name)] {
		v.fail(path, "%q is there twice", name)
	}
	seen[strings.ToLower(name)] = true
}

// words reports the first entry of a list that is not one of the words.
func (v *validator) words(path string, list, words []string) {
	for i, w := range list {
		v.word(fmt.Sprintf("%s[%d]", path, i), w, words, false)
	}
}

// url reports what is not the URL of a web page; empty is fine when optional.
func (v *validator) url(path, text string, optional bool) {
	if text == "" && optional {
		return
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		v.fail(path, "%q is not an https or http URL", text)
	}
}

// hostPort reports what is not a host name or address with a port.
func (v *validator) hostPort(path, text string) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		v.fail(path, "%q is not host:port", text)
		return
	}
	if net.ParseIP(host) == nil {
		v.host(path, host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		v.fail(path, "%q is not a port", port)
	}
}

func (v *validator) notNegative(path string, d time.Duration) {
	if d < 0 {
		v.fail(path, "%s is negative", d)
	}
}

func (v *validator) atLeastZero(path string, n int64) {
	if n < 0 {
		v.fail(path, "%d is negative", n)
	}
}
