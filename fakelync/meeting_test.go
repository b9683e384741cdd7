package fakelync

import "testing"

func TestConference(t *testing.T) {
	t.Parallel()
	org := NewOrganisation(OrganisationConfig{Users: []User{{SIP: "user1@contoso.example"}}})
	const uri = "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234"
	for _, tc := range []struct {
		name, uri, key string
		ok             bool
	}{
		{"known", uri, "ABCD1234", true},
		{"wrong-key", uri, "ABCD1235", false},
		{"lowered-key", uri, "abcd1234", false},
		{"no-key", uri, "", false},
		{"unknown-id", "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:EFGH5678", "ABCD1234", false},
		{"lowered-id", "sip:user1@contoso.example;gruu;opaque=app:conf:focus:id:abcd1234", "ABCD1234", false},
		{"unknown-organizer", "sip:nobody@contoso.example;gruu;opaque=app:conf:focus:id:ABCD1234", "ABCD1234", false},
		{"address-alone", "sip:user1@contoso.example", "ABCD1234", false},
		{"empty", "", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, ok := org.conference(tc.uri, tc.key)
			if ok != tc.ok || ok && u.SIP != "user1@contoso.example" {
				t.Errorf("conference(%q, %q) = %v, %v, want %v", tc.uri, tc.key, u, ok, tc.ok)
			}
		})
	}
}
