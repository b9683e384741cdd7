package render

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Case is one test case of a JUnit file.
type Case struct {
	// Suite groups cases; Name is the case's own.
	Suite, Name string
	// Failure says what went wrong, its first line in short; empty when the case passed.
	Failure string
	// Skipped says why the case was not run; empty when it was.
	Skipped string
	// Output is what else there is to read.
	Output string
	// Duration is how long the case took.
	Duration time.Duration
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
	duration time.Duration
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Skipped *junitSkipped `xml:"skipped"`
	Failure *junitFailure `xml:"failure"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes cases as the XML that GitLab, Jenkins and Azure Pipelines read. Suites are in the order in which
// they first appear. Control characters become U+FFFD.
func JUnit(w io.Writer, cases []Case) error {
	all := junitSuites{}
	place := map[string]int{}
	var total time.Duration
	for _, c := range cases {
		i, ok := place[c.Suite]
		if !ok {
			i = len(all.Suites)
			place[c.Suite] = i
			all.Suites = append(all.Suites, junitSuite{Name: plain(c.Suite)})
		}
		s := &all.Suites[i]
		out := junitCase{Class: plain(c.Suite), Name: plain(c.Name), Time: seconds(c.Duration), Output: plain(c.Output)}
		if c.Failure != "" {
			first, _, _ := strings.Cut(strings.TrimSpace(c.Failure), "\n")
			out.Failure = &junitFailure{Message: plain(strings.TrimSpace(first)), Type: "failure", Text: plain(c.Failure)}
			s.Failures++
			all.Failures++
		}
		if c.Skipped != "" {
			out.Skipped = &junitSkipped{Message: plain(c.Skipped)}
			s.Skipped++
		}
		s.Cases = append(s.Cases, out)
		s.Tests++
		s.duration += c.Duration
		all.Tests++
		total += c.Duration
	}
	for i := range all.Suites {
		all.Suites[i].Time = seconds(all.Suites[i].duration)
	}
	all.Time = seconds(total)

	buf := bytes.NewBufferString(xml.Header)
	enc := xml.NewEncoder(buf)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	buf.WriteByte('\n')
	_, err := w.Write(buf.Bytes())
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// plain replaces control characters but newline and tab. XML forbids most of them even when escaped.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}
