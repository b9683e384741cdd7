package load

import "context"

// stepOut signs out, in order to come again. Before, it waits until nothing is on its way that would be lost with the
// application. When that takes too long it stays: what is missing is then for others to judge.
func (c *client) stepOut(ctx context.Context) {
	if !c.pair.pause() {
		return // perhaps the next time
	}
	settled := func() bool {
		c.mu.Lock()
		told := c.presenceSince.IsZero()
		c.mu.Unlock()
		return told && c.pair.isSettled() || c.run.quiet.Load()
	}
	if !until(ctx, c.run.patience(), settled) || c.run.quiet.Load() || !settled() {
		c.pair.resume()
		return
	}
	if other := c.partner(); other != nil {
		other.mu.Lock()
		other.sendAt = "" // the conversation ends with the application
		other.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stage == here {
		c.returns = true
		c.leaveLocked(ctx)
	}
}

// comeBack signs in after a while, when the client has signed out and everybody else stays.
func (c *client) comeBack(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returns = false
	if c.run.leaving.Load() || ctx.Err() != nil {
		c.goneLocked()
		return
	}
	c.comeAgainLocked(ctx)
}

// canSend tells whether the client knows of a conversation.
func (c *client) canSend() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sendAt != ""
}
