package probe

import (
	"cmp"
	"slices"
)

// purposeOrder is the order of exchanges in a section.
var purposeOrder = []string{
	GetRoot, GetRootLegacy, GetRootHTTP, GetOtherPort, GetHop, GetService, GetServiceCase, GetServiceQuery, GetUser, GetUserLegacy,
	GetWebTicket, PostToken, GetUCWA, GetContent, GetInternalOnly, GetDeviceInternal, GetDeviceExternal,
	GetMeet, GetDialin, GetOfficeWebApps, GetUnknownHost, GetRepeat,
}

// number sorts the observations and numbers handshakes and exchanges by their place. Those that are alike in
// every respect keep the order in which they came.
func (s *Section) number() {
	slices.SortStableFunc(s.Lookups, func(a, b Lookup) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	slices.SortStableFunc(s.Dials, func(a, b Dial) int {
		return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Host, b.Host))
	})

	slices.SortStableFunc(s.Handshakes, func(a, b Handshake) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Addr, b.Addr),
			cmp.Compare(a.Offered, b.Offered), cmp.Compare(a.SNI, b.SNI), cmp.Compare(a.ID, b.ID))
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
			cmp.Compare(a.Handshake, b.Handshake), cmp.Compare(a.ID, b.ID))
	})
	for i := range s.Exchanges {
		s.Exchanges[i].ID = i + 1
	}
}
