// Package yamlfile stands between this program's files and the YAML library: what one cannot bear of the other is an
// error here, whoever reads the file.
//
//	err := yamlfile.Safely(data, func() error { return yaml.UnmarshalWithOptions(data, &into, yaml.Strict()) })
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	// maxSize bounds a file: the largest topology has some tens of KiB.
	maxSize = 1 << 20
	// maxNesting is far beyond what any file of this program needs. The library takes memory by the square of it.
	maxNesting = 64
)

// ErrUnreadable is what Safely returns, wrapped, for data that the library cannot bear.
var ErrUnreadable = errors.New("not YAML that can be read")

// Safely runs read, which reads data with the YAML library. Data too large or nested too deeply never reaches it, and
// a panic of the library, "- {listen:! 0}" is enough for one, is ErrUnreadable. Other errors are read's own.
func Safely(data []byte, read func() error) (err error) {
	if err := bounded(data); err != nil {
		return err
	}
	defer func() {
		if recover() != nil {
			err = ErrUnreadable
		}
	}()
	return read()
}

// bounded counts what opens on each line, in lists and groups of both styles; it may count more than there is, in a
// text for one, and the limit leaves room for that.
func bounded(data []byte) error {
	if len(data) > maxSize {
		return fmt.Errorf("%w: larger than %d MiB", ErrUnreadable, maxSize>>20)
	}
	number, depth := 0, 0
	for line := range bytes.Lines(data) {
		number++
		marks := 0 // of lists and keys that begin on this line, one in the other
		for rest := bytes.TrimLeft(line, " "); len(rest) > 1 && bytes.IndexByte([]byte("-?&!*"), rest[0]) >= 0; marks++ {
			_, after, _ := bytes.Cut(rest, []byte(" "))
			rest = bytes.TrimLeft(after, " ")
		}
		for _, b := range line {
			switch b {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth+marks > maxNesting {
				return fmt.Errorf("%w: line %d is nested more than %d levels deep", ErrUnreadable, number, maxNesting)
			}
		}
	}
	return nil
}
