package probe

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Kinds of clients that sign in.
const (
	ClientMobile2010 = "mobile-2010" // Lync 2010 mobile: web ticket, Mcx
	ClientMobile2013 = "mobile-2013" // Lync 2013 and Skype for Business mobile: web ticket, UCWA in XML
	ClientWeb        = "web"         // a web application: OAuth token, UCWA in JSON
	ClientDesktop    = "desktop"     // the desktop client: SAML ticket, user document, SIP access point
)

// SigningClients lists all kinds of clients that sign in, in the order of reports.
func SigningClients() []string {
	return []string{ClientMobile2013, ClientWeb, ClientDesktop, ClientMobile2010}
}

// Secret is a text that is never shown: it formats as "…", and it has no form in JSON.
type Secret string

// String is "…" whatever the secret is.
func (Secret) String() string { return "…" }

// GoString is String.
func (Secret) GoString() string { return "…" }

// MarshalJSON fails: a secret does not belong into a file.
func (Secret) MarshalJSON() ([]byte, error) { return nil, errors.New("a secret is not written") }

var _ json.Marshaler = Secret("")

// Account is somebody to sign in as.
type Account struct {
	// SIP is the sign-in address without "sip:".
	SIP string
	// Login is the Windows account, DOMAIN\name or a user principal name. Empty means SIP.
	Login string
	// Password is sent over verified TLS only, to hosts that the user's domain vouches for.
	Password Secret
}

// Guard remembers refused passwords, so that none is tried twice: not at another address, as another client, or in
// another run. Implementations are safe for several goroutines.
type Guard interface {
	// Refused tells whether this password of this account was refused lately.
	Refused(Account) bool
	// Note remembers that it was.
	Note(Account) error
}

// SigningIn says who signs in, as what, and for how long.
type SigningIn struct {
	// Accounts are who signs in. The first does as every client; a second one is whom messages go to, and who must never
	// be taken for the first.
	Accounts []Account
	// Clients are the kinds of clients to be. Nil means SigningClients.
	Clients []string
	// Hold is how long a silent long poll is held, in the deployment's time. Zero means none: only such polls are held
	// that something ends.
	Hold time.Duration
	// Guard remembers refused passwords. Nil means for this value alone.
	Guard Guard
	// Brief leaves out what does not belong to signing in itself: uploads, repetitions, crowds.
	Brief bool
}

// Results of a Logon.
const (
	LogonGranted     = "granted"      // the third leg was let in
	LogonRefused     = "refused"      // the third leg was answered 401
	LogonNotOffered  = "not-offered"  // the resource did not offer Windows authentication
	LogonNoChallenge = "no-challenge" // the first message was answered without a challenge
	LogonFailed      = "failed"       // something else: another status, a broken connection; the legs tell
)

// Logon is one Windows authentication, NTLM alone or in Negotiate, over one connection of the client.
type Logon struct {
	// ID is unique in the section, from 1.
	ID int `json:"id"`
	// Client is one of SigningClients; Account the SIP address it was for.
	Client  string `json:"client"`
	Account string `json:"account"`
	// URL is what was asked for, Host and Addr whom.
	URL  string `json:"url"`
	Host string `json:"host"`
	Addr string `json:"addr"`
	// Scheme is "NTLM" or "Negotiate"; Offered are the schemes of the first 401, in order.
	Scheme  string   `json:"scheme,omitempty"`
	Offered []string `json:"offered,omitempty"`
	// Protocol is the HTTP version of the connection, "1.1" or "2".
	Protocol string `json:"protocol"`
	// Bound says that the channel binding of the connection's TLS was sent along.
	Bound bool `json:"bound,omitempty"`
	// Exchanges are the IDs of the legs in order: without credentials, with the first message, with the third.
	Exchanges []int `json:"exchanges"`
	// Servers are the X-MS-Server-Fqdn of the legs; "" for a leg without.
	Servers []string `json:"servers"`
	// Result is one of the Logon constants.
	Result string `json:"result"`
	// Kept says, after LogonGranted, that the connection stayed logged on: "yes", "no" when a further request on it
	// without credentials was challenged, "" when that was not tried.
	Kept string `json:"kept,omitempty"`
}

// Steps of a sign-in. Not every client makes each.
const (
	StepDiscovery   = "discovery"   // the root document, and which URL it names for users
	StepChallenge   = "challenge"   // the user resource without credentials: where to get a ticket
	StepMetadata    = "metadata"    // the ticket service's WSDL
	StepTicket      = "ticket"      // the ticket or token
	StepUser        = "user"        // the user document
	StepPool        = "pool"        // the same again at the home pool, when that is another one
	StepSIP         = "sip"         // a connection to the SIP access point that the user document names
	StepApplication = "application" // the UCWA application
	StepAvailable   = "available"   // makeMeAvailable
	StepEvents      = "events"      // the first events
	StepMessage     = "message"     // a message from one account to the other arrives as an event
	StepSession     = "session"     // the Mcx service
	StepRepeat      = "repeat"      // the application asked for again and again, over fresh connections
	StepUpload      = "upload"      // large, chunked and expectant request bodies
	StepEnd         = "end"         // the application deleted
)

