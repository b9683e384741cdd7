package pfsense

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// pattern is a regular expression of a mapping or an ACL.
type pattern struct {
	text string
	re   *regexp.Regexp
	// hosts are the host names that it spells out; "*." stands before those of which only the end is known.
	hosts []string
	err   error
}

const maxPattern = 4096 // bytes; what a form's field holds

// squidPattern reads one of Squid's: a POSIX extended regular expression, which matches anywhere in the URL, in any letter case.
func squidPattern(text string) pattern {
	p := pattern{text: text}
	var translated string
	if translated, p.err = fromERE(text); p.err == nil {
		p.compile(translated, true)
	}
	return p
}

// haproxyPattern reads one of HAProxy's: a Perl-compatible regular expression.
func haproxyPattern(text string, caseSensitive bool) pattern {
	p := pattern{text: text}
	if len(text) > maxPattern {
		p.err = errors.New("it is too long")
		return p
	}
	p.compile(text, !caseSensitive)
	return p
}

func (p *pattern) compile(text string, fold bool) {
	flags := syntax.Perl
	if fold {
		text = "(?i)" + text
	}
	parsed, err := syntax.Parse(text, flags)
	if err == nil {
		p.re, err = regexp.Compile(text)
	}
	if err != nil {
		p.err = errors.New("it is no regular expression that can be read")
		return
	}
	for _, s := range spell(parsed) {
		if h := hostIn(s); h != "" && !slices.Contains(p.hosts, h) {
			p.hosts = append(p.hosts, h)
		}
	}
}

func (p pattern) matches(s string) bool { return p.re != nil && p.re.MatchString(s) }

// fromERE writes a POSIX extended regular expression as Go has it. What both have is the same but for brackets, in which a
// backslash stands for itself, and for escapes: POSIX has none of letters, and those of GNU and BSD are the ones for words.
func fromERE(text string) (string, error) {
	if len(text) > maxPattern {
		return "", errors.New("it is too long")
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		start := i == 0 || text[i-1] == '(' || text[i-1] == '|'
		switch {
		case strings.ContainsRune("*+?", rune(c)) && start:
			return "", errors.New("it begins with " + string(c) + ", as file names are written, not regular expressions")
		case c == '\\':
			if i++; i == len(text) {
				return "", errors.New("it ends with a backslash")
			}
			switch e := text[i]; {
			case strings.ContainsRune("wWsSbB", rune(e)):
				out.WriteString(`\` + string(e))
			case e == '<' || e == '>':
				out.WriteString(`\b`)
			case e >= '0' && e <= '9':
				return "", errors.New("it refers back to a part of itself")
			default:
				out.WriteString(regexp.QuoteMeta(string(rune(e))))
			}
		case c == '[':
			end := bracketEnd(text, i)
			if end < 0 {
				return "", errors.New("a bracket does not end")
			}
			out.WriteString(bracket(text[i+1 : end]))
			i = end
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// bracketEnd is the place of the "]" of a bracket expression that begins at i, or -1.
func bracketEnd(text string, i int) int {
	j := i + 1
	if strings.HasPrefix(text[j:], "^") {
		j++
	}
	if strings.HasPrefix(text[j:], "]") {
		j++
	}
	for j < len(text) {
		if class := text[j:]; len(class) > 1 && class[0] == '[' && strings.ContainsRune(":.=", rune(class[1])) {
			end := strings.Index(class[2:], class[1:2]+"]")
			if end < 0 {
				return -1
			}
			j += end + 4
			continue
		}
		if text[j] == ']' {
			return j
		}
		j++
	}
	return -1
}

// bracket writes the inside of a bracket expression with what Go's would read otherwise escaped.
func bracket(inside string) string {
	out := "["
	if rest, not := strings.CutPrefix(inside, "^"); not {
		out, inside = "[^", rest
	}
	for len(inside) > 0 {
		if end := strings.Index(inside, ":]"); strings.HasPrefix(inside, "[:") && end > 0 {
			out, inside = out+inside[:end+2], inside[end+2:]
			continue
		}
		c := inside[:1]
		if strings.ContainsAny(c, `\[]`) {
			c = `\` + c
		}
		out, inside = out+c, inside[1:]
	}
	return out + "]"
}

// anything stands in what spell returns for a part that is not spelled out.
const anything = "\x00"

// maxSpelled bounds the texts of one pattern.
const maxSpelled = 256

// spell lists the texts that an expression matches, with anything in place of what has no end.
func spell(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"."} // nearly always a dot that nobody escaped
	case syntax.OpCharClass:
		return spellClass(re.Rune)
	case syntax.OpCapture:
		return spell(re.Sub[0])
	case syntax.OpQuest:
		return append(spell(re.Sub[0]), "")
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		return []string{anything}
	case syntax.OpAlternate:
		var out []string
		for _, s := range re.Sub {
			out = append(out, spell(s)...)
		}
		return out[:min(len(out), maxSpelled)]
	case syntax.OpConcat:
		out := []string{""}
		for _, s := range re.Sub {
			tails := spell(s)
			if len(out)*len(tails) > maxSpelled {
				tails = []string{anything}
			}
			var next []string
			for _, head := range out {
				for _, tail := range tails {
					next = append(next, head+tail)
				}
			}
			out = next
		}
		return out
	}
	return []string{""}
}

// spellClass lists a small class of characters, such as [st]; both cases of a letter are one.
func spellClass(ranges []rune) []string {
	var out []string
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 4 || len(out) > 8 {
			return []string{anything}
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if s := strings.ToLower(string(r)); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

var schemePart = regexp.MustCompile(`^(http|https|` + anything + `)?(://|` + anything + `//)`)

// hostIn is the host of a spelled URL or of the beginning of one, "" when there is none.
func hostIn(s string) string {
	s = schemePart.ReplaceAllString(strings.ToLower(s), "")
	if i := strings.IndexAny(s, "/:?"); i >= 0 {
		s = s[:i]
	}
	s = strings.TrimSuffix(s, anything)
	if i := strings.LastIndex(s, anything); i >= 0 {
		s = strings.TrimPrefix(s[i+1:], ".")
		if !hostLike(s) {
			return ""
		}
		return "*." + s
	}
	if s = strings.TrimSuffix(s, "."); hostLike(s) {
		return s
	}
	return ""
}

var hostShape = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+$`)

// hostLike tells whether a text in lower case can be a host name of more than one label.
func hostLike(s string) bool { return len(s) <= 253 && hostShape.MatchString(s) }
