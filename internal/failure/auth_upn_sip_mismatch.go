package failure

import "lyncpin/probe"

var authUPNSIPMismatch = Mode{
	Rule: probe.Rule{
		ID:       "auth.upn-sip-mismatch",
		Severity: probe.Medium,
		Title:    "the sign-in address is not the name that Windows knows the user by",
		Cause:    "the user principal name differs from the SIP address; phones ask for the address and the password only, and send the address as the user name unless another one is entered",
		Remedy:   `Enter the user name (DOMAIN\name or the principal name) in the app under More details or Advanced, or make the two the same: Set-ADUser -UserPrincipalName user1@contoso.example, with the suffix added to the forest.`,
		Sources:  []string{"Troubleshoot sign-in for Lync mobile clients", "Plan for Mobility for Skype for Business Server"},
	},
	Confused:    []probe.ID{"auth.bad-credentials-control"},
	Undecidable: `The refusal of an unknown name is the same as that of a wrong password, and lyncpin tries a refused password no second time. By hand: run it again with the Windows account as the login of the user (DOMAIN\name) and the same password: when that is granted and the SIP address was refused, it is this. Get-CsUser -Identity sip:user1@contoso.example | ft SipAddress, UserPrincipalName, SamAccountName shows all three.`,
}
