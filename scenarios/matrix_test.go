package scenarios_test

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"lyncpin/internal/failure"
	"lyncpin/internal/golden"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// The matrix shows what every rule says of every scenario. A change of a rule shows there as the letters that turned
// elsewhere, in look-alikes that nobody thought of.
func TestMatrix(t *testing.T) {
	t.Parallel()
	rules := failure.Rules()
	var b bytes.Buffer
	b.WriteString(`What every rule (columns) says of every scenario (rows).

  F  found, as a root cause          .  looked, and it is not so      ?  could not tell
  f  found, and follows from an F    -  the question does not arise    ~  left to chance: servers that differ take turns

After each row: the root causes, the worst first, and in parentheses what follows from them.

`)
	for i, r := range rules {
		fmt.Fprintf(&b, "%3d  %-8s  %s\n", i+1, r.Severity, r.ID)
	}
	block := ""
	for n, r := range everyRecord(t) {
		if at := blockOf(r); at != block {
			block = at
			fmt.Fprintf(&b, "\n%s\n%s\n%s\n", heading(rules, block), columns(rules, func(i int) byte { return tens(i + 1) }),
				columns(rules, func(i int) byte { return '0' + byte((i+1)%10) }))
		}
		var follow []string
		chance, judged := takesTurns(r), judgedAlone()[n]
		letters := columns(rules, func(i int) byte {
			switch v := judged[i].verdict; {
			case slices.Contains(r.Found, rules[i].ID):
				if !v.IsFound() {
					t.Errorf("%s: %s is found among the others, and alone it is %s", r.ID, rules[i].ID, v)
				}
				return 'F'
			case chance && slices.Contains(webAreas, area(rules[i].ID)):
				return '~'
			case v.IsFound():
				follow = append(follow, string(rules[i].ID))
				return 'f'
			case v.IsClear():
				return '.'
			case v.IsUnknown():
				return '?'
			}
			return '-'
		})
		fmt.Fprintf(&b, "%s  %s", letters, r.ID)
		if len(r.Found) > 0 {
			fmt.Fprintf(&b, ": %s", listed(r.Found))
		}
		if len(follow) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(follow, ", "))
		}
		b.WriteByte('\n')
	}
	golden.Compare(t, "testdata/matrix.golden", b.Bytes())
}

// turns are scenarios in which one server behind the proxy answers otherwise than the next, and each serves every
// other request. Their mode shows in any case; what else does depends on which request came to which server.
var turns = []string{
	"proxy.mixed-scheme-peers-round-robin/*",
	"frontend.one-node-down/*",
	"compound/node-and-certificate-name",
	"auth.clock-skew/one-node-*",
	"proxy.ntlm-multiplexed/connection*",
	"proxy.ntlm-multiplexed/http10-to-the-front-end",
}

// webAreas are the areas whose rules read what the servers behind the proxy answer.
var webAreas = []string{"proxy", "frontend", "meeting", "hybrid", "auth", "policy", "mobility"}

func takesTurns(r scenarios.Result) bool {
	return slices.ContainsFunc(turns, func(pattern string) bool {
		match, err := path.Match(pattern, r.ID)
		return match && err == nil
	})
}

// blockOf names the rows that a scenario stands among: those of its mode's area, or of its kind.
func blockOf(r scenarios.Result) string {
	if r.Kind == scenarios.KindCase || r.Kind == scenarios.KindNear {
		return area(probe.ID(r.ID))
	}
	return r.Kind
}

func area(id probe.ID) string {
	a, _, _ := strings.Cut(string(id), ".")
	return a
}

// columns writes a byte for each rule, with a space between areas.
func columns(rules []probe.Rule, write func(int) byte) string {
	var out []byte
	for i := range rules {
		if i > 0 && area(rules[i].ID) != area(rules[i-1].ID) {
			out = append(out, ' ')
		}
		out = append(out, write(i))
	}
	return string(out)
}

// heading names the areas above their columns, as far as they are wide enough, and the block at the end.
func heading(rules []probe.Rule, block string) string {
	wide := map[string]int{}
	var areas []string
	for i := range rules {
		a := area(rules[i].ID)
		if wide[a] == 0 {
			areas = append(areas, a)
		}
		wide[a]++
	}
	var out []string
	for _, a := range areas {
		out = append(out, fmt.Sprintf("%-*.*s", wide[a], wide[a], a))
	}
	return strings.Join(out, " ") + "  " + block
}

// tens is the tens digit of a column's number, once for each ten.
func tens(n int) byte {
	if n%10 != 0 {
		return ' '
	}
	return '0' + byte(n/10%10)
}

func listed(ids []probe.ID) string {
	var words []string
	for _, id := range ids {
		words = append(words, string(id))
	}
	return strings.Join(words, ", ")
}
