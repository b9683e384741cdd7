package fakelync

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// fileUser, filePool and fileDirectory are a User, a Pool and the rest of an OrganisationConfig as a YAML file spells them.
type fileUser struct {
	SIP             string `yaml:"sip"`
	Login           string `yaml:"login"`
	UPN             string `yaml:"upn"`
	Name            string `yaml:"name"`
	Password        string `yaml:"password"`
	Pool            string `yaml:"pool"`
	Online          bool   `yaml:"online"`
	NotEnabled      bool   `yaml:"not_enabled"`
	NoMobility      bool   `yaml:"no_mobility"`
	NoOutsideAccess bool   `yaml:"no_outside_access"`
	NoRegistrar     bool   `yaml:"no_registrar"`
}

type filePool struct {
	Name               string   `yaml:"name"`
	Product            Product  `yaml:"product"`
	Director           bool     `yaml:"director"`
	InternalWeb        string   `yaml:"internal_web"`
	ExternalWeb        string   `yaml:"external_web"`
	SIPInternal        string   `yaml:"sip_internal"`
	SIPExternal        string   `yaml:"sip_external"`
	HideExternalLinks  bool     `yaml:"hide_external_links"`
	HiddenTokens       []string `yaml:"hidden_tokens"`
	ExposedWebInternal bool     `yaml:"exposed_web_internal"`
}

type fileDirectory struct {
	HostingProviderURL string   `yaml:"hosting_provider_url"`
	DirectoryDown      bool     `yaml:"directory_down"`
	LockoutThreshold   int      `yaml:"lockout_threshold"`
	MaxApplications    int      `yaml:"max_applications"`
	DeniedUserAgents   []string `yaml:"denied_user_agents"`
	Speed              float64  `yaml:"speed"`
}

// organisation is nil for a file without accounts.
func (f *fileConfig) organisation() (*Organisation, error) {
	d := f.Organisation
	cfg := OrganisationConfig{
		HostingProviderURL: d.HostingProviderURL, DirectoryDown: d.DirectoryDown, LockoutThreshold: d.LockoutThreshold,
		MaxApplications: d.MaxApplications, DeniedUserAgents: d.DeniedUserAgents, Speed: d.Speed,
	}
	for _, p := range f.Pools {
		cfg.Pools = append(cfg.Pools, Pool(p))
	}
	for _, u := range f.Users {
		cfg.Users = append(cfg.Users, User(u))
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if len(cfg.Users) == 0 {
		return nil, nil
	}
	return NewOrganisation(cfg), nil
}

// validate returns the first field that makes no sense in a file, as a *fieldError.
func (c *OrganisationConfig) validate() error {
	for i, p := range c.Pools {
		if err := p.validate(); err != nil {
			return prefix(err, "pools", i)
		}
		if slices.ContainsFunc(c.Pools[:i], func(o Pool) bool { return strings.EqualFold(o.Name, p.Name) }) {
			return at(fmt.Errorf("%q is there twice", p.Name), "pools", i, "name")
		}
	}
	addresses := map[string]bool{}
	for i, u := range c.Users {
		if err := u.validate(); err != nil {
			return prefix(err, "users", i)
		}
		address := strings.ToLower(u.SIP)
		if addresses[address] {
			return at(fmt.Errorf("%q is there twice", u.SIP), "users", i, "sip")
		}
		addresses[address] = true
		if u.Pool != "" && !slices.ContainsFunc(c.Pools, func(p Pool) bool { return strings.EqualFold(p.Name, u.Pool) }) {
			return at(fmt.Errorf("there is no pool %q", u.Pool), "users", i, "pool")
		}
	}
	if c.HostingProviderURL != "" {
		if err := checkURL(c.HostingProviderURL); err != nil {
			return at(err, "organisation", "hosting_provider_url")
		}
	}
	for _, n := range []struct {
		value float64
		field string
	}{{float64(c.LockoutThreshold), "lockout_threshold"}, {float64(c.MaxApplications), "max_applications"}, {c.Speed, "speed"}} {
		if n.value < 0 {
			return at(fmt.Errorf("%v is negative", n.value), "organisation", n.field)
		}
	}
	return nil
}

func (p *Pool) validate() error {
	if err := checkHost(p.Name); err != nil {
		return at(err, "name")
	}
	if _, ok := p.Product.traits(); !ok {
		return at(fmt.Errorf("unknown product %q", p.Product), "product")
	}
	for _, f := range []struct{ value, field string }{{p.InternalWeb, "internal_web"}, {p.ExternalWeb, "external_web"}} {
		if f.value != "" {
			if err := checkHost(f.value); err != nil {
				return at(err, f.field)
			}
		}
	}
	for _, f := range []struct{ value, field string }{{p.SIPInternal, "sip_internal"}, {p.SIPExternal, "sip_external"}} {
		if host, port, err := net.SplitHostPort(f.value); f.value != "" && (err != nil || host == "" || port == "") {
			return at(fmt.Errorf("%q is no host:port", f.value), f.field)
		}
	}
	return nil
}

func (u *User) validate() error {
	if name, domain, ok := strings.Cut(u.SIP, "@"); !ok || name == "" || checkHost(domain) != nil || strings.Contains(name, ":") {
		return at(fmt.Errorf("%q is no address such as user1@contoso.example (without sip:)", u.SIP), "sip")
	}
	if domain, name, ok := strings.Cut(u.Login, `\`); u.Login != "" && (!ok || domain == "" || name == "") {
		return at(fmt.Errorf(`%q is no Windows account such as CONTOSO\user1`, u.Login), "login")
	}
	if u.Password == "" {
		return at(errors.New("a password is needed; invent one"), "password")
	}
	return nil
}
