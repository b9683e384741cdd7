package cli

import (
	"errors"

	"lyncpin/internal/render"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// ANSI colours.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	faint  = "\x1b[2m"
	normal = "\x1b[0m"
)

func (a *app) paint(color, text string) string {
	if !a.env.color() {
		return text
	}
	return color + text + normal
}

// text writes a report for people.
func (a *app) text(rep *probe.Report, verbose bool) error {
	return render.Text(a.env.Stdout, rep, render.Options{Color: a.env.color(), Verbose: verbose, Width: a.env.Width})
}

// adviseIDs adds where the valid IDs are listed, or why a mode has none.
func adviseIDs(err error, list string) error {
	if u, ok := errors.AsType[*scenarios.UndecidableError](err); ok {
		return hint(err, "%s", u.Why)
	}
	if _, ok := errors.AsType[*scenarios.UnknownError](err); ok {
		return hint(err, "%s shows what there is", list)
	}
	return err
}
