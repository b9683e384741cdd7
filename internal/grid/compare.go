package grid

import (
	"fmt"
	"slices"
	"strings"
)

// Verdicts of a cell.
const (
	Same    = "same"    // as without a proxy, but for the proxy's habits
	Differs = "differs" // something else than habits is different
	Refused = "refused" // the proxy did not pass it on, and said so or hung up
	Broken  = "broken"  // the client did not get what the web server answered, or not as it should
	Unsafe  = "unsafe"  // one client could speak for another
)

// habits are what a proxy does to every request and every answer, by the key of the change.
type habits struct {
	request, answer map[string]change
}

// change is a difference of one field.
type change struct {
	key  string // what is done to which name, whatever the value
	text string
}

// learn finds the habits where nothing else is special.
func learn(direct, via *Observation) habits {
	h := habits{request: map[string]change{}, answer: map[string]change{}}
	if len(direct.received) > 0 && len(via.received) > 0 {
		for _, c := range fieldChanges(direct.received[0].message.fields, via.received[0].message.fields) {
			h.request[c.key] = c
		}
		if c, yes := spelling(direct.received[0].message.fields, via.received[0].message.fields); yes {
			h.request[c.key] = c
		}
	}
	d, v := direct.reply(0, 0), via.reply(0, 0)
	for _, c := range fieldChanges(d.message.fields, v.message.fields) {
		h.answer[c.key] = c
	}
	if c, yes := spelling(d.message.fields, v.message.fields); yes {
		h.answer[c.key] = c
	}
	return h
}

// reply is an answer of a step; the zero one when there is none.
func (o *Observation) reply(step, number int) reply {
	if step < len(o.heard) && number < len(o.heard[step].replies) {
		return o.heard[step].replies[number]
	}
	return reply{}
}

// status is that of the first answer of a step; zero when there is none.
func (o *Observation) status(step int) int {
	r := o.reply(step, 0)
	return r.message.status()
}

// fieldChanges compare two lists of fields. The order of values of a name counts, that of names does not. What frames a body is
// compared elsewhere, and what is different each time not at all.
func fieldChanges(from, to []Field) []change {
	var names []string
	collect := func(fields []Field) map[string][]Field {
		m := map[string][]Field{}
		for _, f := range fields {
			name := strings.ToLower(f.Name)
			switch name {
			case "content-length", "transfer-encoding", "date", "x-connection":
				continue
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			m[name] = append(m[name], f)
		}
		return m
	}
	a, b := collect(from), collect(to)
	var out []change
	for _, name := range names {
		old, now := a[name], b[name]
		spelled := append(slices.Clone(old), now...)[0].Name
		switch {
		case len(old) == 0:
			out = append(out, change{"+" + name, fmt.Sprintf("adds %s: %s", spelled, clip(joined(now)))})
		case len(now) == 0:
			out = append(out, change{"-" + name, fmt.Sprintf("drops %s", spelled)})
		case !slices.Equal(values(old), values(now)):
			out = append(out, change{"=" + name, changed(spelled, values(old), values(now))})
		}
	}
	return out
}

// spelling tells whether names are written in other letters. Nobody may care (RFC 9110 §5.1), so it is a habit and never a difference.
func spelling(from, to []Field) (change, bool) {
	for _, f := range from {
		for _, t := range to {
			if f.Name != t.Name && strings.EqualFold(f.Name, t.Name) {
				return change{"spelling", fmt.Sprintf("writes names of fields in its own letters: %s becomes %s", f.Name, t.Name)}, true
			}
		}
	}
	return change{}, false
}

func values(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Value
	}
	return out
}

func joined(fields []Field) string { return strings.Join(values(fields), " | ") }

// changed words a change of values: what was put before or behind, or in place.
func changed(name string, old, now []string) string {
	a, b := strings.Join(old, " | "), strings.Join(now, " | ")
	switch {
	case len(now) > len(old) && slices.Equal(old, now[:len(old)]):
		return fmt.Sprintf("adds another field %s: %s", name, clip(strings.Join(now[len(old):], " | ")))
	case len(old) > 1 && len(now) == 1 && (now[0] == strings.Join(old, ", ") || now[0] == strings.Join(old, "; ") || now[0] == strings.Join(old, ",")):
		return fmt.Sprintf("joins the fields %s into one: %s", name, clip(now[0]))
	case strings.HasPrefix(b, a+",") && a != "":
		return fmt.Sprintf("appends to %s: %s", name, clip(strings.TrimLeft(b[len(a):], ", ")))
	}
	return fmt.Sprintf("%s: %s becomes %s", name, clip(a), clip(b))
}

