package fakelync

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticketPath is the web ticket service, as the products write it.
const ticketPath = "/WebTicket/WebTicketService.svc"

// Sizes of the 401 pages in published captures. Filters in front of real servers recognise the first by its length.
const (
	stockPage  = 1293
	ticketPage = 6305
)

// ticketChallenge is the 401 of resources that want a web ticket: it says where to get one ([MS-OCAUTHWS] 1.5). Its body
// is inferred to be IIS's own page.
func (s *site) ticketChallenge() response {
	r := s.pageOf(http.StatusUnauthorized, 0, stockPage)
	r.set("X-MS-WebTicketURL", s.ticketURL(ticketPath))
	return r
}

// oauthChallenge is the 401 of resources that want an OAuth token (UCWA SDK, "Create an application"): two challenges on
// two lines, and IIS's own page. The ids are constant: those of the security token service and of the product itself.
func (s *site) oauthChallenge() response {
	r := s.pageOf(http.StatusUnauthorized, 0, stockPage)
	bearer := `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@` + s.machine.SIPDomains[0] +
		`", client_id="00000004-0000-0ff1-ce00-000000000000"`
	if s.machine.AuthorizationURI != "" {
		bearer += `, authorization_uri="` + s.machine.AuthorizationURI + `"`
	}
	r.set("WWW-Authenticate", bearer)
	r.add("WWW-Authenticate", `MsRtcOAuth href="`+s.ticketURL("/WebTicket/oauthtoken")+
		`",grant_type="`+strings.Join(s.grants(), ",")+`"`)
	r.set("Vary", "Accept-Encoding")
	return r
}

// grants are the grant types offered, in the order of the published capture unless configured.
func (s *site) grants() []string {
	if len(s.conf.Grants) > 0 {
		return s.conf.Grants
	}
	return []string{GrantWindows, GrantMeeting, GrantPassword}
}

// windowsChallenge is the 401 of Windows authentication (RFC 4559).
func (s *site) windowsChallenge(size int) response {
	r := s.pageOf(http.StatusUnauthorized, 0, size)
	r.header["WWW-Authenticate"] = slices.Clone(s.windowsSchemes())
	return r
}

// oauthToken is the token service. Refusals are 400 with a JSON error and a diagnostics header (UCWA SDK, "Authentication
// in UCWA"; [MS-OCAUTHWS] 3.1.4 for the header's grammar); the Windows grant asks for Windows authentication first. Methods
// other than POST, OPTIONS among them, are refused alike.
func (s *site) oauthToken(q *query, rest string) response {
	if strings.Trim(rest, "/") != "" {
		return s.page(http.StatusNotFound, 0)
	}
	form, err := url.ParseQuery(string(q.body))
	grant := form.Get("grant_type")
	if len(q.body) == 0 && q.logsOn() {
		grant = GrantWindows // clients such as curl send the form in the last leg alone
	}
	switch {
	case q.method != http.MethodPost || err != nil || grant == "":
		return s.tokenError("invalid_request", noToken)
	case !slices.Contains(s.grants(), grant):
		return s.tokenError("unsupported_grant_type", notAllowed)
	}
	c := caller{}
	switch grant {
	case GrantWindows:
		u, refusal := s.windowsUser(q, stockPage)
		if u == nil {
			return refusal
		}
		c.user = u
	case GrantPassword:
		u, why := s.passwordUser(q, form.Get("username"), form.Get("password"))
		if u == nil {
			return s.grantRefused(why)
		}
		c.user = u
	case GrantMeeting:
		c.meeting = form.Get("ms_rtc_conferenceuri")
		if !s.joins(c.meeting, form.Get("password")) {
			return s.tokenError("invalid_grant", noToken)
		}
	default:
		r := s.tokenError("invalid_grant", noToken)
		if grant == GrantPassive && s.machine.PassiveURI != "" {
			r.body = []byte(`{"error":"invalid_grant","ms_rtc_passiveauthuri":` + jsonText(s.machine.PassiveURI) + `}`)
		}
		return r
	}
	if s.machine.NoTokenCertificate {
		// The diagnosis of a token service that cannot sign is in no source; server_error is in the SDK's list.
		r := s.aspNet(http.StatusInternalServerError, "application/json", "no-store")
		r.body = []byte(`{"error":"server_error"}`)
		return r
	}
	now, lifetime := s.now(), c.lifetime()
	r := s.aspNet(http.StatusOK, "application/json", "no-store")
	r.set("Pragma", "no-cache")
	r.body = []byte(`{"access_token":` + jsonText(s.organisation.issue(c, s.pool(), now, now.Add(lifetime))) +
		`,"expires_in":` + strconv.Itoa(int(lifetime/time.Second)) + `,"ms_rtc_identityscope":"local","token_type":"Bearer"}`)
	return r
}

// grantRefused is the answer to a password that leads nowhere: 400 for a wrong one, and what every log-on gets where the
// account or the directory is the reason.
func (s *site) grantRefused(why diagnosis) response {
	switch why {
	case noToken:
		return s.tokenError("invalid_grant", why)
	case directoryError:
		return s.directoryFailure()
	}
	return s.forbidden(why)
}

// tokenError is a refusal.
func (s *site) tokenError(code string, why diagnosis) response {
	r := s.aspNet(http.StatusBadRequest, "application/json", "no-store")
	r.set("Pragma", "no-cache")
	s.diagnose(&r, why)
	r.body = []byte(`{"error":"` + code + `"}`)
	return r
}
