package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// write prints the tables: ratios first, then the figures, then the goals.
func (r *result) write(w io.Writer) {
	for _, e := range r.Peers {
		if e.Missing != "" {
			fmt.Fprintf(w, "%s takes no part: %s\n", e.Name, e.Missing)
		}
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "checks\t\t")
	for _, e := range r.Peers {
		if e.Missing == "" {
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", e.Name, e.Version, strings.Join(verdicts(e.Checks), "; "))
		}
	}
	tw.Flush()
	for _, m := range measures() {
		r.writeMeasure(w, m)
	}
	r.writeGoals(w)
}

func (r *result) writeMeasure(w io.Writer, m measure) {
	if len(r.peer(ours).Figures[m.name]) == 0 {
		return
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "%s\tours / it\t(min–max)\t%s\t(min–max)\t\n", m.title, m.unit)
	for _, e := range r.Peers {
		if e.Missing != "" {
			continue
		}
		absolute := e.absolute(m.name)
		if absolute.Rounds == 0 {
			fmt.Fprintf(tw, "  %s\tcould not be measured\t\t\t\t\n", e.Name)
			continue
		}
		ratio, within := "", ""
		if e.Name != ours {
			s := r.ratio(m.name, e)
			ratio, within = fmt.Sprintf("%.2f", s.Median), fmt.Sprintf("(%.2f–%.2f)", s.Min, s.Max)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%.4g\t(%.4g–%.4g)\t%s\n", e.Name, ratio, within, absolute.Median, absolute.Min, absolute.Max, remark(e.Checks))
	}
	tw.Flush()
}

func (r *result) writeGoals(w io.Writer) {
	judged := r.judged()
	if len(judged) == 0 {
		return
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "goals\tagainst\tat most\tours / it\t")
	for _, j := range judged {
		verdict := "reached"
		if !j.reached() {
			verdict = "MISSED"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%.2f\t%.2f\t%s\n", j.measure, j.peer, j.most, j.ratio.Median, verdict)
	}
	tw.Flush()
}
