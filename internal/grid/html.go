package grid

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var page string

// HTML writes the result as one page that needs nothing else.
func (r *Result) HTML(w io.Writer) error {
	t, err := template.New("grid").Funcs(template.FuncMap{
		"short": func(c Cell) string { return c.short() },
		"bad":   func(c Cell) bool { return c.Expected == Unexpected },
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}
