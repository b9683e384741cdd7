package probe

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// secrets are texts that must not come into a record: passwords, tickets, tokens. Servers send them back in answers, in
// error pages, in links. It is safe for several goroutines.
type secrets struct {
	mu    sync.Mutex
	list  []string          // longest first
	known *strings.Replacer // of the list; nil until it is needed
}

// shortest is the least length of a secret that is looked for: a shorter one would be found in every word.
const shortest = 4

// hide adds a secret, in the forms in which it travels.
func (s *secrets) hide(secret string) {
	if len(secret) < shortest {
		return
	}
	var escaped strings.Builder
	xml.EscapeText(&escaped, []byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, form := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), escaped.String(), base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if !slices.Contains(s.list, form) {
			s.list = append(s.list, form)
		}
	}
	slices.SortStableFunc(s.list, func(a, b string) int { return len(b) - len(a) })
	s.known = nil
}

// replacer leaves all of the list out, in one pass over the text: there are hundreds of texts to look for.
func (s *secrets) replacer() *strings.Replacer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		var pairs []string
		for _, secret := range s.list {
			pairs = append(pairs, secret, omitted)
		}
		s.known = strings.NewReplacer(pairs...)
	}
	return s.known
}

const omitted = "…"

// Forms of secrets that nobody had to tell: compact tickets and SAML ones, the messages of NTLM, and what the answers of
// token services hold.
var (
	ticketForms = regexp.MustCompile(`(?i)\b(cwt=|opaque=)[A-Za-z0-9+/=_.~%-]{4,}`)
	ntlmForms   = regexp.MustCompile(`TlRMTVNTU[A-Za-z0-9+/=]+`)
	tokenMember = regexp.MustCompile(`("(?:access_token|refresh_token|id_token|password)"\s*:\s*")[^"]*`)
	secretNames = []string{"Assertion", "UserToken", "BinarySecret", "BinarySecurityToken", "CipherValue", "SignatureValue", "Password", "Username", "conf-key"}
	elements    = regexp.MustCompile(`(?is)<((?:[\w.-]+:)?(?:` + strings.Join(secretNames, "|") + `))\b[^>]*>`)
)

// scrub leaves secrets out of a text.
func (s *secrets) scrub(text string) string {
	text = s.replacer().Replace(text)
	if namesTicket(text) { // which most texts do not, and then need no search
		text = ticketForms.ReplaceAllString(text, "${1}"+omitted)
	}
	return ntlmForms.ReplaceAllString(text, omitted)
}

// namesTicket tells whether ticketForms may match: whether one of its words stands before an equals sign.
func namesTicket(text string) bool {
	for {
		before, after, found := strings.Cut(text, "=")
		if !found {
			return false
		}
		for _, word := range []string{"cwt", "opaque"} {
			if n := len(before) - len(word); n >= 0 && strings.EqualFold(before[n:], word) {
				return true
			}
		}
		text = after
	}
}

// scrubBody leaves secrets out of a body.
func (s *secrets) scrubBody(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	return []byte(s.scrub(tokenMember.ReplaceAllString(withoutElements(string(body)), "${1}"+omitted)))
}

// withoutElements empties the elements that hold secrets. One that is not closed ends with the text.
func withoutElements(text string) string {
	var out strings.Builder
	for {
		at := elements.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(text)
			return out.String()
		}
		if strings.HasSuffix(text[:at[1]], "/>") {
			out.WriteString(text[:at[1]])
			text = text[at[1]:]
			continue
		}
		name := text[at[2]:at[3]]
		out.WriteString(text[:at[0]] + "<" + name + ">" + omitted)
		text = text[at[1]:]
		end := "</" + name
		i := strings.Index(text, end)
		if i < 0 {
			return out.String()
		}
		text = text[i:]
	}
}

// scrubHeader leaves secrets out of a header.
func (s *secrets) scrubHeader(h http.Header) http.Header {
	for name, values := range h {
		for i, v := range values {
			if strings.EqualFold(name, "X-MS-WebTicket") || strings.EqualFold(name, "Authorization") {
				v = omitted
			}
			h[name][i] = s.scrub(v)
		}
	}
	return h
}
