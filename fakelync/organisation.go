package fakelync

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// User is an account of the organisation.
type User struct {
	// SIP is the sign-in address without "sip:". It is the user's identity in tickets, documents and the history.
	SIP string
	// Login is the Windows account, DOMAIN\name.
	Login string
	// UPN is the user principal name, which Windows takes in place of Login. Empty means SIP.
	UPN string
	// Name is the display name. Empty means the part of SIP before the @.
	Name string
	// Password is invented for the lab.
	Password string
	// Pool is the name of the home pool. Empty means the organisation's first.
	Pool string
	// Online says that the user is homed in the online service.
	Online bool
	// NotEnabled says that the account is not enabled for Lync: log-ons end with 403 and diagnostics 28000.
	NotEnabled bool
	// NoMobility is a mobility policy with EnableMobility off.
	NoMobility bool
	// NoOutsideAccess is an external access policy with EnableOutsideAccess off: external sites refuse with 403.
	NoOutsideAccess bool
	// NoRegistrar says that the user's routing group has lost its quorum: no application can be created.
	NoRegistrar bool
}

// Pool is a pool as user documents describe it.
type Pool struct {
	// Name is the pool's FQDN.
	Name string
	// Product is what its machines run. Empty means Lync2013.
	Product Product
	// Director says that no user is homed here.
	Director bool
	// InternalWeb and ExternalWeb are the web services FQDNs.
	InternalWeb, ExternalWeb string
	// SIPInternal and SIPExternal are the host:port that desktop clients sign in to, SIPExternal the Access Edge. Empty
	// means that there is none, and user documents do not have it.
	SIPInternal, SIPExternal string
	// HideExternalLinks leaves the links of the external site out of user documents.
	HideExternalLinks bool
	// HiddenTokens are further tokens that user documents lack, as External/Ucwa; letter case does not matter.
	HiddenTokens []string
	// ExposedWebInternal names the internal web FQDN in the links for mobile clients (Set-CsMcxConfiguration
	// -ExposedWebURL Internal).
	ExposedWebInternal bool
}

// OrganisationConfig is what NewOrganisation wants. The zero value is an organisation without accounts.
type OrganisationConfig struct {
	// Users are all accounts.
	Users []User
	// Pools are all pools. The first that is no Director's is the home of users that name none.
	Pools []Pool
	// HostingProviderURL is the discovery URL of the online service. Empty means that online users are not found.
	HostingProviderURL string
	// DirectoryDown says that no domain controller can be reached: log-ons end with 500 and diagnostics 28001.
	DirectoryDown bool
	// LockoutThreshold is how many wrong passwords in a row lock an account. Zero means none does.
	LockoutThreshold int
	// MaxApplications is how many applications a user may have at a time. Zero means 25.
	MaxApplications int
	// DeniedUserAgents are clients that the client version policy blocks: no application is created for one whose
	// User-Agent, in the header or in the request, contains such a text, upper and lower case alike.
	DeniedUserAgents []string
	// Now is the clock of tickets and applications. Nil means time.Now. Machines with a clock of their own judge the
	// lifetime of a ticket by it.
	Now func() time.Time
	// Speed is how many seconds of the protocol (long polls, expiry, event delays) pass in one second. Zero means 1.
	Speed float64
}

// Organisation is what the machines of one organisation share. It outlives the machines and has nothing to close. Its
// methods may be called by several goroutines.
type Organisation struct {
	cfg OrganisationConfig
	// accounts are the users by their folded SIP addresses, logins and principals by their folded names in Windows.
	accounts, logins, principals map[string]*User

	mu      sync.Mutex
	tickets tickets
	// wrong counts the wrong passwords in a row of each account.
	wrong map[*User]int

	mobility mobility
}

// NewOrganisation returns an organisation in which nobody is signed in.
func NewOrganisation(cfg OrganisationConfig) *Organisation {
	cfg.Users, cfg.Pools = slices.Clone(cfg.Users), slices.Clone(cfg.Pools)
	o := &Organisation{
		cfg: cfg, accounts: map[string]*User{}, logins: map[string]*User{}, principals: map[string]*User{}, wrong: map[*User]int{},
	}
	for i := range slices.Backward(cfg.Users) { // of two with one name the first is meant
		u := &cfg.Users[i]
		domain, name, _ := strings.Cut(u.Login, `\`)
		o.accounts[strings.ToLower(u.SIP)] = u
		o.logins[loginKey(domain, name)] = u
		o.principals[strings.ToLower(u.principal())] = u
	}
	return o
}

// loginKey is what a Windows account is found by.
func loginKey(domain, name string) string { return strings.ToLower(domain + `\` + name) }

// bySIP is the account of a sign-in address, with or without "sip:", nil if there is none.
func (o *Organisation) bySIP(address string) *User {
	if len(address) > 4 && strings.EqualFold(address[:4], "sip:") {
		address = address[4:]
	}
	return o.accounts[strings.ToLower(address)]
}

// byLogin is the account of a Windows user name, nil if there is none. The name is DOMAIN\name, a user principal name,
// or a bare name beside its domain; upper and lower case are alike, as in Windows.
func (o *Organisation) byLogin(domain, name string) *User {
	if d, n, ok := strings.Cut(name, `\`); ok {
		domain, name = d, n
	}
	if strings.Contains(name, "@") {
		return o.principals[strings.ToLower(name)]
	}
	return o.logins[loginKey(domain, name)]
}

// passwordIs reports whether is takes the account's password. Every failure counts towards a lockout, and a locked account
// has no password that is right.
func (o *Organisation) passwordIs(u *User, is func(password string) bool) bool {
	right := is(u.Password)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.cfg.LockoutThreshold > 0 && o.wrong[u] >= o.cfg.LockoutThreshold:
		return false
	case right:
		delete(o.wrong, u)
	default:
		o.wrong[u]++
	}
	return right
}

// locked reports whether too many wrong passwords have locked the account.
func (o *Organisation) locked(u *User) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cfg.LockoutThreshold > 0 && o.wrong[u] >= o.cfg.LockoutThreshold
}

// principal is the user principal name.
func (u *User) principal() string {
	if u.UPN != "" {
		return u.UPN
	}
	return u.SIP
}

// pool is the pool of that name, nil if there is none.
func (o *Organisation) pool(name string) *Pool {
	for i := range o.cfg.Pools {
		if strings.EqualFold(o.cfg.Pools[i].Name, name) {
			return &o.cfg.Pools[i]
		}
	}
	return nil
}

// home is the user's home pool, nil if the organisation has no such pool.
func (o *Organisation) home(u *User) *Pool {
	if u.Pool != "" {
		return o.pool(u.Pool)
	}
	for i := range o.cfg.Pools {
		if !o.cfg.Pools[i].Director {
			return &o.cfg.Pools[i]
		}
	}
	return nil
}

// now is the organisation's clock.
func (o *Organisation) now() time.Time {
	if o.cfg.Now != nil {
		return o.cfg.Now()
	}
	return time.Now()
}

// scaled is how long d of the protocol's time lasts here.
func (o *Organisation) scaled(d time.Duration) time.Duration {
	if o.cfg.Speed <= 0 {
		return d
	}
	return time.Duration(float64(d) / o.cfg.Speed)
}
