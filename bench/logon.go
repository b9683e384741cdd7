package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
)

// ntlmSignature begins a message of NTLM; its type follows.
const ntlmSignature = "NTLMSSP\x00"

// logon is what a web server knows of one connection: as NTLM has it, the connection is the user's, not the request.
type logon struct {
	mu        sync.Mutex
	challenge string
	user      string
}

type logonKey struct{}

// withLogon gives a connection its logon.
func withLogon(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, logonKey{}, &logon{})
}

// serveNTLM answers with the user of the connection, after three messages: who wants to, a challenge, and the challenge back with a
// name. Nothing is computed: whoever sends the challenge of this connection is believed.
func serveNTLM(w http.ResponseWriter, r *http.Request) {
	l := r.Context().Value(logonKey{}).(*logon)
	l.mu.Lock()
	defer l.mu.Unlock()
	kind, text := readNTLM(r.Header.Get("Authorization"))
	switch {
	case kind == 1:
		l.user = ""
		l.challenge = fmt.Sprintf("%016x", rand.Uint64())
		w.Header().Set("WWW-Authenticate", writeNTLM(2, l.challenge))
		w.WriteHeader(http.StatusUnauthorized)
		return
	case kind == 3:
		challenge, user, _ := strings.Cut(text, " ")
		if l.challenge != "" && challenge == l.challenge {
			l.user = user
		}
		l.challenge = ""
	}
	if l.user == "" {
		w.Header().Set("WWW-Authenticate", "NTLM")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, l.user)
}

// writeNTLM is a message as it stands in a header field.
func writeNTLM(kind byte, text string) string {
	return "NTLM " + base64.StdEncoding.EncodeToString([]byte(ntlmSignature+string(rune(kind))+"\x00\x00\x00"+text))
}

// readNTLM is its opposite; the kind is 0 for anything else.
func readNTLM(field string) (kind byte, text string) {
	encoded, ok := strings.CutPrefix(field, "NTLM ")
	if !ok {
		return 0, ""
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return 0, ""
	}
	message, ok := strings.CutPrefix(string(raw), ntlmSignature)
	if !ok || len(message) < 4 {
		return 0, ""
	}
	return message[0], message[4:]
}
