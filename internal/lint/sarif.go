package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// The parts of SARIF 2.1.0 that are written: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		ColumnKind  string            `json:"columnKind"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string          `json:"id"`
		ShortDescription     sarifText       `json:"shortDescription"`
		FullDescription      sarifText       `json:"fullDescription"`
		Help                 sarifText       `json:"help"`
		DefaultConfiguration sarifConfig     `json:"defaultConfiguration"`
		Properties           sarifProperties `json:"properties"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifProperties struct {
		Tags     []string `json:"tags"`
		Severity string   `json:"severity"`
		Mode     string   `json:"mode,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool                `json:"executionSuccessful"`
		ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID              string             `json:"ruleId"`
		RuleIndex           int                `json:"ruleIndex"`
		Level               string             `json:"level"`
		Message             sarifText          `json:"message"`
		Locations           []sarifLocation    `json:"locations"`
		PartialFingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions        []sarifSuppression `json:"suppressions"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int        `json:"startLine"`
		EndLine   int        `json:"endLine,omitempty"`
		Snippet   *sarifText `json:"snippet,omitempty"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// WriteSARIF writes results as SARIF 2.1.0, which code hosts and editors show. The rules are all those that the products of the
// results have; version is the program's and may be empty.
func WriteSARIF(w io.Writer, results []Result, rules []Rule, version string) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "lyncpin", Version: version, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{ExecutionSuccessful: true, ToolExecutionNotifications: []sarifNotification{}}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
	}
	at := map[string]int{}
	know := func(r Rule) int {
		i, known := at[r.ID]
		if !known {
			i = len(at)
			at[r.ID] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r))
		}
		return i
	}
	for _, r := range rules {
		if slices.ContainsFunc(results, func(x Result) bool { return x.Product == r.Product }) {
			know(r)
		}
	}
	for _, r := range results {
		notes := slices.Clone(r.Notes)
		if !r.Lync {
			notes = append(notes, r.File+": nothing in it concerns Lync, so nothing was checked")
		}
		for _, n := range notes {
			run.Invocations[0].ToolExecutionNotifications = append(run.Invocations[0].ToolExecutionNotifications,
				sarifNotification{"note", sarifText{n}})
		}
		for _, x := range r.Findings {
			run.Results = append(run.Results, sarifResultOf(x, know(x.Rule)))
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifRuleOf(r Rule) sarifRule {
	help := "Severity: " + r.Severity + "."
	if r.Mode != "" {
		help += " What this leads to, and the remedy for each product: lyncpin explain " + r.Mode + "."
	}
	return sarifRule{
		ID: r.ID, ShortDescription: sarifText{r.Title}, FullDescription: sarifText{r.Title + "."}, Help: sarifText{help},
		DefaultConfiguration: sarifConfig{sarifLevel(r.Severity)},
		Properties:           sarifProperties{[]string{r.Product, "lync"}, r.Severity, r.Mode},
	}
}

func sarifLevel(severity string) string {
	switch severity {
	case Critical, High:
		return "error"
	case Medium:
		return "warning"
	}
	return "note"
}

func sarifResultOf(x Finding, rule int) sarifResult {
	message := x.Rule.Title + ". " + x.Reason
	if x.Fix != "" {
		message += "\nWrite:\n" + x.Fix
	}
	out := sarifResult{
		RuleID: x.Rule.ID, RuleIndex: rule, Level: sarifLevel(x.Rule.Severity), Message: sarifText{message},
		PartialFingerprints: map[string]string{"lyncpin/v1": fingerprint(x)}, Suppressions: []sarifSuppression{},
	}
	region := sarifRegion{StartLine: max(x.Line, 1)} // a whole file is shown at its first line
	if len(x.Excerpt) > 0 {
		if x.Line > 0 {
			region.EndLine = x.Line + len(x.Excerpt) - 1
		}
		region.Snippet = &sarifText{strings.Join(x.Excerpt, "\n")}
	}
	location := sarifLocation{PhysicalLocation: sarifPhysical{sarifArtifact{fileURI(x.File)}, region}}
	if x.Where != "" {
		location.LogicalLocations = []sarifLogical{{x.Where}}
	}
	out.Locations = []sarifLocation{location}
	if x.Suppressed != "" {
		out.Suppressions = append(out.Suppressions, sarifSuppression{"inSource", "accepted", x.Suppressed})
	}
	return out
}

// fingerprint stays the same when lines move.
func fingerprint(x Finding) string {
	words := strings.Join(strings.Fields(strings.Join(x.Excerpt, " ")), " ")
	sum := sha256.Sum256([]byte(strings.Join([]string{x.Rule.ID, filepath.ToSlash(x.File), x.Where, words}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// fileURI is a path as a reference: relative ones stay relative.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
	}
	return u.String()
}
