package cli

import (
	"cmp"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lyncpin/probe"
)

const (
	// refusedFor is how long a refused password is remembered: longer than the window in which directories count wrong
	// passwords, which is half an hour by default.
	refusedFor = time.Hour
	// guardRounds make each guess at a remembered password cost a good part of a second (OWASP's figure for PBKDF2 with
	// SHA-256).
	guardRounds = 600_000
	guardSalt   = 16
	guardFile   = "refused.json"
)

// fileGuard remembers refused passwords from run to run, as salted hashes in a file for its owner alone. It implements
// probe.Guard.
type fileGuard struct {
	name string
	now  func() time.Time

	mu     sync.Mutex
	memory refusals
	hashes map[string][]byte // that were worked out: a client asks before every log-on
}

// refusals is the file.
type refusals struct {
	Salt    []byte    `json:"salt"`
	Refused []refusal `json:"refused"`
}

// refusal is a password that was refused: the hash of it and its account.
type refusal struct {
	Hash  []byte    `json:"hash"`
	Until time.Time `json:"until"`
}

// openGuard reads what is remembered in dir, which need not exist yet. A file that cannot be understood is an error: it must
// not read as "nothing was refused".
func openGuard(dir string, now func() time.Time) (*fileGuard, error) {
	g := &fileGuard{name: filepath.Join(dir, guardFile), now: now, hashes: map[string][]byte{}}
	data, err := readFile(g.name)
	if errors.Is(err, fs.ErrNotExist) {
		g.memory.Salt = make([]byte, guardSalt)
		rand.Read(g.memory.Salt)
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &g.memory)
	}
	if err == nil && len(g.memory.Salt) != guardSalt {
		err = fmt.Errorf("%s: it has no salt", g.name)
	}
	if err != nil {
		return nil, hint(fmt.Errorf("which passwords were refused lately cannot be read: %w", err),
			"remove %s when nothing was refused in the last hour", g.name)
	}
	return g, nil
}

// Refused implements probe.Guard.
func (g *fileGuard) Refused(a probe.Account) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	if len(g.memory.Refused) == 0 {
		return false
	}
	hash := g.hash(a)
	return slices.ContainsFunc(g.memory.Refused, func(r refusal) bool { return hmac.Equal(r.Hash, hash) })
}

// Note implements probe.Guard. What cannot be written is remembered for this run all the same.
func (g *fileGuard) Note(a probe.Account) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	g.memory.Refused = append(g.memory.Refused, refusal{Hash: g.hash(a), Until: g.now().Add(refusedFor)})
	data, err := json.Marshal(g.memory)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(g.name), 0o700); err != nil {
		return plainFileError(filepath.Dir(g.name), err)
	}
	return writePrivate(g.name, data)
}

// forget drops what is over.
func (g *fileGuard) forget() {
	g.memory.Refused = slices.DeleteFunc(g.memory.Refused, func(r refusal) bool { return !g.now().Before(r.Until) })
}

// hash hashes what a directory compares: the account's name, whose case does not matter, and its password.
func (g *fileGuard) hash(a probe.Account) []byte {
	text := strings.ToLower(cmp.Or(a.Login, a.SIP)) + "\x00" + string(a.Password)
	if sum, ok := g.hashes[text]; ok {
		return sum
	}
	sum, err := pbkdf2.Key(sha256.New, text, g.memory.Salt, guardRounds, sha256.Size)
	if err != nil {
		panic(err) // only for parameters that are constant here
	}
	g.hashes[text] = sum
	return sum
}
