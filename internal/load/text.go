package load

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Text writes the result for people: what was wrong first.
func Text(w io.Writer, r *Result) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := &r.Totals
	fmt.Fprintf(out, "%d clients in %.0f s: %d sign-ins, %d sign-outs, %d requests, at most %d polls held, %d events, %d of %d messages received\n",
		r.Clients, r.Seconds, n.SignIns, n.SignOuts, n.Requests, n.MostPolls, n.Events, n.Received, n.Sent)
	if r.Interrupted {
		fmt.Fprintln(out, "it was cut off before its end")
	}
	if len(r.Faults) == 0 {
		switch {
		case !r.Correct():
			fmt.Fprintln(out, "\nnobody signed in")
		case r.Interrupted:
			fmt.Fprintln(out, "\nnothing was wrong until then")
		default:
			fmt.Fprintln(out, "\nnothing was wrong")
		}
	}
	for _, f := range r.Faults {
		fmt.Fprintf(out, "\n%s, %d\n", f.Kind, f.Count)
		for _, e := range f.Examples {
			fmt.Fprintf(out, "  at %.3f s  client %d, %s\t  %s\t  %s\n", e.Second, e.Client, e.User, e.Request, e.Came)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if len(r.Latencies) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\nms\tcount\tp50\tp90\tp99\tmax\t\n")
	for _, l := range r.Latencies {
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", l.What, l.Count, l.P50, l.P90, l.P99, l.Max)
	}
	return table.Flush()
}

// JSON writes the result for programs, as schema/load-1.json describes it.
func JSON(w io.Writer, r *Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// CSV writes the series, a line for each second.
func CSV(w io.Writer, r *Result) error {
	out := csv.NewWriter(w)
	out.Write([]string{"second", "sign_ins", "requests", "faults", "events", "polls_held", "p99_ms"}) // an error stays until Flush
	for _, s := range r.Series {
		line := []string{}
		for _, n := range []int{s.Second, s.SignIns, s.Requests, s.Faults, s.Events, s.PollsHeld} {
			line = append(line, strconv.Itoa(n))
		}
		out.Write(append(line, strconv.FormatFloat(s.P99, 'f', 3, 64)))
	}
	out.Flush()
	return out.Error()
}
