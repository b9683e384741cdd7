// Package render writes a diagnosis for people and for machines.
//
//	err := render.Text(os.Stdout, report, render.Options{Width: 100})
//	err = render.JSON(file, report)
//	err = render.JUnit(file, cases)
//
// Text is for a console: one sentence first, then each root cause with what was seen, what to change and what
// follows from it, then the steps that matter. JSON is the report as it is, in the format of
// schema/report-1.json. JUnit is what build servers read.
//
// Much of a report was said by servers that may be hostile. No writer passes a control character or a terminal
// escape on: Text shows it as \u001b, JSON escapes it, JUnit replaces it. The writers judge nothing and read
// nothing but what they are given; each writes once, at its end.
package render
