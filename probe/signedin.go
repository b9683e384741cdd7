package probe

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
	// links are the relations that the application's documents named, as absolute URLs: events, makeMeAvailable,
	// reportMyActivity, startMessaging, batch, …
	links map[string]string
}
