package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of a file: records of the largest deployments have some MiB.
const maxFile = 64 << 20

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

// writeFile writes a file that anybody may read, whole or not at all. Records hold no secret.
func writeFile(name string, data []byte) error { return writeWith(name, data, 0o644) }

// writePrivate writes a file for its owner alone, whole or not at all.
func writePrivate(name string, data []byte) error { return writeWith(name, data, 0o600) }

func writeWith(name string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return plainFileError(name, err)
	}
	_, err = f.Write(data)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Chmod(f.Name(), mode) // a temporary file is for its owner alone
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
