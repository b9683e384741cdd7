package main

// goal is the most that the ratio of ours to a peer may be.
type goal struct {
	measure, peer string
	most          float64
}

// goals are what our proxy is held to.
func goals() []goal {
	return []goal{
		{"get", "nginx", 1.00}, {"get", "haproxy", 0.95}, {"get", "go-tuned", 0.38}, {"get", "caddy", 0.25}, {"get", "squid", 0.33},
		{"ecdsa", "nginx", 0.75}, {"ecdsa", "haproxy", 0.35}, {"ecdsa", "go-tuned", 0.85},
		{"added", "nginx", 1.15}, {"added", "go-tuned", 0.55},
		{"gib", "go-tuned", 1.00},
		{"poll", "haproxy", 1.00}, {"poll", "nginx", 0.65}, {"poll", "go-tuned", 0.50},
	}
}

// judgement is a goal with what was measured.
type judgement struct {
	goal
	ratio spread
}

// reached compares to the two digits that a goal has.
func (j judgement) reached() bool { return j.ratio.Rounds > 0 && j.ratio.Median < j.most+0.005 }

// judged are the goals whose peer was measured; none after a quick run.
func (r *result) judged() []judgement {
	if r.quick {
		return nil
	}
	var out []judgement
	for _, g := range goals() {
		e := r.peer(g.peer)
		if e == nil || e.absolute(g.measure).Rounds == 0 {
			continue
		}
		out = append(out, judgement{g, r.ratio(g.measure, e)})
	}
	return out
}
