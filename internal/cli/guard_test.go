package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lyncpin/probe"
)

func TestGuardRemembersFromRunToRun(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "lyncpin") // it need not exist
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	open := func() *fileGuard {
		g, err := openGuard(dir, func() time.Time { return clock })
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	wrong := probe.Account{SIP: "user1@contoso.example", Login: `CONTOSO\user1`, Password: "lab-only-Wrong-1"}
	first := open()
	if first.Refused(wrong) {
		t.Fatal("refused before anything was")
	}
	if err := first.Note(wrong); err != nil {
		t.Fatal(err)
	}

	again := open()
	if !again.Refused(wrong) {
		t.Error("another run does not know")
	}
	other := wrong
	other.Login = `contoso\USER1`
	if !again.Refused(other) {
		t.Error("the same account in other letters is taken for another one")
	}
	other.Password = "lab-only-Right-1"
	if again.Refused(other) {
		t.Error("another password counts as refused")
	}
	other = wrong
	other.Login = "user1@corp.contoso.example"
	if again.Refused(other) {
		t.Error("another account counts as refused")
	}

	data, err := os.ReadFile(filepath.Join(dir, guardFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{string(wrong.Password), "user1", "CONTOSO"} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the file holds %q", secret)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, guardFile)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v: want a file for its owner alone", info.Mode(), err)
	}

	clock = clock.Add(refusedFor)
	if again.Refused(wrong) {
		t.Error("remembered for more than an hour")
	}
}

func TestGuardRefusesAFileItCannotRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `{"refused":[]}`, `{"salt":"AAAA"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, guardFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openGuard(dir, time.Now); err == nil {
			t.Errorf("%s: want an error", text)
		}
	}
}
