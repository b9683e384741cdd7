package grid

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// JSON writes the result for programs.
func (r *Result) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// Text writes a matrix with a short word in each cell, and below it what is behind the words.
func (r *Result) Text(w io.Writer) error {
	var b strings.Builder
	first := 0
	for _, row := range r.Requests {
		first = max(first, utf8.RuneCountInString(row.ID))
	}
	cell := len("nginx-stream")
	line := func(word string, cells func(int) string) {
		text := fmt.Sprintf("%-*s", first, word)
		for i := range r.Proxies {
			text += fmt.Sprintf("  %-*s", cell, cells(i))
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line("", func(i int) string { return r.Proxies[i].Name })
	group := ""
	for _, row := range r.Requests {
		if row.Group != group {
			group = row.Group
			b.WriteString(group + "\n")
		}
		line(row.ID, func(i int) string { return row.Cells[i].short() + mark(&row.Cells[i]) })
	}
	b.WriteString("\nsame: as without a proxy, but for the habits below. A number: refused with that status. !: not as a good proxy does it.\n")
	b.WriteString("\nHabits\n")
	for _, p := range r.Proxies[1:] {
		fmt.Fprintf(&b, "  %s %s\n", p.Name, p.Version)
		for _, h := range p.RequestHabits {
			fmt.Fprintf(&b, "    %s\n", h)
		}
		for _, h := range p.AnswerHabits {
			fmt.Fprintf(&b, "    answer: %s\n", h)
		}
	}
	b.WriteString("\nDifferences\n")
	for _, row := range r.Requests {
		b.WriteString(row.differences())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mark is an exclamation mark on what is not as expected.
func mark(c *Cell) string {
	if c.Expected == Unexpected {
		return " !"
	}
	return ""
}

// differences are a row's, with the proxies that share one on one line; empty when all agree.
func (r *Row) differences() string {
	var order []string
	who := map[string][]string{}
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Verdict == Same && len(c.Says) == 0 {
			continue
		}
		text := strings.Join(c.Says, "; ")
		if c.Verdict != Differs {
			text = strings.TrimSuffix(c.Verdict+": "+text, ": ")
		}
		if len(who[text]) == 0 {
			order = append(order, text)
		}
		who[text] = append(who[text], c.Proxy)
	}
	if len(order) == 0 {
		return ""
	}
	out := fmt.Sprintf("  %s: %s\n    why: %s\n", r.ID, r.Title, r.Why)
	if r.Expect != "" {
		out += fmt.Sprintf("    good: %s\n", r.Expect)
	}
	for _, text := range order {
		out += fmt.Sprintf("    %s: %s\n", strings.Join(who[text], ", "), text)
	}
	return out
}
