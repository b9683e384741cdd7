package main

import (
	"context"
	"fmt"
	"time"
)

// measure is something that has a figure for each proxy.
type measure struct {
	// name is its word in flags.
	name string
	// title and unit are for tables.
	title, unit string
	// key is that of the front certificate.
	key string
	// direct says that the web server itself is asked, too, and that the figure is what a proxy adds to that.
	direct bool
	// alone says that each proxy is started for it and stopped after it.
	alone bool
	// enough is how many rounds are enough, for what takes long and varies little; zero means as many as are wished for.
	enough int
	// figure measures one proxy once.
	figure func(context.Context, *bench, subject, options) (float64, error)
}

// subject is what is measured: an address and, if it is a proxy, its process group.
type subject struct {
	addr  string
	group int // zero for the web server itself, whose processor time nobody asks for
}

// measures are all there are, in the order of tables.
func measures() []measure {
	return []measure{
		{name: "get", title: "CPU per small GET, 64 connections", unit: "µs", key: keyECDSA, figure: func(ctx context.Context, b *bench, s subject, o options) (float64, error) {
			used, out, err := b.load(ctx, s, job{Path: pathSmall, Clients: 64, For: o.seconds})
			return float64(used.Microseconds()) / float64(out.Requests), err
		}},
		{name: "added", title: "p50 added at one connection", unit: "µs", key: keyECDSA, direct: true, figure: func(ctx context.Context, b *bench, s subject, o options) (float64, error) {
			_, out, err := b.load(ctx, s, job{Path: pathSmall, Clients: 1, For: o.seconds})
			return float64(out.P50.Nanoseconds()) / 1e3, err
		}},
		{name: "ecdsa", title: "CPU per new connection, ECDSA P-256", unit: "µs", key: keyECDSA, figure: perConnection},
		{name: "rsa", title: "CPU per new connection, RSA-2048", unit: "µs", key: keyRSA, figure: perConnection},
		{name: "gib", title: "CPU per GiB, bodies of 1 MiB", unit: "ms", key: keyECDSA, figure: func(ctx context.Context, b *bench, s subject, o options) (float64, error) {
			used, out, err := b.load(ctx, s, job{Path: pathLarge, Clients: 4, For: o.seconds})
			return float64(used.Milliseconds()) / (float64(out.Requests) * largeSize / (1 << 30)), err
		}},
		{name: "poll", title: "memory per held poll", unit: "KB", key: keyECDSA, alone: true, enough: 2, figure: perPoll},
	}
}

// rounds are as many as are measured.
func (m measure) rounds(wished int) int {
	if m.enough > 0 {
		return min(m.enough, wished)
	}
	return wished
}

// perConnection is the processor time of a connection with one request, after a full handshake.
func perConnection(ctx context.Context, b *bench, s subject, o options) (float64, error) {
	used, out, err := b.load(ctx, s, job{Path: pathSmall, Clients: 16, For: o.seconds, Fresh: true})
	return float64(used.Microseconds()) / float64(out.Requests), err
}

// load runs clients, and tells the processor time that the proxy used meanwhile.
func (b *bench) load(ctx context.Context, s subject, j job) (used time.Duration, out outcome, err error) {
	j.Addr = s.addr
	c, err := b.clients("load", j)
	if err != nil {
		return 0, out, err
	}
	defer c.stop()
	defer context.AfterFunc(ctx, c.kill)()
	if _, err := c.line(); err != nil {
		return 0, out, err
	}
	before, err := s.used()
	if err != nil {
		return 0, out, err
	}
	if _, err := fmt.Fprintln(c.in, "go"); err != nil {
		return 0, out, err
	}
	if out, err = c.outcome(); err != nil {
		return 0, out, err
	}
	after, err := s.used()
	return after - before, out, err
}

// used is the processor time of the proxy so far.
func (s subject) used() (time.Duration, error) {
	if s.group == 0 {
		return 0, nil
	}
	return cpuTime(s.group)
}

// holdPatience is how long it may take until all polls are held.
const holdPatience = time.Minute

// perPoll is what the memory of a proxy grows by, for each poll that is held.
func perPoll(ctx context.Context, b *bench, s subject, o options) (float64, error) {
	if _, _, err := b.load(ctx, s, job{Path: pathSmall, Clients: 64, For: time.Second}); err != nil {
		return 0, fmt.Errorf("while it is warmed up: %w", err)
	}
	before, err := s.memory(ctx, o)
	if err != nil {
		return 0, err
	}
	c, err := b.clients("hold", job{Addr: s.addr, Path: pathPoll, Clients: o.polls})
	if err != nil {
		return 0, err
	}
	defer c.stop()
	defer context.AfterFunc(ctx, c.kill)()
	if last, err := b.until(ctx, holdPatience, func(w webState) bool { return w.Held >= int64(o.polls) }); err != nil {
		return 0, fmt.Errorf("%d of %d polls reached the web server: %w", last.Held, o.polls, err)
	}
	after, err := s.memory(ctx, o)
	if err != nil {
		return 0, err
	}
	if _, err := b.ask(ctx, pathRelease); err != nil {
		return 0, err
	}
	if _, err := c.outcome(); err != nil {
		return 0, err
	}
	return float64(after-before) / 1024 / float64(o.polls), nil
}

// memory is what the proxy holds when it was left alone for a while: some give back late what they do not need any more.
func (s subject) memory(ctx context.Context, o options) (int64, error) {
	if err := pause(ctx, o.settling); err != nil {
		return 0, err
	}
	return memory(s.group)
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
