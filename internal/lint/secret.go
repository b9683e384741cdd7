package lint

import (
	"regexp"
	"strings"
)

// addressMasks are the shapes of secrets in addresses, which sentences quote: names and passwords, and the values of queries.
var addressMasks = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(://[^/\s:@"']*:)([^@/\s]+)(@)`),
	regexp.MustCompile(`([?&][\w.-]+=)([^&\s"'$%;\\()]+)`),
}

// masks are the shapes of secrets in configurations; their second group is what is left out.
var masks = []*regexp.Regexp{
	regexp.MustCompile(`(?i)((?:^|[^-\w])(?:basic|bearer|negotiate|ntlm|digest)\\?\s+)([A-Za-z0-9+/=._~-]{4,})`),
	regexp.MustCompile(`(?i)(\bauth\s+[^\s:]+:)(\S+)`),
	regexp.MustCompile(`(?i)(\b(?:insecure-)?password\s+|\bstats[ _]password\s+)(\S+)`),
	regexp.MustCompile(`(?i)([\w-]*(?:password|passwd|passphrase|secret|api[_-]?key|token|sslpassword|bindpw|x-[\w-]*(?:key|auth))(?:"|'|\))?(?:\s*[=:]\s*|\s+))("[^"]*"?|'[^']*'?|[^\s;#]+)`),
	regexp.MustCompile(`(?i)(\b(?:AuthBasicFake|secure_link_secret|cachemgr_passwd)\s+)(.+)`),
	regexp.MustCompile(`(?i)((?:set|add|setifempty|append|proxy_set_header|http-request\s+set-header)\s+"?(?:Proxy-)?Authorization"?\s+)("[^"$%]+"?|'[^'$%]+'?|[^\s;"'$%{]+)`),
	regexp.MustCompile(`(?i)((?:_program|auth_param|external_acl_type)\b.*?\s-[wp]\s*)(\S+)`),
	regexp.MustCompile(`(?i)(\b(?:snmp_community|dynamic-cookie-key|agent-send|(?:tcp|http)-check\s+send(?:-binary|-lf)?)\s+)(\S+)`),
	regexp.MustCompile(`(?i)(\b(?:pw|pwd)["']?(?:\s*[=:]\s*|\s+)|\bpass["']?[=:]\s*)(\S+)`),
	regexp.MustCompile(`(?i)(\s--?[\w-]*(?:key|pass|pw|secret|token)[ =])(\S+)`),
	regexp.MustCompile(`^(\s*)([A-Za-z0-9+/=]{32,})\s*$`), // of keys and certificates
	regexp.MustCompile(`(-----BEGIN[^-]*PRIVATE KEY-----)(.*)`),
	regexp.MustCompile(`(\s|^|:)(\$(?:apr1|1|2[aby]|5|6|y)\$[^\s"';]+)`),
}

// loginOption is that of a peer of Squid; only some values are no names and passwords.
var loginOption = regexp.MustCompile(`(?i)\blogin=(\S+)`)

const masked = "[left out]"

// mask leaves out of a line what may be a secret. It errs to the side of leaving out too much.
func mask(line string) string {
	line = maskShapes(maskAddresses(line), masks)
	return loginOption.ReplaceAllStringFunc(line, func(hit string) string {
		if goodLogin(hit[len("login="):]) {
			return hit
		}
		return "login=" + masked
	})
}

// maskAddresses leaves out of a text what is secret in addresses.
func maskAddresses(text string) string { return maskShapes(text, addressMasks) }

func maskShapes(line string, shapes []*regexp.Regexp) string {
	for _, m := range shapes {
		line = m.ReplaceAllStringFunc(line, func(hit string) string {
			g := m.FindStringSubmatch(hit)
			tail := ""
			if len(g) > 3 {
				tail = g[3]
			}
			return g[1] + masked + tail
		})
	}
	return line
}

// maskAll masks the lines of an excerpt. Comments are left out, and what a quote holds beyond the end of its line: people write there what
// nobody should read.
func maskAll(lines []string) {
	var open byte
	for i, line := range lines {
		if open != 0 {
			_, after, closed := strings.Cut(line, string(open))
			lines[i] = masked + mask(after)
			if closed {
				open = 0
			}
			continue
		}
		lines[i], open = uncommented(line)
		lines[i] = mask(lines[i])
	}
}

// uncommented is a line without its comment, unless that is one for this program, and the quote that is open at its end.
func uncommented(line string) (string, byte) {
	var open byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case open != 0:
			if c == open {
				open = 0
			}
		case c == '"' || c == '\'' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			open = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') && !ignoreComment.MatchString(line[i:]):
			return line[:i] + "# …", 0
		}
	}
	return line, open
}

// maxLine is how much of a line is shown, in bytes.
const maxLine = 240

// clean makes a finding fit to be shown: no secrets, no control characters, no endless lines.
func clean(x *Finding) {
	for i, line := range x.Excerpt {
		x.Excerpt[i] = printable(line)
	}
	maskAll(x.Excerpt)
	for i, line := range x.Excerpt {
		x.Excerpt[i] = shorten(line)
	}
	x.Where = shorten(mask(printable(x.Where)))
	x.Reason, x.Fix = cleanText(x.Reason, func(l string) string { return maskAddresses(printable(l)) }), cleanText(x.Fix, func(l string) string { return mask(printable(l)) })
}

// cleanText makes a text of several lines fit to be shown. Reasons are our own sentences, in which words such as password are no secret.
func cleanText(text string, clean func(string) string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = clean(line)
		if len(lines[i]) > 4*maxLine {
			lines[i] = strings.ToValidUTF8(lines[i][:4*maxLine], "") + "…"
		}
	}
	return strings.Join(lines, "\n")
}

func shorten(line string) string {
	if len(line) <= maxLine {
		return line
	}
	return strings.ToValidUTF8(line[:maxLine], "") + "…"
}

func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
}
