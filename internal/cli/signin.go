package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"lyncpin/probe"
)

// signInOptions are who signs in, and as what.
type signInOptions struct {
	users         []string
	passwordFiles []string
	as            []string
	hold          time.Duration
	dryRun        bool
}

// defaultHold is just longer than the shortest time-out that proxies come with, which is 30 seconds.
const defaultHold = 35 * time.Second

// maxAccounts are one that signs in and one that messages go to.
const maxAccounts = 2

// passwordVariables are where passwords are taken from when no file is given, in the order of the accounts.
var passwordVariables = [maxAccounts]string{"LYNCPIN_PASSWORD", "LYNCPIN_PASSWORD_2"}

func (o *signInOptions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&o.users, "user", nil, "sign in as `ADDRESS[=LOGIN]`, LOGIN as DOMAIN\\name where it is not the address; given twice, the second one gets messages")
	f.StringArrayVar(&o.passwordFiles, "password-file", nil, "take the password from the first line of this `file`, - for standard input; once for each --user, and where there is none "+
		passwordVariables[0]+", "+passwordVariables[1]+" or a prompt")
	f.StringSliceVar(&o.as, "as", probe.SigningClients(), "sign in as these `clients`")
	f.DurationVar(&o.hold, "hold", defaultHold, "hold a silent long poll so long; 960s is what push clients need, 0 holds none")
	f.BoolVar(&o.dryRun, "dry-run", false, "list whom the probe would talk to and how often it would log on, and ask nobody")
}

// check refuses what makes no sense before anybody is asked for a password.
func (o *signInOptions) check() error {
	if len(o.users) > maxAccounts {
		return usage("%d times --user: want one that signs in, and at most one more that messages go to", len(o.users))
	}
	if len(o.passwordFiles) > len(o.users) {
		return usage("--password-file needs a --user for each: got %d and %d", len(o.passwordFiles), len(o.users))
	}
	for i, client := range o.as {
		if !slices.Contains(probe.SigningClients(), client) {
			return unknownWord("--as", "client", client, probe.SigningClients())
		}
		if slices.Contains(o.as[:i], client) {
			return usage("--as names %s twice", client)
		}
	}
	if o.hold < 0 || o.hold > maxHold {
		return usage("--hold %s: want 0 to %s, the longest that a Front End holds a poll", o.hold, maxHold)
	}
	return nil
}

// maxHold is the longest time-out of the event channel (UCWA SDK, "events": 1800 seconds).
const maxHold = 30 * time.Minute

// accounts are those of --user without their passwords.
func (o *signInOptions) accounts() ([]probe.Account, error) {
	var out []probe.Account
	for _, text := range o.users {
		address, login, _ := strings.Cut(text, "=")
		address = strings.TrimPrefix(address, "sip:")
		if name, domain, ok := strings.Cut(address, "@"); !ok || name == "" || domain == "" {
			return nil, usage("--user %s: want a sign-in address such as user1@contoso.example, and =DOMAIN\\name when the Windows account is called otherwise", address)
		}
		if slices.ContainsFunc(out, func(a probe.Account) bool { return strings.EqualFold(a.SIP, address) }) {
			return nil, usage("--user names %s twice", address)
		}
		out = append(out, probe.Account{SIP: address, Login: login})
	}
	return out, nil
}

// dryRun says whom a probe would talk to, and asks nobody, not even for a password.
func (a *app) dryRun(target probe.Target, vantages []*probe.Vantage, opts *signInOptions, accounts []probe.Account) error {
	if len(accounts) > 0 {
		for _, v := range vantages {
			v.SignIn = &probe.SigningIn{Accounts: accounts, Clients: opts.as, Hold: opts.hold}
		}
	}
	plan, err := probe.Attempts(target, vantages)
	if err != nil {
		return ours(err)
	}
	var ports []string
	for _, p := range plan.Ports {
		ports = append(ports, strconv.Itoa(p))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "names asked for, and those that answers name:\n  %s\n", strings.Join(plan.Names, "\n  "))
	fmt.Fprintf(&b, "TCP ports, and those that links name: %s\n", strings.Join(ports, ", "))
	if len(plan.Accounts) == 0 {
		b.WriteString("nobody signs in\n")
	} else {
		fmt.Fprintf(&b, "signing in: %s\n", strings.Join(plan.Accounts, ", "))
		fmt.Fprintf(&b, "log-ons at most: %d when the passwords are right, %d with a wrong one, %d when no answer tells\n", plan.Logons, plan.Wrong, plan.Unclear)
	}
	_, err = io.WriteString(a.env.Stdout, b.String())
	return err
}

// signingIn is who signs in, with passwords. Nil means that nobody does.
func (a *app) signingIn(o *signInOptions) (*probe.SigningIn, error) {
	accounts, err := o.accounts()
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	stdin := bufio.NewReader(a.env.Stdin)
	for i := range accounts {
		file := ""
		if i < len(o.passwordFiles) {
			file = o.passwordFiles[i]
		}
		if accounts[i].Password, err = a.password(accounts[i], file, passwordVariables[i], stdin); err != nil {
			return nil, err
		}
	}
	in := &probe.SigningIn{Accounts: accounts, Clients: o.as, Hold: o.hold}
	if a.env.CacheDir != "" {
		guard, err := openGuard(filepath.Join(a.env.CacheDir, "lyncpin"), time.Now)
		if err != nil {
			return nil, err
		}
		in.Guard = guard
	} else {
		a.env.say("note: this machine has no cache directory, so a refused password is remembered for this run only")
	}
	return in, nil
}

// password takes an account's password from where it can be had.
func (a *app) password(account probe.Account, file, variable string, stdin *bufio.Reader) (probe.Secret, error) {
	var text string
	var err error
	switch {
	case file == "-":
		if text, err = stdin.ReadString('\n'); errors.Is(err, io.EOF) {
			err = nil
		}
	case file != "":
		var data []byte
		data, err = readFile(file)
		line, _, _ := bytes.Cut(data, []byte("\n"))
		text = string(line)
	case a.env.Getenv(variable) != "":
		text = a.env.Getenv(variable)
	case a.env.ReadPassword != nil:
		text, err = a.env.ReadPassword(fmt.Sprintf("Password of %s: ", account.SIP))
	default:
		return "", hint(fmt.Errorf("there is no password for %s", account.SIP),
			"--password-file FILE reads it from a file, %s from the environment; on a terminal it is asked for", variable)
	}
	if err != nil {
		return "", fmt.Errorf("the password of %s cannot be read: %w", account.SIP, err)
	}
	text = strings.TrimPrefix(strings.TrimRight(text, "\r\n"), "\ufeff") // what editors on Windows put first
	if text == "" {
		return "", fmt.Errorf("the password of %s is empty", account.SIP)
	}
	return probe.Secret(text), nil
}
