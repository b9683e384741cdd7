// Command lyncpin shows whether a Lync or Skype for Business Server deployment can be discovered and used from inside,
// from the Internet and from a phone, and if not, which one thing is wrong and what to change. See lyncpin help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"lyncpin/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	code := cli.Main(ctx, os.Args[1:], cli.System())
	os.Exit(code)
}
