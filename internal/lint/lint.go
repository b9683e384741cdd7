// Package lint finds mistakes in the configuration of a reverse proxy for Lync and Skype for Business without running it.
//
//	f, err := lint.Read("nginx.conf", data, lint.ReadOptions{}) // tells the product by its text
//	…
//	for _, x := range lint.Check(f, lint.Options{}) { fmt.Println(x.File, x.Line, x.Rule.ID, x.Rule.Title) }
//
// # Model
//
// A [Rule] looks at one product's parsed configuration and returns findings with the lines at fault, the reason, and the lines to write
// instead. Rules never run anything. A configuration that serves other things too is looked at only where it concerns Lync: the
// hosts lyncdiscover, meet, dialin, web services, and what leads to ports 4443 and 8080. What a rule cannot tell from the file, it does not say.
//
// A finding is suppressed by a comment on its line or in the comments right above it: "lyncpin: ignore RULE reason". The reason is
// required. Several rules take several comments, one below the other.
//
// # Limits
//
// The parsers are tolerant: they are no judges of syntax, which a product's own check is. Values that a product computes
// (maps, variables of a request) are taken for right.
package lint

// Products that have rules.
const (
	Nginx   = "nginx"
	HAProxy = "haproxy"
	Squid   = "squid"
	Apache  = "apache"
	PfSense = "pfsense"
)

// Severities, the worst first. They are the probe's words.
const (
	Critical = "critical"
	High     = "high"
	Medium   = "medium"
	Low      = "low"
	// Limit is what no configuration of the product can cure. It is said, and fails nothing.
	Limit = "limit"
)

// Rule is a static check of one product.
type Rule struct {
	// ID is stable and short: NGX-01, HAP-01, SQD-01, APA-01, PFS-SQ-01, PFS-HA-01, PFS-01.
	ID string
	// Product is nginx, haproxy, squid, apache or pfsense.
	Product string
	// Title is what is wrong, in a line. Severity is one of the constants.
	Title, Severity string
	// Mode is the failure mode that this leads to, as "lyncpin explain" knows it; empty when there is none.
	Mode string
}

// Finding is a mistake.
type Finding struct {
	Rule Rule
	// File is the path as it was given (or that of the included file), Line counts from 1; zero means the whole file.
	File string
	Line int
	// last is the last line at fault; zero means Line.
	last int
	// Where says which part of the configuration it is, for formats in which lines mean little: "mapping SFB_TLS". May be empty.
	Where string
	// Excerpt are the faulty lines as they stand; secrets never.
	Excerpt []string
	// Reason says what happens because of it, and Fix what to write instead, in lines of the product.
	Reason string
	Fix    string
	// Suppressed is the reason somebody gave for leaving it; empty for a finding that counts.
	Suppressed string
}
