package probe

import (
	"cmp"
	"slices"
)

// purposeOrder is the order of exchanges in a section.
var purposeOrder = []string{
	GetRoot, GetRootLegacy, GetRootHTTP, GetOtherPort, GetHop, GetService, GetServiceCase, GetServiceQuery, GetUser, GetUserLegacy,
	GetWebTicket, PostToken, GetUCWA, GetContent, GetInternalOnly, GetDeviceInternal, GetDeviceExternal,
	GetLongURL, GetFromPage, GetMeet, GetDialin, GetOfficeWebApps, GetUnknownHost, GetRepeat,
	GetGzip, GetMeeting, GetMeetingPhone, GetMeetingXML, GetJoinAsset, PostAnonymous, PostPassive, GetExchange,
	SignInDiscovery, SignInChallenge, SignInMetadata, SignInTicket, SignInStranger, SignInUser, SignInApplication, SignInUCWA, SignInEvents,
	SignInMcx, SignInRepeat, SignInWithout, SignInPut, UploadLarge, UploadChunked, UploadExpect, UploadHeader,
}

// number sorts the observations and numbers handshakes, exchanges, log-ons and polls by their place. Those that are alike
// in every respect keep the order in which they came. asked and shook tell whose exchanges and handshakes are, by ID:
// those who sign in do it side by side.
func (s *Section) number(asked, shook map[int]string) {
	slices.SortStableFunc(s.Lookups, func(a, b Lookup) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	slices.SortStableFunc(s.Dials, func(a, b Dial) int {
		return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Host, b.Host))
	})

	slices.SortStableFunc(s.Handshakes, func(a, b Handshake) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Addr, b.Addr),
			cmp.Compare(a.Offered, b.Offered), cmp.Compare(a.SNI, b.SNI), cmp.Compare(shook[a.ID], shook[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	renamed := map[int]int{}
	for i := range s.Handshakes {
		renamed[s.Handshakes[i].ID] = i + 1
		s.Handshakes[i].ID = i + 1
	}
	for i := range s.Exchanges {
		s.Exchanges[i].Handshake = renamed[s.Exchanges[i].Handshake]
	}
	slices.SortStableFunc(s.Exchanges, func(a, b Exchange) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(slices.Index(purposeOrder, a.Purpose), slices.Index(purposeOrder, b.Purpose)),
			cmp.Compare(a.URL, b.URL), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Accept, b.Accept),
			cmp.Compare(asked[a.ID], asked[b.ID]), cmp.Compare(a.Handshake, b.Handshake), cmp.Compare(a.ID, b.ID))
	})
	clear(renamed)
	for i := range s.Exchanges {
		renamed[s.Exchanges[i].ID] = i + 1
		s.Exchanges[i].ID = i + 1
	}
	s.numberSignIns(renamed)
}

// numberSignIns sorts and numbers what came of signing in, given the new IDs of exchanges.
func (s *Section) numberSignIns(exchanges map[int]int) {
	for i := range s.Logons {
		for j, id := range s.Logons[i].Exchanges {
			s.Logons[i].Exchanges[j] = exchanges[id]
		}
	}
	rank := func(client string) int { return slices.Index(SigningClients(), client) }
	slices.SortStableFunc(s.Logons, func(a, b Logon) int {
		return cmp.Or(cmp.Compare(rank(a.Client), rank(b.Client)), cmp.Compare(a.Account, b.Account),
			cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.ID, b.ID))
	})
	logons := map[int]int{}
	for i := range s.Logons {
		logons[s.Logons[i].ID] = i + 1
		s.Logons[i].ID = i + 1
	}
	for _, in := range s.SignIns {
		for i := range in.Steps {
			in.Steps[i].Exchange = exchanges[in.Steps[i].Exchange]
			in.Steps[i].Logon = logons[in.Steps[i].Logon]
		}
	}
	for i := range s.Polls {
		s.Polls[i].Exchange = exchanges[s.Polls[i].Exchange]
	}
	slices.SortStableFunc(s.Polls, func(a, b Poll) int {
		return cmp.Or(cmp.Compare(rank(a.Client), rank(b.Client)), cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.ID, b.ID))
	})
	for i := range s.Polls {
		s.Polls[i].ID = i + 1
	}
	for i := range s.Crowds {
		s.Crowds[i].Exchange = exchanges[s.Crowds[i].Exchange]
	}
}
