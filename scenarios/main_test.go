package scenarios_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// memory is what the tests may use before the collector works for it. They keep the records of all scenarios, more than a
// gigabyte, and to go through them at every doubling of the rest took a third of their time.
const memory = 3 << 30

func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memory)
	os.Exit(m.Run())
}
