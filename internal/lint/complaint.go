package lint

import (
	"regexp"
	"strings"
)

// prefixes begin the IDs of the products' rules.
var prefixes = []struct{ product, prefix string }{{Nginx, "NGX"}, {Apache, "APA"}, {HAProxy, "HAP"}, {Squid, "SQD"}}

// complaintRule is what a product's own check refuses.
func complaintRule(product string) Rule {
	for _, p := range prefixes {
		if p.product == product {
			return Rule{p.prefix + "-00", product, "the product itself refuses this configuration", Critical, ""}
		}
	}
	return Rule{Product: product, Severity: Critical}
}

// complaints are the lines in which products refuse a file; the groups file, line and text are filled where the product says them.
var complaints = map[string][]*regexp.Regexp{
	Nginx: {regexp.MustCompile(`\[(?:emerg|crit|alert)\] (?:\d+#\d+: )?(?P<text>.*?)(?: in (?P<file>\S+):(?P<line>\d+))?$`)},
	HAProxy: {regexp.MustCompile(`^\[ALERT\].*?parsing \[(?P<file>[^\]]+):(?P<line>\d+)\] ?:\s*(?P<text>.*)$`),
		regexp.MustCompile(`^\[ALERT\]\s+(?:\S+ )?(?:\(\d+\) : )?(?P<text>.*)$`)},
	Apache: {regexp.MustCompile(`^(?:AH\d+: )?Syntax error on line (?P<line>\d+) of (?P<file>\S+?):(?P<text>.*)$`),
		regexp.MustCompile(`(?P<text>AH\d+: (?:Configuration error|Cannot access|Could not open).*)$`)},
	Squid: {regexp.MustCompile(`FATAL: Bungled (?P<file>\S+) line (?P<line>\d+): (?P<text>.*)$`),
		regexp.MustCompile(`\| (?P<file>[^|\s]+)\((?P<line>\d+)\): (?P<text>unrecognized.*)$`),
		regexp.MustCompile(`(?:FATAL|ERROR): (?P<text>.*)$`)},
}

// Complaints are findings made of what a product says about a configuration that it refuses: the output of "nginx -t",
// "haproxy -c", "apache2 -t", "squid -k parse". What it says in a shape that is not known counts for the whole file.
func Complaints(product, file, output string) []Finding {
	rule := complaintRule(product)
	var found []Finding
	lines := strings.Split(strings.ReplaceAll(output, "\r\n", "\n"), "\n")
	for i, line := range lines {
		for _, shape := range complaints[product] {
			m := shape.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			x := Finding{Rule: rule, File: file}
			for g, name := range shape.SubexpNames() {
				switch {
				case m[g] == "":
				case name == "file":
					x.File = m[g]
				case name == "line":
					x.Line = atoi(m[g])
				case name == "text":
					x.Reason = m[g]
				}
			}
			if x.Reason == "" && i+1 < len(lines) { // Apache says what on the next line
				x.Reason = lines[i+1]
			}
			if len(found) > 0 && x.Line == 0 { // a summary of what was said before
				break
			}
			found = append(found, x)
			break
		}
	}
	if len(found) == 0 {
		found = append(found, Finding{Rule: rule, File: file, Reason: strings.Join(strings.Fields(output), " ")})
	}
	for i := range found {
		found[i].Reason = product + " says: " + mask(strings.TrimSpace(found[i].Reason))
		clean(&found[i])
	}
	return found
}
