package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// logons are at once.
	logons = 16
	// legGap is what a client thinks between the messages: others get in between.
	legGap = 20 * time.Millisecond
)

// logOn signs in over its connection.
func (v *visitor) logOn(ctx context.Context, user string) error {
	resp, _, err := v.ask(pathNTLM, "Authorization: "+writeNTLM(1, "")+"\r\n")
	if err != nil {
		return err
	}
	kind, challenge := readNTLM(resp.Header.Get("WWW-Authenticate"))
	if resp.StatusCode != http.StatusUnauthorized || kind != 2 {
		return fmt.Errorf("no challenge, but %s", resp.Status)
	}
	if err := pause(ctx, legGap); err != nil {
		return err
	}
	return v.is(user, "Authorization: "+writeNTLM(3, challenge+" "+user)+"\r\n")
}

// is checks whom the web server takes it for.
func (v *visitor) is(user, lines string) error {
	resp, body, err := v.ask(pathNTLM, lines)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK && body != user {
		return fmt.Errorf("%s is taken for %s", user, body)
	}
	return want(resp, http.StatusOK)
}

// checkCrowd has clients sign in side by side, and go on without credentials.
func checkCrowd(ctx context.Context, b *bench, addr string) error {
	errs := make([]error, logons)
	var all sync.WaitGroup
	for i := range logons {
		all.Go(func() { errs[i] = b.signIn(ctx, addr, fmt.Sprintf("user%02d", i)) })
	}
	all.Wait()
	failed, first := 0, error(nil)
	for _, err := range errs {
		if err != nil {
			failed++
			if first == nil {
				first = err
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d (%w)", logons-failed, logons, first)
	}
	return nil
}

func (b *bench) signIn(ctx context.Context, addr, user string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.logOn(ctx, user); err != nil {
		return err
	}
	for range 3 {
		if err := v.is(user, ""); err != nil {
			return fmt.Errorf("after signing in: %w", err)
		}
	}
	return nil
}

// checkLeak has others ask without credentials while somebody is signed in, and when that client has left: they must be nobody. Whether
// anybody can sign in is checkCrowd's.
func checkLeak(ctx context.Context, b *bench, addr string) error {
	v, err := b.visit(ctx, addr)
	if err != nil {
		return err
	}
	defer v.close()
	if v.logOn(ctx, "somebody") != nil {
		// Log-ons may fail and connections be logged on all the same.
		if v, err = b.visit(ctx, addr); err != nil {
			return err
		}
		v.logOn(ctx, "somebody")
		defer v.close()
	}
	if err := b.strangers(ctx, addr); err != nil {
		return err
	}
	v.close()
	return b.strangers(ctx, addr)
}

// strangers ask without credentials, each over a connection of its own.
func (b *bench) strangers(ctx context.Context, addr string) error {
	errs := make([]error, logons)
	var all sync.WaitGroup
	for i := range logons {
		all.Go(func() {
			v, err := b.visit(ctx, addr)
			if err != nil {
				errs[i] = err
				return
			}
			defer v.close()
			resp, body, err := v.ask(pathNTLM, "")
			switch {
			case err != nil:
				errs[i] = err
			case resp.StatusCode == http.StatusOK:
				errs[i] = fmt.Errorf("a stranger is taken for %s", body)
			}
		})
	}
	all.Wait()
	return errors.Join(first(errs)...)
}

// first keeps one error: sixteen say the same.
func first(errs []error) []error {
	for _, err := range errs {
		if err != nil {
			return []error{err}
		}
	}
	return nil
}
