package lint

import (
	"regexp"
	"strings"
)

// masks are the shapes of secrets in configurations; their second group is what is left out.
var masks = []*regexp.Regexp{
	regexp.MustCompile(`(?i)((?:^|[^-\w])(?:basic|bearer|negotiate|ntlm|digest)\s+)([A-Za-z0-9+/=._~-]{4,})`),
	regexp.MustCompile(`(?i)(://[^/\s:@"']*:)([^@/\s]+)(@)`),
	regexp.MustCompile(`(?i)(\bauth\s+[^\s:]+:)(\S+)`),
	regexp.MustCompile(`(?i)(\blogin=[^\s:]*:)(\S+)`),
	regexp.MustCompile(`(?i)(\b(?:insecure-)?password\s+|\bstats[ _]password\s+)(\S+)`),
	regexp.MustCompile(`(?i)([\w-]*(?:password|passwd|passphrase|secret|api[_-]?key|token|sslpassword|bindpw)(?:"|')?(?:\s*[=:]\s*|\s+))("[^"]*"?|'[^']*'?|[^\s;#]+)`),
	regexp.MustCompile(`(?i)(\b(?:AuthBasicFake|secure_link_secret|cachemgr_passwd)\s+)(.+)`),
	regexp.MustCompile(`(?i)((?:set|add|setifempty|append|proxy_set_header|http-request\s+set-header)\s+"?(?:Proxy-)?Authorization"?\s+)("[^"$%]+"?|'[^'$%]+'?|[^\s;"'$%{]+)`),
	regexp.MustCompile(`(?i)((?:_program|auth_param|external_acl_type)\b.*?\s-[wp]\s*)(\S+)`),
	regexp.MustCompile(`(?i)(\b(?:snmp_community|dynamic-cookie-key)\s+)(\S+)`),
	regexp.MustCompile(`(-----BEGIN[^-]*PRIVATE KEY-----)(.*)`),
	regexp.MustCompile(`(\s|^|:)(\$(?:apr1|1|2[aby]|5|6|y)\$[^\s"';]+)`),
}

const masked = "[left out]"

// mask leaves out of a line what may be a secret. It errs to the side of leaving out too much.
func mask(line string) string {
	for _, m := range masks {
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

// maxLine is how much of a line is shown, in bytes.
const maxLine = 240

// clean makes a finding fit to be shown: no secrets, no control characters, no endless lines.
func clean(x *Finding) {
	for i, line := range x.Excerpt {
		x.Excerpt[i] = shorten(mask(printable(line)))
	}
	x.Where = shorten(mask(printable(x.Where)))
	x.Reason, x.Fix = cleanText(x.Reason, printable), cleanText(x.Fix, func(l string) string { return mask(printable(l)) })
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
