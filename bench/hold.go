package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// pollPatience is how long a poll that is measured may be held at most.
const pollPatience = 5 * time.Minute

// connecting are so many at once: more would only wait for one another.
const connecting = 64

// holdRole connects, has every client send one poll, and prints how many were answered with 200.
func holdRole(ctx context.Context, args json.RawMessage) error {
	var j job
	if err := json.Unmarshal(args, &j); err != nil {
		return err
	}
	pool, err := roots(j.CA)
	if err != nil {
		return err
	}
	var answered atomic.Int64
	var failed atomic.Pointer[error]
	places := make(chan struct{}, connecting)
	var all sync.WaitGroup
	cfg, poll := clientTLS(pool), request(j.Path, "keep-alive")
	for range j.Clients {
		places <- struct{}{}
		all.Go(func() {
			c, err := dial(ctx, j.Addr, cfg, poll, 4<<10)
			if err == nil {
				c.conn.SetDeadline(time.Now().Add(pollPatience))
				_, err = c.conn.Write(poll)
			}
			<-places
			if err == nil {
				err = c.answer()
			}
			if err != nil {
				failed.CompareAndSwap(nil, &err)
				return
			}
			answered.Add(1)
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("%d of %d polls were answered; the first that was not: %w", answered.Load(), j.Clients, *err)
	}
	return json.NewEncoder(os.Stdout).Encode(outcome{Requests: int(answered.Load())})
}
