package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"

	"lyncpin/probe"
)

// JSON writes a report in the format that schema/report-1.json describes: indented, lists never null, and pure of
// characters that a terminal would obey. Equal reports give equal bytes.
func JSON(w io.Writer, rep *probe.Report) error {
	whole := *rep
	whole.Target.SIPDomains = list(rep.Target.SIPDomains)
	whole.Vantages = list(rep.Vantages)
	whole.Undecided = list(rep.Undecided)
	whole.Notes = list(rep.Notes)
	whole.Steps = list(rep.Steps)
	whole.Findings = make([]probe.Finding, len(rep.Findings))
	for i, f := range rep.Findings {
		f.Evidence = list(f.Evidence)
		f.Settings = list(f.Settings)
		whole.Findings[i] = f
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(&whole); err != nil {
		return fmt.Errorf("write the report as JSON: %w", err)
	}
	_, err := w.Write(escapeUnprintable(buf.Bytes()))
	return err
}

// list is l, or the empty list.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// escapeUnprintable escapes what encoding/json leaves as it is and a terminal may obey: DEL, the C1 controls and
// the marks that change the direction of writing. Beyond ASCII, JSON has characters only inside strings.
func escapeUnprintable(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}
