package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"lyncpin/internal/load"
	"lyncpin/internal/yamlfile"
)

// benchFile is a file in which the owner of a test bench says what may be loaded.
type benchFile struct {
	SIPDomain     string            `yaml:"sip_domain"`
	Addresses     []string          `yaml:"addresses"`
	Names         map[string]string `yaml:"names"`
	InternalNames []string          `yaml:"internal_names"`
	Roots         string            `yaml:"roots"`
	Accounts      []benchAccount    `yaml:"accounts"`
	Lab           string            `yaml:"lab"`
}

// benchAccount is an account, or several whose names hold {n} for 1 to Count.
type benchAccount struct {
	SIP          string `yaml:"sip"`
	Login        string `yaml:"login"`
	PasswordFile string `yaml:"password_file"`
	Count        int    `yaml:"count"`
}

// maxBenchAccounts bounds what one line of a file can ask for.
const maxBenchAccounts = 1_000_000

// benchTarget reads a bench file. Names of files in it are relative to it.
func benchTarget(name string) (load.Target, error) {
	target, err := readBench(name)
	if err != nil {
		return load.Target{}, hint(err, `"lyncpin load --help" shows what is in such a file`)
	}
	return target, nil
}

func readBench(name string) (load.Target, error) {
	data, err := readFile(name)
	if err != nil {
		return load.Target{}, err
	}
	var b benchFile
	err = yamlfile.Safely(data, func() error {
		return yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&b)
	})
	switch {
	case errors.Is(err, io.EOF):
		return load.Target{}, fmt.Errorf("%s: the file is empty", name)
	case err != nil:
		return load.Target{}, yamlError(name, err, reflect.TypeFor[benchFile](), reflect.TypeFor[benchAccount]())
	}
	target, err := b.target(filepath.Dir(name))
	if err != nil {
		return load.Target{}, fmt.Errorf("%s: %w", name, err)
	}
	return target, nil
}

// target is what the file, which is in dir, says.
func (b *benchFile) target(dir string) (target load.Target, err error) {
	beside := func(file string) string {
		if filepath.IsAbs(file) {
			return file
		}
		return filepath.Join(dir, file)
	}
	target = load.Target{Domain: b.SIPDomain, Routes: map[string]string{}}
	for _, text := range b.Addresses {
		prefix, err := netip.ParsePrefix(text)
		if addr, alone := netip.ParseAddr(text); alone == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return target, fmt.Errorf("addresses: %q is neither an address nor a prefix such as 192.0.2.0/24", text)
		}
		target.Allowed = append(target.Allowed, prefix.Masked())
	}
	for host, at := range b.Names {
		host = strings.ToLower(host)
		target.Hosts = append(target.Hosts, host)
		target.Routes[host] = withPort(at)
	}
	for _, host := range b.InternalNames {
		target.InternalHosts = append(target.InternalHosts, strings.ToLower(host))
	}
	if b.Roots != "" {
		if target.Roots, err = rootsIn(beside(b.Roots)); err != nil {
			return target, err
		}
	}
	if b.Lab != "" {
		of, err := labTarget(beside(b.Lab), false)
		if err != nil {
			return target, err
		}
		target.Accounts = of.Accounts
	}
	for _, account := range b.Accounts {
		more, err := account.all(beside)
		if err != nil {
			return target, err
		}
		target.Accounts = append(target.Accounts, more...)
	}
	return target, nil
}

// all are the accounts that an entry stands for.
func (b *benchAccount) all(beside func(string) string) ([]load.Account, error) {
	if user, domain, ok := strings.Cut(b.SIP, "@"); !ok || user == "" || domain == "" {
		return nil, fmt.Errorf("accounts: %q is no sign-in address such as user1@contoso.example", b.SIP)
	}
	if b.PasswordFile == "" {
		return nil, fmt.Errorf("accounts: %s has no password_file", b.SIP)
	}
	data, err := readFile(beside(b.PasswordFile))
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	password := strings.TrimPrefix(strings.TrimRight(string(line), "\r"), "\ufeff")
	if password == "" {
		return nil, fmt.Errorf("accounts: the password of %s is empty", b.SIP)
	}
	many := strings.Contains(b.SIP, "{n}")
	switch {
	case b.Count < 0 || b.Count > maxBenchAccounts:
		return nil, fmt.Errorf("accounts: %s: a count of %d: want 1 to %d", b.SIP, b.Count, maxBenchAccounts)
	case many != (b.Count > 0):
		return nil, fmt.Errorf("accounts: %s: {n} in the address and a count belong together", b.SIP)
	}
	var out []load.Account
	for n := range max(b.Count, 1) {
		named := strings.NewReplacer("{n}", strconv.Itoa(n+1))
		out = append(out, load.Account{SIP: named.Replace(b.SIP), Login: named.Replace(b.Login), Password: password})
	}
	return out, nil
}
