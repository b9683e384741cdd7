// Package load simulates mobile clients, up to tens of thousands in one process: each signs in, makes its application, holds
// its long poll, sets its presence, writes to another, and signs out. What counts first is correctness: the wrong web site, the
// wrong user, a poll that was lost or cut, an event out of order. Latencies and a series per second come with it.
package load
