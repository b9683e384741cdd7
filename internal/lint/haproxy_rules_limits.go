package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How long a proxy has to bear silence: what Microsoft asks for at least, and where phones are in use.
const (
	leastSilence = 200 * time.Second
	phoneSilence = 960 * time.Second
)

// haproxyTimeouts are the time-outs of Lync's sections that are in [from, to).
func (c *haproxyConfig) haproxyTimeouts(from, to time.Duration) (found []Finding) {
	for _, s := range c.lyncSections() {
		for _, side := range []string{"client", "server"} {
			listens, serves := s.kind != "backend", s.kind != "frontend"
			if side == "client" && !listens || side == "server" && !serves {
				continue
			}
			l, ok := s.setting("timeout", side)
			old := map[string]string{"client": "clitimeout", "server": "srvtimeout"}[side]
			value := l.word(2)
			if !ok {
				l, ok = s.setting(old)
				value = l.word(1)
			}
			d, valid := haproxyTime(value)
			if !ok || !valid || d < from || d >= to || d == 0 {
				continue
			}
			unit := ""
			if strings.Trim(value, "0123456789") == "" {
				unit = " (a number without a unit is in milliseconds)"
			}
			reason := fmt.Sprintf("%s closes what is silent for %s%s. The Front End holds long polls silent for minutes (clients need 200 s at least, phones 960 s), "+
				"and each one that is cut is a reconnect.", s, shortTime(d), unit)
			if t, has := s.setting("timeout", "tunnel"); has {
				reason += fmt.Sprintf(" \"timeout tunnel %s\" does not help: it counts after an upgrade only.", t.word(2))
			}
			found = append(found, l.finding(reason, fmt.Sprintf("timeout %s 20m", side)))
		}
	}
	return firstPerLine(found)
}

func shortTime(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.Replace(d.String(), "m0s", "m", 1), "h0m"), "") + map[bool]string{true: "h"}[strings.HasSuffix(d.String(), "h0m0s")]
}

func haproxyShortTimeouts(c *haproxyConfig) []Finding { return c.haproxyTimeouts(0, leastSilence) }

func haproxyMediumTimeouts(c *haproxyConfig) []Finding {
	return c.haproxyTimeouts(leastSilence, phoneSilence)
}

func haproxyNoTimeouts(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncSections() {
		for side, applies := range map[string]bool{"client": s.kind != "backend", "server": s.kind != "frontend"} {
			_, set := s.setting("timeout", side)
			_, old := s.setting(map[string]string{"client": "clitimeout", "server": "srvtimeout"}[side])
			if applies && !set && !old {
				found = append(found, s.head.finding(fmt.Sprintf("%s has no \"timeout %s\": connections of clients that vanished stay for ever, until none is left. "+
					"HAProxy warns of it when it starts.", s, side), fmt.Sprintf("timeout %s 20m", side)))
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Fix, b.Fix) })
	return found
}

func haproxyKeepAlive(c *haproxyConfig) (found []Finding) {
	for _, p := range c.lyncParts() {
		if l, ok := p.setting("timeout", "http-keep-alive"); ok && p.mode() == "http" {
			if d, valid := haproxyTime(l.word(2)); valid && d < 2*time.Second {
				found = append(found, l.finding("NTLM needs three requests on one connection. A phone on a slow network that takes longer than "+l.word(2)+
					" between them begins anew each time.", "timeout http-keep-alive 75s"))
			}
		}
	}
	return firstPerLine(found)
}

// fewConnections is a limit below which a deployment of a few hundred users reaches it: each client holds two or three connections.
const fewConnections = 1000

func haproxyMaxconn(c *haproxyConfig) (found []Finding) {
	few := func(l statement, value string, what string) {
		if n, err := strconv.Atoi(value); err == nil && n > 0 && n < fewConnections {
			found = append(found, l.finding(fmt.Sprintf("%s takes %d connections at once. Every client holds one for its long poll and uses one or two more, so those who come "+
				"next wait and fail.", what, n), l.rewritten(value, "10000")))
		}
	}
	for _, l := range c.global {
		if l.words[0] == "maxconn" {
			few(l, l.word(1), "HAProxy")
		}
	}
	for _, p := range c.lyncParts() {
		if l, ok := p.setting("maxconn"); ok {
			few(l, l.word(1), p.String())
		}
		for _, b := range p.binds {
			few(b.statement, b.options["maxconn"], "the listener")
		}
	}
	c.lyncServers(func(b *haproxySection, s haproxyServer) { few(s.statement, s.options["maxconn"], "server "+s.name) })
	return firstPerLine(found)
}

