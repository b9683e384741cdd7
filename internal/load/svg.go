package load

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// The plot: panels of one measure each, one below the other over the same time.
const (
	plotWidth   = 800
	plotLeft    = 64 // room for numbers
	plotRight   = 16
	plotTop     = 44
	panelHeight = 120
	panelGap    = 40
	plotInside  = plotWidth - plotLeft - plotRight
)

// panel is one measure over time.
type panel struct {
	title, class string
	value        func(*Second) float64
}

var panels = []panel{
	{"requests per second", "a", func(s *Second) float64 { return float64(s.Requests) }},
	{"polls held", "b", func(s *Second) float64 { return float64(s.PollsHeld) }},
	{"p99 of answers, ms", "c", func(s *Second) float64 { return s.P99 }},
	{"faults per second", "d", func(s *Second) float64 { return float64(s.Faults) }},
}

// plotStyle has the colours of light and of dark pages.
const plotStyle = `<style>
svg{background:#fff;font:12px system-ui,sans-serif}
text{fill:#333}.title{font-size:14px;font-weight:600}
.grid{stroke:#ddd;stroke-width:1}
polyline{fill:none;stroke-width:1.5;stroke-linejoin:round}
.a{stroke:#1f6fb2}.b{stroke:#2a7d3f}.c{stroke:#8a5a00}.d{stroke:#b3261e}
@media (prefers-color-scheme:dark){svg{background:#16181c}text{fill:#d5d8dc}.grid{stroke:#3a3d44}
.a{stroke:#6db3f2}.b{stroke:#6fce8a}.c{stroke:#e0b050}.d{stroke:#ff8a80}}
</style>`

// SVG draws the series: requests, polls held, latency and faults over time.
func SVG(w io.Writer, r *Result) error {
	height := plotTop + len(panels)*(panelHeight+panelGap)
	last := 1
	for i := range r.Series {
		last = max(last, r.Series[i].Second)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n%s\n",
		plotWidth, height, plotWidth, height, plotStyle)
	words := fmt.Sprintf("%d clients, %s", r.Clients, r.Began.Format("2006-01-02 15:04 MST"))
	faults := 0
	for _, f := range r.Faults {
		faults += f.Count
	}
	fmt.Fprintf(&b, "<title>%s</title>\n", html.EscapeString("load: "+words))
	fmt.Fprintf(&b, `<text class="title" x="%d" y="24">%s</text>`+"\n", plotLeft, html.EscapeString(fmt.Sprintf("%s, %d faults", words, faults)))
	for i := range panels {
		panels[i].draw(&b, plotTop+i*(panelHeight+panelGap), r.Series, last)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// draw writes the panel whose title is at the height of top.
func (p *panel) draw(b *strings.Builder, top int, series []Second, last int) {
	most := 0.0
	for i := range series {
		most = max(most, p.value(&series[i]))
	}
	most = roundUp(most)
	upper := top + 12
	x := func(second float64) float64 { return plotLeft + second/float64(last)*plotInside }
	y := func(v float64) float64 { return float64(upper+panelHeight) - v/most*panelHeight }
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", plotLeft, top+4, p.title)
	for _, v := range []float64{0, most / 2, most} {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			plotLeft, plotWidth-plotRight, y(v), y(v), plotLeft-6, y(v)+4, v)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%d s</text>`+"\n", plotWidth-plotRight, upper+panelHeight+16, last)
	if len(series) == 0 {
		return
	}
	fmt.Fprintf(b, `<polyline class="%s" points="`, p.class)
	for i, s := range thinned(series, p.value) {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(b, "%.1f,%.1f", x(float64(s.second)), y(s.value))
	}
	b.WriteString(`"/>` + "\n")
}

// point is one of a curve.
type point struct {
	second int
	value  float64
}

// thinned has at most two points for each step of the plot's width: of several seconds the least and the most, so that no
// peak of a long run is lost.
func thinned(series []Second, value func(*Second) float64) []point {
	const steps = plotInside
	each := (len(series) + steps - 1) / steps
	var out []point
	for from := 0; from < len(series); from += each {
		part := series[from:min(from+each, len(series))]
		low, high := 0, 0
		for i := range part {
			if value(&part[i]) < value(&part[low]) {
				low = i
			}
			if value(&part[i]) > value(&part[high]) {
				high = i
			}
		}
		out = append(out, point{part[min(low, high)].Second, value(&part[min(low, high)])})
		if low != high {
			out = append(out, point{part[max(low, high)].Second, value(&part[max(low, high)])})
		}
	}
	return out
}

// roundUp is the next of 1, 2, 5, 10, 20 and so on; at least 1.
func roundUp(v float64) float64 {
	if v <= 1 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*ten {
			return n * ten
		}
	}
	return 10 * ten
}
