package cli

import (
	"errors"

	"lyncpin/internal/render"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// ANSI colours.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
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

// json writes a report for programs.
func (a *app) json(rep *probe.Report) error { return render.JSON(a.env.Stdout, rep) }

// width is where lines for people break.
func (a *app) width() int {
	if a.env.Width <= 0 {
		return 100
	}
	return a.env.Width
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
