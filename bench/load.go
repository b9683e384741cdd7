package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// job is what a process of clients does, as JSON.
type job struct {
	// Addr is where they connect, CA the roots they trust.
	Addr, CA string
	// Path is what they ask for.
	Path string
	// Clients are so many at once.
	Clients int
	// For is how long.
	For time.Duration
	// Fresh makes a new connection for every request.
	Fresh bool
}

// outcome is what came out, as JSON.
type outcome struct {
	// Requests were answered with 200.
	Requests int
	// P50 and P99 of the time a request took, of a new connection with its handshake.
	P50, P99 time.Duration
}

const (
	// loadBuffer is what a client reads with: large bodies should cost it little.
	loadBuffer = 64 << 10
	// warmUp are requests before those that count.
	warmUp = 20
)

// loadRole says "ready" when the connections stand, begins when it is told to, and prints the outcome.
func loadRole(ctx context.Context, args json.RawMessage) error {
	var j job
	if err := json.Unmarshal(args, &j); err != nil {
		return err
	}
	pool, err := roots(j.CA)
	if err != nil {
		return err
	}
	crowd, err := newCrowd(ctx, j, clientTLS(pool))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("before the beginning: %w", err)
	}
	out, err := crowd.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// crowd are the clients of a job.
type crowd struct {
	job     job
	tls     *tls.Config
	request []byte
	clients []*client // without Fresh
}

// newCrowd connects, and warms everybody up.
func newCrowd(ctx context.Context, j job, cfg *tls.Config) (*crowd, error) {
	c := &crowd{job: j, tls: cfg, request: request(j.Path, "keep-alive")}
	if j.Fresh {
		c.request = request(j.Path, "close")
	}
	c.clients = make([]*client, j.Clients)
	return c, c.each(func(i int) error {
		if j.Fresh {
			return c.fresh(ctx)
		}
		client, err := dial(ctx, j.Addr, c.tls, c.request, loadBuffer)
		if err != nil {
			return err
		}
		c.clients[i] = client
		for range warmUp {
			if err := client.ask(); err != nil {
				return err
			}
		}
		return nil
	})
}

// each does something for every client at once.
func (c *crowd) each(do func(i int) error) error {
	errs := make([]error, len(c.clients))
	var all sync.WaitGroup
	for i := range c.clients {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return cmp.Or(errs...)
}

// fresh is one request on a connection of its own.
func (c *crowd) fresh(ctx context.Context) error {
	client, err := dial(ctx, c.job.Addr, c.tls, c.request, 4<<10)
	if err != nil {
		return err
	}
	defer client.close()
	return client.ask()
}

// run asks until the time is over, and once at least.
func (c *crowd) run(ctx context.Context) (outcome, error) {
	times := make([][]time.Duration, len(c.clients))
	end := time.Now().Add(c.job.For)
	err := c.each(func(i int) error {
		for begin := time.Now(); ; {
			if err := c.one(ctx, i); err != nil {
				return err
			}
			now := time.Now()
			times[i] = append(times[i], now.Sub(begin))
			if begin = now; now.After(end) {
				return nil
			}
		}
	})
	if err != nil {
		return outcome{}, err
	}
	all := slices.Concat(times...)
	slices.Sort(all)
	return outcome{Requests: len(all), P50: all[len(all)/2], P99: all[len(all)*99/100]}, nil
}

func (c *crowd) one(ctx context.Context, i int) error {
	if c.job.Fresh {
		return c.fresh(ctx)
	}
	return c.clients[i].ask()
}
