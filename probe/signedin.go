package probe

import "net/http"

// signedIn is a client that has an application: what it needs to go on asking.
type signedIn struct {
	client  string
	account Account
	// ticketName and ticketValue are the header that every request carries. They stay out of records.
	ticketName, ticketValue string
	// media is the media type of the dialect, for Accept and Content-Type.
	media string
	// application is the application's own URL.
	application link
	// links are the relations that the application's documents named, as sent: events, makeMeAvailable,
	// reportMyActivity, startMessaging, batch, …
	links map[string]string

	o       *observer
	at      endpoint // where the application was made
	by      string
	secrets *secrets
	// presences are shared by all places; nil where there is only one.
	presences *presences
	// steps are those of the client's sign-in, to which what goes on after signing in adds its own.
	steps *[]SignInStep
}

// connect returns a fresh connection to where the application is, made with its first request. The caller must close it.
// label keeps the records of connections side by side in the same order whatever the timing; it may be empty.
func (in *signedIn) connect(label string) *clientConn {
	return in.o.newClientConn(in.at, in.by+" "+label, in.secrets)
}

// request is one with the client's ticket and dialect. The URL must be of the application's host: connections of connect
// go nowhere else, whatever a document says.
func (in *signedIn) request(purpose, method, target string) signedRequest {
	r := signedRequest{purpose: purpose, method: method, target: target, accept: in.media, header: http.Header{}}
	r.header.Set(in.ticketName, in.ticketValue)
	if in.media == mediaUCWAXML {
		r.header.Set("X-MS-Namespace", "internal") // as phones do
	}
	return r
}

// with is the request with a body in the client's dialect.
func (r signedRequest) with(media string, body []byte) signedRequest {
	r.header.Set("Content-Type", media)
	r.body = body
	return r
}

// Media types of the two dialects of UCWA.
const (
	mediaUCWAXML  = "application/vnd.microsoft.com.ucwa+xml"
	mediaUCWAJSON = "application/json"
)