func haproxyBufsize(c *haproxyConfig) (found []Finding) {
	http := slices.ContainsFunc(c.lyncParts(), func(p *haproxyPart) bool { return p.mode() == "http" })
	if !http {
		return nil
	}
	size, at := 16384, statement{file: c.file.Name}
	for _, l := range c.global {
		if l.words[0] == "tune.bufsize" {
			if n, err := strconv.Atoi(l.word(1)); err == nil {
				size, at = n, l
			}
		}
	}
	if size > 16384 {
		return nil
	}
	for _, s := range c.sections {
		if at.line == 0 && s.kind == "global" {
			at = s.head
		}
	}
	return []Finding{at.finding(fmt.Sprintf("All headers of a request have to fit into a buffer of %d bytes, of which 1 KiB is kept free. A Kerberos ticket of somebody who is in many groups does not, and "+
		"HAProxy answers 400.", size), "global\n    tune.bufsize 65536")}
}

func haproxyRate(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncSections() {
		for _, l := range s.lines {
			if action := haproxyFinal(l, s.mode()); action != "deny" {
				continue
			}
			text := strings.Join(l.words, " ")
			for _, acl := range s.acls {
				for _, a := range acl {
					if slices.ContainsFunc(conditionWords(l), func(w string) bool { return strings.TrimLeft(w, "!") == a.words[1] }) {
						text += " " + strings.Join(a.words[2:], " ")
					}
				}
			}
			if !strings.Contains(text, "_rate") && !strings.Contains(text, "_cnt") && !strings.Contains(text, "_cur") && !strings.Contains(text, "conn_cur") {
				continue
			}
			if !strings.Contains(text, "sc0_") && !strings.Contains(text, "sc1_") && !strings.Contains(text, "sc2_") && !strings.Contains(text, "sc_") && !strings.Contains(text, "src_") {
				continue
			}
			if c.neverOfLync(s, l) {
				continue
			}
			found = append(found, l.finding("Clients behind one address (an office, a mobile network) are counted as one. A meeting that begins, or sign-in after a break of the line, is a burst of requests, and who "+
				"is refused tries again.", "# leave Lync's names out, or count by more than the address:\n"+withUnless(l, c.lyncCondition(s))))
		}
	}
	return firstPerLine(found)
}

// neverOfLync tells whether no request for Lync that comes to the section can meet the line's condition.
func (c *haproxyConfig) neverOfLync(s *haproxySection, l statement) bool {
	asked := false
	for _, x := range c.published(nil) {
		b := x.last().backend
		if x.part.haproxySection != s && b != s {
			continue
		}
		asked = true
		q := x.asked
		paths := []string{x.path}
		if x.role == webHost || !x.named() {
			for _, d := range documented {
				paths = append(paths, d.path)
			}
		}
		for _, q.path = range paths {
			if c.condition(s, l, q) != never {
				return false
			}
		}
	}
	return asked
}

// lyncCondition is a condition that holds for the first names of Lync which a section serves.
func (c *haproxyConfig) lyncCondition(s *haproxySection) string {
	var names []string
	for _, x := range c.published(nil) {
		if !strings.HasSuffix(x.host, unknownDomain) && !slices.Contains(names, x.host) && len(names) < 4 {
			names = append(names, x.host)
		}
	}
	if len(names) == 0 {
		return "{ req.hdr(host) -m beg -i lyncdiscover. lyncweb. meet. dialin. }"
	}
	return "{ req.hdr(host) -i " + strings.Join(names, " ") + " }"
}

// withUnless is a line whose condition also asks that it is not for Lync.
func withUnless(l statement, lync string) string {
	switch {
	case slices.Contains(l.words, "if"):
		return quoted(l.words) + " !" + lync
	case slices.Contains(l.words, "unless"):
		return quoted(l.words) + " or " + lync
	}
	return quoted(l.words) + " unless " + lync
}

func haproxyBufferRequest(c *haproxyConfig) (found []Finding) {
	for _, s := range c.lyncSections() {
		if l, ok := s.setting("option", "http-buffer-request"); ok {
			found = append(found, l.finding("HAProxy waits for the body, up to a buffer's size or \"timeout http-request\", before it sends the request on. Slow uploads from phones end in 408.",
				"no option http-buffer-request"))
		}
	}
	return firstPerLine(found)
}