// Results of a step.
const (
	StepOK      = "ok"
	StepFailed  = "failed"
	StepSkipped = "skipped" // Text says why
)

// SignIn is one client's way from its credentials to its work.
type SignIn struct {
	// Client is one of SigningClients; Account is the SIP address.
	Client  string       `json:"client"`
	Account string       `json:"account"`
	Steps   []SignInStep `json:"steps"`
}

// SignInStep is one step of a sign-in.
type SignInStep struct {
	// Name is one of the Step constants, Result one of StepOK, StepFailed and StepSkipped.
	Name   string `json:"name"`
	Result string `json:"result"`
	// Exchange and Logon are the IDs of the last request and of the log-on that it came to; zero when there was none.
	Exchange int `json:"exchange,omitempty"`
	Logon    int `json:"logon,omitempty"`
	// Text says in a few words what came of it. It holds no secret.
	Text string `json:"text,omitempty"`
}

// Step returns the step of that name, nil when the client did not come to it.
func (s *SignIn) Step(name string) *SignInStep {
	if i := slices.IndexFunc(s.Steps, func(p SignInStep) bool { return p.Name == name }); i >= 0 {
		return &s.Steps[i]
	}
	return nil
}

// OK tells whether the step was made and went well.
func (s *SignIn) OK(name string) bool {
	p := s.Step(name)
	return p != nil && p.Result == StepOK
}

// Purposes of a poll.
const (
	PollSilent  = "silent"  // nothing happens until its time is over
	PollBusy    = "busy"    // something happens on the way, which begins the silence anew
	PollMessage = "message" // something happens at once
)

// Poll is a long poll that was held. Durations are of the deployment's time.
type Poll struct {
	// ID is unique in the section, from 1; Exchange is the ID of the request.
	ID       int    `json:"id"`
	Exchange int    `json:"exchange"`
	Client   string `json:"client"`
	// Purpose is one of the Poll constants.
	Purpose string `json:"purpose"`
	// Asked is the time-out that the server was asked for; Held how long the probe was ready to wait.
	Asked time.Duration `json:"asked_ns"`
	Held  time.Duration `json:"held_ns"`
	// Elapsed is how long it took to end, FirstByte to the first byte of the answer (zero when none came), Age how old
	// the connection was then. When an answer came that was not waited for, the next request followed at once over the same
	// connection: all times are since the first, and Exchange, Outcome and what is below it are of the last.
	Elapsed   time.Duration `json:"elapsed_ns"`
	FirstByte time.Duration `json:"first_byte_ns,omitempty"`
	Age       time.Duration `json:"age_ns,omitempty"`
	// Event is when something was made to happen, since the poll began; zero when nothing was. Delivered says that an
	// answer told of it. To a silent poll it happens at the end of Held: a connection that was waiting delivers it, a
	// dead one does not. A busy poll goes on after it, until something happens once more at the end of Held.
	Event     time.Duration `json:"event_ns,omitempty"`
	Delivered bool          `json:"delivered,omitempty"`
	// Outcome is OK when a whole answer came, whatever its status; Closed, Reset; Timeout when nothing came, not even
	// after something had been made to happen at the end of Held: the connection is dead.
	Outcome Outcome `json:"outcome"`
	Status  int     `json:"status,omitempty"`
	// FrontEnd says that the answer has the form of UCWA: it came from a Front End, not from something on the way.
	FrontEnd bool `json:"front_end,omitempty"`
	// Renewed says that a new request on a fresh connection was answered after this poll had ended or been given up.
	Renewed bool `json:"renewed,omitempty"`
}

// Crowd is what came of many requests of two accounts at once over the same proxy.
type Crowd struct {
	// Requests were sent over so many Connections.
	Requests    int `json:"requests"`
	Connections int `json:"connections"`
	// Failed are those that were not answered with an application.
	Failed int `json:"failed,omitempty"`
	// Foreign are those that were answered as another account's. Account asked for itself and was taken for Taken, in
	// the exchange of that ID, which is the first such one.
	Foreign  int    `json:"foreign,omitempty"`
	Account  string `json:"account,omitempty"`
	Taken    string `json:"taken,omitempty"`
	Exchange int    `json:"exchange,omitempty"`
}
