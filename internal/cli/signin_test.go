package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lyncpin/probe"
)

func signInApp(stdin string, env map[string]string) *app {
	return &app{env: Env{
		Stdin: strings.NewReader(stdin), Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer),
		Getenv: func(name string) string { return env[name] },
	}}
}

func TestPasswordsComeFromWhereTheyAreKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password.txt")
	if err := os.WriteFile(file, []byte("\ufefflab-only-File-1\r\nsecond line\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	two := []string{"user1@contoso.example=CONTOSO\\user1", "user2@contoso.example"}
	for _, test := range []struct {
		name  string
		opts  signInOptions
		stdin string
		env   map[string]string
		want  []probe.Secret
	}{
		{"a file in Windows form", signInOptions{users: two[:1], passwordFiles: []string{file}}, "", nil, []probe.Secret{"lab-only-File-1"}},
		{"standard input for both", signInOptions{users: two, passwordFiles: []string{"-", "-"}}, "one\ntwo", nil, []probe.Secret{"one", "two"}},
		{"the environment", signInOptions{users: two}, "", map[string]string{"LYNCPIN_PASSWORD": "a", "LYNCPIN_PASSWORD_2": "b"}, []probe.Secret{"a", "b"}},
		{"file and environment", signInOptions{users: two, passwordFiles: []string{file}}, "", map[string]string{"LYNCPIN_PASSWORD_2": "b"}, []probe.Secret{"lab-only-File-1", "b"}},
	} {
		in, err := signInApp(test.stdin, test.env).signingIn(&test.opts)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for i, a := range in.Accounts {
			if a.Password != test.want[i] {
				t.Errorf("%s: account %d has %q, want %q", test.name, i, string(a.Password), string(test.want[i]))
			}
		}
	}
	in, err := signInApp("", map[string]string{"LYNCPIN_PASSWORD": "a", "LYNCPIN_PASSWORD_2": "b"}).signingIn(&signInOptions{users: two})
	if err != nil || in.Accounts[0].Login != `CONTOSO\user1` || in.Accounts[1].Login != "" {
		t.Errorf("logins: %+v, %v", in, err)
	}
}

func TestAPersonIsAskedForThePassword(t *testing.T) {
	t.Parallel()
	a := signInApp("", nil)
	asked := ""
	a.env.ReadPassword = func(prompt string) (string, error) { asked = prompt; return "typed", nil }
	in, err := a.signingIn(&signInOptions{users: []string{"user1@contoso.example"}})
	if err != nil || in.Accounts[0].Password != "typed" || asked != "Password of user1@contoso.example: " {
		t.Errorf("got %v, %v after %q", in, err, asked)
	}
}

func TestSignInOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		opts signInOptions
		want string
	}{
		{signInOptions{users: []string{"a@b.example", "c@b.example", "d@b.example"}}, "at most one more"},
		{signInOptions{passwordFiles: []string{"x"}}, "needs a --user"},
		{signInOptions{as: []string{"mobile-2012"}}, `did you mean`},
		{signInOptions{as: []string{"web", "web"}}, "twice"},
		{signInOptions{hold: -1}, "want 0 to"},
		{signInOptions{hold: maxHold + 1}, "want 0 to"},
		{signInOptions{users: []string{"user1"}}, "want a sign-in address"},
		{signInOptions{users: []string{"u@b.example", "U@B.example"}}, "twice"},
		{signInOptions{users: []string{"u@b.example"}}, "there is no password"},
		{signInOptions{users: []string{"u@b.example"}, passwordFiles: []string{"-"}}, "is empty"},
		{signInOptions{users: []string{"u@b.example"}, passwordFiles: []string{"missing.txt"}}, "missing.txt"},
	} {
		err := test.opts.check()
		if err == nil {
			_, err = signInApp("", nil).signingIn(&test.opts)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v; want %q", test.opts, err, test.want)
		}
	}
}