// clip shows the beginning of a long value.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		s = fmt.Sprintf("%s… (%d bytes)", s[:most-10], len(s))
	}
	if s == "" {
		return "nothing"
	}
	return visible(s)
}

// judgeCell says how a proxy's cell differs from the direct one.
func judgeCell(c *Case, direct, via *Observation, h habits) (verdict string, says []string) {
	if why := via.unsafe(direct); why != "" {
		return Unsafe, []string{why}
	}
	if c.judge != nil {
		if verdict, text := c.judge(direct, via); verdict != "" {
			return verdict, some(text)
		}
	}
	if verdict, text := via.outcome(c, direct); verdict != "" {
		return verdict, some(text)
	}
	says = append(compareReceived(c, direct, via, h), compareHeard(c, direct, via, h)...)
	if len(says) > 0 {
		return Differs, says
	}
	return Same, nil
}

func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// unsafe tells what was passed on that can be read in two ways. A tunnel's bytes are a client's own affair.
func (o *Observation) unsafe(direct *Observation) string {
	if o.tunnel {
		return ""
	}
	hidden := func(s seen) bool { return s.step == hiddenStep }
	for i := range o.received {
		s := &o.received[i]
		if list := s.message.ambiguous(); len(list) > 0 {
			return "passes on " + strings.Join(list, ", ")
		}
		if s.body.bad != "" {
			return "passes on " + s.body.bad
		}
	}
	if slices.ContainsFunc(o.received, hidden) && !slices.ContainsFunc(direct.received, hidden) {
		return "a request hidden in a body comes out"
	}
	return ""
}

// hiddenStep tags requests that are hidden in others.
const hiddenStep = 9

// outcome looks for what is worse than a difference.
func (o *Observation) outcome(c *Case, direct *Observation) (verdict, says string) {
	for i := range direct.heard {
		d, v := &direct.heard[i], &o.heard[i]
		before, now := direct.reply(i, 0), o.reply(i, 0)
		was, is := before.message.status(), now.message.status()
		switch {
		case v.end == endRefused && d.end != endRefused:
			return Refused, "no connection: " + v.err
		case v.end == endRefused || d.end == endLeft:
		case is >= 400 && len(o.received) == 0 && len(direct.received) > 0:
			return Refused, fmt.Sprint(is)
		case is == 0 && len(v.raw) > 0 && len(o.received) == 0 && len(direct.received) > 0:
			return Refused, "a page without a status"
		case is >= 500 && is != was && !c.Malformed && was > 0:
			return Broken, fmt.Sprint(is)
		case is >= 400 && is != was:
			return Refused, fmt.Sprint(is)
		case v.end == endComplete && len(o.received) == 0 && len(direct.received) > 0:
			return Differs, fmt.Sprintf("answers %d itself", is)
		case d.end == endComplete && v.end != endComplete && v.reused && len(v.raw) == 0:
			return Differs, fmt.Sprintf("ends the connection before request %d", i+1)
		case d.end == endComplete && v.end != endComplete && (c.Malformed || len(o.received) == 0) && v.end != endTimeout && is == 0:
			return Refused, "hangs up"
		case d.end == endComplete && v.end == endTimeout && (c.Malformed || len(o.received) == 0):
			return Refused, "waits for more"
		case d.end == endComplete && v.end != endComplete && c.Malformed:
			return Differs, broken(v)
		case d.end == endComplete && v.end != endComplete:
			return Broken, broken(v)
		case d.end == endComplete && before.body.digest() != now.body.digest() && is == was:
			return Broken, fmt.Sprintf("another body: %d bytes, not %d", len(now.body.data), len(before.body.data))
		}
	}
	return "", ""
}

// broken says how an answer did not come to its end.
func broken(h *heard) string {
	got := "nothing"
	if len(h.replies) > 0 {
		r := h.replies[len(h.replies)-1]
		got = fmt.Sprintf("%d and %d bytes", r.message.status(), len(r.body.data))
	}
	return fmt.Sprintf("%s after %s", h.end, got)
}

func compareReceived(c *Case, direct, via *Observation, h habits) []string {
	var out []string
	if a, b := len(direct.received), len(via.received); a != b {
		out = append(out, fmt.Sprintf("the web server gets %d requests, not %d", b, a))
	}
	for i := range min(len(direct.received), len(via.received)) {
		d, v := &direct.received[i], &via.received[i]
		out = append(out, compareRequests(c, d, v, h)...)
	}
	if c.Group == groupConnection && len(direct.received) == len(via.received) {
		if a, b := connectionPattern(direct.received), connectionPattern(via.received); a != b {
			out = append(out, fmt.Sprintf("upstream connections %s, not %s", b, a))
		}
	}
	return compact(out)
}

