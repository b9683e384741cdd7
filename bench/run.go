package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"lyncpin/internal/peer"
)

// entry is a contestant that takes part, and what became of it.
type entry struct {
	contestant
	path string
	// Name, Version and Missing (why it could not take part) are what is told of it.
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Missing string `json:"missing,omitempty"`
	// Checks are what it was checked for, in their order.
	Checks []checked `json:"checks,omitempty"`
	// Figures are by measure and round; what could not be measured is missing.
	Figures map[string][]figure `json:"figures,omitempty"`

	running *runningPeer
}

// run does it all. Proxies that cannot be started are missing, unless it is ours.
func run(ctx context.Context, o options) (*result, error) {
	b, err := newBench(ctx)
	if err != nil {
		return nil, err
	}
	defer b.close()
	r := &result{Rounds: o.rounds, Seconds: o.seconds.Seconds(), Polls: o.polls, quick: o.quick}
	if r.Peers, err = entries(ctx, b, o); err != nil {
		return nil, err
	}
	defer r.stop()
	for _, key := range []string{keyECDSA, keyRSA} {
		chosen := slices.DeleteFunc(measures(), func(m measure) bool { return m.key != key || !slices.Contains(o.measures, m.name) })
		if err := r.with(ctx, b, o, key, chosen); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// entries finds the programs.
func entries(ctx context.Context, b *bench, o options) ([]*entry, error) {
	if o.programs[ours] == "" {
		say("building lyncpin")
		path, err := build(ctx, b.dir)
		if err != nil {
			return nil, err
		}
		o.programs[ours] = path
	}
	var out []*entry
	for _, c := range contestants() {
		wanted := slices.Contains(o.peers, c.name) || c.name == ours
		if c.name == older {
			wanted = o.programs[older] != ""
		}
		if !wanted {
			continue
		}
		e := &entry{contestant: c, Name: c.name, Figures: map[string][]figure{}}
		var err error
		if e.path, e.Version, err = c.find(ctx, o.programs); err != nil {
			if _, absent := errors.AsType[*peer.MissingError](err); !absent {
				return nil, err
			}
			e.Missing = err.Error()
		}
		out = append(out, e)
	}
	return out, nil
}

// with runs every proxy with a front certificate of this kind, checks, and measures.
func (r *result) with(ctx context.Context, b *bench, o options, key string, chosen []measure) error {
	if len(chosen) == 0 && key != keyECDSA {
		return nil
	}
	defer r.stop()
	for _, e := range r.Peers {
		if e.Missing != "" {
			continue
		}
		if err := e.begin(ctx, b, key); err != nil {
			if e.name == ours || ctx.Err() != nil {
				return err
			}
			e.Missing = err.Error()
			continue
		}
		if key == keyECDSA {
			say("checking %s", e.name)
			e.Checks = b.check(ctx, e.running.addr, o.long)
		}
	}
	together := slices.DeleteFunc(slices.Clone(chosen), func(m measure) bool { return m.alone })
	for _, m := range together {
		if err := r.rounds(ctx, b, o, m); err != nil {
			return err
		}
	}
	r.stop()
	for _, m := range chosen {
		if m.alone {
			if err := r.rounds(ctx, b, o, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// rounds measures everybody in turn, again and again.
func (r *result) rounds(ctx context.Context, b *bench, o options, m measure) error {
	n := m.rounds(o.rounds)
	for round := range n {
		direct := 0.0
		if m.direct {
			var err error
			if direct, err = m.figure(ctx, b, subject{addr: b.webAddr}, o); err != nil {
				return fmt.Errorf("%s, without a proxy: %w", m.name, err)
			}
		}
		for _, e := range r.Peers {
			if e.Missing != "" {
				continue
			}
			say("%s, round %d of %d: %s", m.name, round+1, n, e.name)
			value, err := e.measure(ctx, b, o, m)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				say("%s, %s: %v", m.name, e.name, err)
				value = direct + missing
			}
			e.Figures[m.name] = append(e.Figures[m.name], figure(value-direct))
		}
	}
	return nil
}

// measure measures it once.
func (e *entry) measure(ctx context.Context, b *bench, o options, m measure) (float64, error) {
	if m.alone {
		if err := e.begin(ctx, b, m.key); err != nil {
			return missing, err
		}
		defer e.end()
	}
	return m.figure(ctx, b, subject{addr: e.running.addr, group: e.running.group()}, o)
}

func (e *entry) begin(ctx context.Context, b *bench, key string) (err error) {
	e.running, err = e.start(ctx, e.path, b.places(e.name, key))
	return err
}

func (e *entry) end() {
	if e.running != nil {
		e.running.stop()
		e.running = nil
	}
}

// stop ends all that run.
func (r *result) stop() {
	for _, e := range r.Peers {
		e.end()
	}
}

// say tells a person who waits.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
