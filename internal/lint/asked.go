package lint

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// asked is a request that a configuration is asked about: where does it go?
type asked struct {
	tls          bool
	port         string
	host, path   string
	method       string
	noServerName bool
	compiled     compiled
}

// compiled are regular expressions that were compiled before, nil where one is none of Go's. A nil map keeps none.
type compiled map[string]*regexp.Regexp

// certainty is the answer to a question that a configuration may leave open.
type certainty int

const (
	never certainty = iota
	perhaps
	always
)

func (a certainty) not() certainty { return always - a }

func certain(is bool) certainty {
	if is {
		return always
	}
	return never
}

// A hostRole is what clients use a public name for.
type hostRole int

const (
	otherHost hostRole = iota
	discoverHost
	internalHost // lyncdiscoverinternal, and internal names of web services
	meetHost
	dialinHost
	webHost
)

var internalName = regexp.MustCompile(`(?i)internal$|^(lyncweb|web|lyncpool|sfbweb|skypeweb|pool\d*)-?int(ern)?$|-int$`)

// notWeb are first labels of names beside the web services' own.
var notWeb = regexp.MustCompile(`(?i)^(sip|sipinternal|sipexternal|webconf|av|edge|access|owa|mail|webmail|exchange|autodiscover|www|admin|vpn|remote|crm)\d*$`)

// hostRoleOf tells a name's use, as far as the name tells. A meeting's name may be somebody else's: see lyncHosts.
func hostRoleOf(host string) hostRole {
	label, rest, _ := strings.Cut(strings.ToLower(host), ".")
	switch {
	case rest == "" && label != "lyncdiscover":
		return otherHost
	case label == "lyncdiscover":
		return discoverHost
	case internalName.MatchString(label):
		if kinshipOf(host) == lync {
			return internalHost
		}
	case label == "meet":
		return meetHost
	case label == "dialin" || label == "dial-in":
		return dialinHost
	case notWeb.MatchString(label):
	case kinshipOf(label+".x") == lync:
		return webHost
	}
	return otherHost
}

func domainOf(host string) string {
	_, domain, _ := strings.Cut(strings.ToLower(host), ".")
	return domain
}

// lyncHosts are those of the names that are Lync's. A name that others use as well, such as meet, counts where another of the
// same domain is surely Lync's.
func lyncHosts(names []string) []string {
	sure := map[string]bool{}
	for _, n := range names {
		switch hostRoleOf(n) {
		case discoverHost, webHost, internalHost:
			sure[domainOf(n)] = true
		}
	}
	var hosts []string
	for _, n := range names {
		n = strings.ToLower(strings.TrimSuffix(n, "."))
		role := hostRoleOf(n)
		if role == otherHost || (role == meetHost || role == dialinHost) && !sure[domainOf(n)] {
			continue
		}
		if !slices.Contains(hosts, n) {
			hosts = append(hosts, n)
		}
	}
	return hosts
}

// ports and paths that clients use first, by the role of the name.
func (r hostRole) path() string {
	switch r {
	case discoverHost:
		return "/?sipuri=alice@contoso.example"
	case meetHost:
		return "/alice/4D6HZ9KQ"
	case webHost:
		return "/ucwa/oauth/v1/applications"
	}
	return "/"
}

// documented are paths as clients write them, one of each virtual directory.
var documented = []struct {
	directory, path string
	signIn          bool
}{
	{"Autodiscover", "/Autodiscover/AutodiscoverService.svc/root/oauth/user", true},
	{"WebTicket", "/WebTicket/WebTicketService.svc", true},
	{"Ucwa", "/ucwa/oauth/v1/applications", true},
	{"Mcx", "/Mcx/McxService.svc", false},
	{"Abs", "/abs/handler", false},
	{"CertProv", "/CertProv/CertProvisioningService.svc", false},
	{"GroupExpansion", "/GroupExpansion/service.svc", false},
	{"Meet", "/meet/alice/4D6HZ9KQ", false},
	{"Dialin", "/dialin/", false},
	{"Reach", "/Reach/sip.svc", false},
	{"DataCollabWeb", "/DataCollabWeb/Relay", false},
	{"Lwa", "/lwa/WebPages/LwaClient.aspx", false},
	{"Scheduler", "/scheduler/", false},
}

// maxSamples bounds the names that a regular expression is unfolded to.
const maxSamples = 64

// samples are texts that a regular expression matches: every branch of its alternatives, the shortest of what repeats.
// It returns nil for what is no regular expression of Go.
func samples(expression string) []string {
	if len(expression) > 4096 {
		return nil
	}
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	return unfold(re.Simplify())
}

func unfold(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return nil
		}
		first := re.Rune[0]
		for i := 0; i+1 < len(re.Rune); i += 2 { // a letter rather than a sign
			if re.Rune[i] <= 'a' && 'a' <= re.Rune[i+1] {
				first = 'a'
			}
		}
		return []string{string(first)}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"."}
	case syntax.OpCapture, syntax.OpPlus:
		return unfold(re.Sub[0])
	case syntax.OpQuest:
		return cutSamples(append([]string{""}, unfold(re.Sub[0])...))
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			all = cutSamples(append(all, unfold(sub)...))
		}
		return all
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			var next []string
			tails := unfold(sub)
			for _, head := range all {
				for _, tail := range tails {
					if len(next) < maxSamples && len(head)+len(tail) < 512 {
						next = append(next, head+tail)
					}
				}
			}
			all = next
		}
		return all
	}
	return []string{""} // what repeats from none, and borders
}

func cutSamples(all []string) []string { return all[:min(len(all), maxSamples)] }

var hostInText = regexp.MustCompile(`(?i)^(?:https?://)?([a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)+)\.?(?::\d+)?(?:[/?].*)?$`)

// hostsIn are the names of hosts that a regular expression for hosts or URLs leads to.
func hostsIn(expression string) []string {
	var hosts []string
	for _, s := range samples(expression) {
		if h := hostOf(s); h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// hostOf is the name in a host or a URL, in lower case; empty for what has none.
func hostOf(text string) string {
	m := hostInText.FindStringSubmatch(text)
	if m == nil || strings.Trim(m[1], "0123456789.") == "" {
		return ""
	}
	return strings.ToLower(m[1])
}

// effort bounds the comparisons that questions to one configuration may take. What is asked when it is used up stays open.
const effort = 1_000_000

// maxNames bounds the names that a configuration is asked about.
const maxNames = 100

// matches runs a regular expression of another engine; perhaps when it is none of Go's.
func (known compiled) matches(expression, text string, ignoreCase bool) certainty {
	if ignoreCase {
		expression = "(?i)" + expression
	}
	if len(expression) > 4096 {
		return perhaps
	}
	re, is := known[expression]
	if !is {
		re, _ = regexp.Compile(expression)
		if known != nil {
			known[expression] = re
		}
	}
	if re == nil {
		return perhaps
	}
	return certain(re.MatchString(text))
}

var dotBetween = regexp.MustCompile(`[a-z0-9]\.[a-z0-9]`)

// unescapedDot tells whether a regular expression for hosts has a dot that stands for any character.
func unescapedDot(expression string) bool { return dotBetween.MatchString(expression) }

// escapeDots escapes such dots.
func escapeDots(expression string) string {
	for dotBetween.MatchString(expression) {
		expression = dotBetween.ReplaceAllStringFunc(expression, func(s string) string { return s[:1] + `\.` + s[2:] })
	}
	return expression
}