func compareRequests(c *Case, d, v *seen, h habits) []string {
	var out []string
	say := func(what, from, to string) {
		if from != to {
			out = append(out, fmt.Sprintf("%s: %s becomes %s", what, clip(from), clip(to)))
		}
	}
	dm, dt, dv := d.message.requestLine()
	vm, vt, vv := v.message.requestLine()
	say("method", dm, vm)
	if dt != vt && len(dt) > 200 {
		say("target", fmt.Sprintf("%d bytes", len(dt)), fmt.Sprintf("%d bytes", len(vt)))
	} else {
		say("target", dt, vt)
	}
	say("version", dv, vv)
	for _, f := range fieldChanges(d.message.fields, v.message.fields) {
		if _, usual := h.request[f.key]; !usual {
			out = append(out, f.text)
		}
	}
	if c.Steps[min(d.step, len(c.Steps)-1)].Answer.Early {
		return out // how much of the body arrives is a matter of time
	}
	say("body", framed(&d.body), framed(&v.body))
	if d.body.digest() != v.body.digest() {
		out = append(out, fmt.Sprintf("body: %d bytes, not %d", len(v.body.data), len(d.body.data)))
	}
	if len(d.body.trailers) > len(v.body.trailers) {
		out = append(out, "drops trailer fields of the request")
	}
	return out
}

// framed words where a body ends. "No body" and one of length 0 are the same to everybody.
func framed(b *body) string {
	switch {
	case b.framing == framingLength && len(b.data) == 0:
		return framingNone
	case b.framing == framingLength:
		return "of known length"
	}
	return b.framing
}

// connectionPattern numbers the connections in the order in which they were used: "1 1 2".
func connectionPattern(all []seen) string {
	number := map[int]int{}
	var out []string
	for _, s := range all {
		if number[s.connection] == 0 {
			number[s.connection] = len(number) + 1
		}
		out = append(out, itoa(number[s.connection]))
	}
	return strings.Join(out, " ")
}

func compareHeard(c *Case, direct, via *Observation, h habits) []string {
	var out []string
	for i := range min(len(direct.heard), len(via.heard)) {
		dh, vh := &direct.heard[i], &via.heard[i]
		if a, b := len(dh.replies), len(vh.replies); a != b {
			out = append(out, fmt.Sprintf("the client gets %d answers, not %d", b, a))
		}
		if dh.extra != vh.extra {
			out = append(out, fmt.Sprintf("%d bytes behind the answer, not %d", vh.extra, dh.extra))
		}
		if dh.end == endRefused && vh.end == endRefused && handshake(dh.err) != handshake(vh.err) {
			out = append(out, "TLS: "+handshake(vh.err))
		}
		if dh.end != vh.end {
			out = append(out, fmt.Sprintf("answer: %s, not %s", vh.end, dh.end))
		}
		for j := range min(len(dh.replies), len(vh.replies)) {
			out = append(out, compareReplies(c, &dh.replies[j], &vh.replies[j], h)...)
		}
	}
	return compact(out)
}

// handshake words why none came about.
func handshake(err string) string {
	if strings.Contains(err, "certificate is valid for") {
		return "a certificate for other names"
	}
	return err
}

func compareReplies(c *Case, d, v *reply, h habits) []string {
	var out []string
	if !slices.Equal(d.interim, v.interim) {
		out = append(out, fmt.Sprintf("interim answers %v, not %v", v.interim, d.interim))
	}
	if a, b := d.message.status(), v.message.status(); a != b {
		out = append(out, fmt.Sprintf("status %d, not %d", b, a))
	} else if d.message.line != v.message.line {
		out = append(out, fmt.Sprintf("status line: %s becomes %s", clip(d.message.line), clip(v.message.line)))
	}
	for _, f := range fieldChanges(d.message.fields, v.message.fields) {
		_, usual := h.answer[f.key]
		hop := strings.HasSuffix(f.key, "connection") || strings.HasSuffix(f.key, "keep-alive") // each hop's own affair
		if !usual && !(hop && c.Group != groupConnection) {
			out = append(out, "answer: "+f.text)
		}
	}
	if a, b := framed(&d.body), framed(&v.body); a != b && len(d.body.data)+len(v.body.data) > 0 {
		out = append(out, fmt.Sprintf("answer's body: %s becomes %s", a, b))
	}
	if len(d.body.trailers) > len(v.body.trailers) {
		out = append(out, "drops trailer fields of the answer")
	}
	return out
}

// compact drops what is said twice.
func compact(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
