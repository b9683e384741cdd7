package main

import (
	"context"
	"fmt"
	"time"
)

// check is something that a proxy must do, whatever it costs.
type check struct {
	name string
	// fault says what it is that does not do it, beside a figure.
	fault string
	run   func(context.Context, *bench, string) error
	// long ones take minutes.
	long bool
}

// checked is what came out of one.
type checked struct {
	Name  string `json:"name"`
	Error string `json:"error,omitempty"`
	fault string
}

// checkPatience is how long a check may take that is not a long one.
const checkPatience = 10 * time.Second

// checks are all there are.
func checks() []check {
	return []check{
		{name: "NTLM leaks", fault: "leaks identities", run: checkLeak},
		{name: "NTLM, 16 at once", fault: "no NTLM", run: checkCrowd},
		{name: "abandoned poll", fault: "keeps abandoned polls", run: checkAbandoned},
		{name: "Expect", fault: "no Expect", run: checkExpect},
		{name: "chunks on time", fault: "holds chunks back", run: checkChunks},
		{name: "unbuffered upload", fault: "holds uploads back", run: checkUpload},
		{name: "head of 64 KB", fault: "refuses large heads", run: checkHead},
		{name: "poll of 190 s", fault: "cuts long polls", run: checkLongPoll, long: true},
	}
}

// check checks the proxy at an address.
func (b *bench) check(ctx context.Context, addr string, long bool) []checked {
	var out []checked
	for _, c := range checks() {
		if c.long && !long {
			continue
		}
		patience := checkPatience
		if c.long {
			patience += longPoll
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		result := checked{Name: c.name}
		if err := c.run(ctx, b, addr); err != nil {
			result.Error, result.fault = err.Error(), c.fault
		}
		cancel()
		out = append(out, result)
	}
	return out
}

// verdicts are one line for all checks.
func verdicts(all []checked) []string {
	var out []string
	for _, c := range all {
		if c.Error != "" {
			out = append(out, fmt.Sprintf("%s: %s", c.Name, c.Error))
		}
	}
	if out == nil {
		return []string{fmt.Sprintf("all %d passed", len(all))}
	}
	return out
}

// remark stands beside a figure: nobody wants a proxy that is fast, but leaks.
func remark(all []checked) string {
	text := ""
	for _, c := range all {
		if c.Error != "" {
			if text != "" {
				text += ", "
			}
			text += c.fault
		}
	}
	if text == "" {
		return ""
	}
	return "but: " + text
}
