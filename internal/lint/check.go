package lint

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Options of Check. The zero value leaves nothing out.
type Options struct {
	// Ignore are reasons for leaving out findings, by the ID of their rule.
	Ignore map[string]string
	// ReadFile reads the certificates that the configuration names. Nil means that they are not looked at.
	ReadFile func(name string) ([]byte, error)
}

// Severities are all of them, the worst first.
func Severities() []string { return []string{Critical, High, Medium, Low, Limit} }

// Fails says whether a finding counts at a severity: it is not suppressed, and as bad or worse.
func (f Finding) Fails(on string) bool {
	return f.Suppressed == "" && rank(f.Rule.Severity) <= rank(on)
}

func rank(severity string) int {
	if i := slices.Index(Severities(), severity); i >= 0 {
		return i
	}
	return len(Severities())
}

// Rules are those of all products that this package knows, in the order of their IDs.
func Rules() []Rule {
	var all []Rule
	for _, l := range languages() {
		all = append(all, complaintRule(l.product))
		all = append(all, l.rules()...)
	}
	return all
}

// Check returns what the rules find, the worst first, then in the order of the file. Suppressed findings are among them.
func Check(f *File, opts Options) []Finding {
	if !f.Lync {
		return nil
	}
	f.readFile = opts.ReadFile
	found := f.config.check()
	ignored := f.suppressions()
	for i := range found {
		x := &found[i]
		if x.Excerpt == nil && x.Line > 0 {
			x.Excerpt = f.excerpt(x.File, x.Line, max(x.last, x.Line))
		}
		x.Suppressed = cmp.Or(x.Suppressed, ignored.reason(x), opts.Ignore[x.Rule.ID])
		clean(x)
	}
	Sort(found)
	return slices.CompactFunc(found, func(a, b Finding) bool {
		return a.Rule.ID == b.Rule.ID && a.File == b.File && a.Line == b.Line && a.Where == b.Where && a.Reason == b.Reason
	})
}

// Sort puts the worst findings first; equal ones in the order of files and lines.
func Sort(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(rank(a.Rule.Severity), rank(b.Rule.Severity)),
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			strings.Compare(a.Rule.ID, b.Rule.ID),
			strings.Compare(a.Reason, b.Reason))
	})
}

// maxExcerpt is how many lines of a block are shown.
const maxExcerpt = 8

func (f *File) excerpt(file string, from, to int) []string {
	source := f.source(file)
	var lines []string
	for n := from; n <= min(to, from+maxExcerpt-1); n++ {
		lines = append(lines, source.line(n))
	}
	return lines
}

// suppressed are the comments of a file that leave findings out: by file, line and rule.
type suppressed map[string]map[int][]suppression

type suppression struct{ rule, reason string }

var ignoreComment = regexp.MustCompile(`#\s*lyncpin:\s*ignore\s+(\S+)[ \t]*(.*)$`)

func (f *File) suppressions() suppressed {
	all := suppressed{}
	for i := range f.sources {
		source := &f.sources[i]
		if !bytes.Contains(source.Data, []byte("lyncpin:")) {
			continue
		}
		lines := map[int][]suppression{}
		for number := 1; number <= len(source.starts); number++ {
			line := source.line(number)
			m := ignoreComment.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			reason := strings.TrimSpace(m[2])
			if reason == "" {
				f.note("%s:%d leaves out %s and gives no reason, so it does not count", source.Name, number, m[1])
				continue
			}
			// It holds for its own line, or for the first below that is not a comment.
			target := number
			for target <= len(source.starts) && strings.HasPrefix(strings.TrimSpace(source.line(target)), "#") {
				target++
			}
			lines[target] = append(lines[target], suppression{m[1], reason})
		}
		all[source.Name] = lines
	}
	return all
}

// reason is why a finding was left out; empty when it was not. One of a whole file is left out by a comment anywhere in it.
func (s suppressed) reason(x *Finding) string {
	for line, all := range s[x.File] {
		for _, one := range all {
			if one.rule == x.Rule.ID && (line == x.Line || x.Line == 0) {
				return one.reason
			}
		}
	}
	return ""
}
