package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// maxFile bounds what is read of a file: records of the largest deployments have some MiB.
	maxFile = 64 << 20
	// maxYAML bounds what is read of a YAML file: the largest topology has some tens of KiB.
	maxYAML = 1 << 20
	// maxNesting is far beyond what any file of this program needs. The YAML library takes memory by the square of it.
	maxNesting = 64
)

// readYAML reads a YAML file of a size and a nesting that the YAML library can bear.
func readYAML(name string) ([]byte, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	if len(data) > maxYAML {
		return nil, fmt.Errorf("%s is larger than %d MiB: is it a YAML file?", name, maxYAML>>20)
	}
	number := 0
	depth := 0
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
				return nil, fmt.Errorf("%s:%d: nested too deeply: more than %d levels", name, number, maxNesting)
			}
		}
	}
	return data, nil
}

// readFile reads a file of bounded size.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, plainFileError(name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory, not a file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, plainFileError(name, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return data, nil
}

// plainFileError says what is wrong without the name of the system call.
func plainFileError(name string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", name, pe.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// canWrite tells before the work whether its result can be kept.
func canWrite(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a directory, not a file", name)
	}
	info, err := os.Stat(filepath.Dir(name))
	if err != nil {
		return plainFileError(filepath.Dir(name), err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory", filepath.Dir(name))
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return plainFileError(name, err)
	}
	_, err = f.Write(data)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644) // a record holds no secret; a temporary file is for its owner alone
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name()) // best effort: the first error counts
		return plainFileError(name, err)
	}
	return nil
}
