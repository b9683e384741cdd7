package failure

// authModes are about tickets, tokens and log-ons: what is offered, whether machines can check it at all, then the
// account, and last what refuses a right password.
func authModes() []Mode {
	return []Mode{
		authWebTicketHrefWrongHost,
		authWindowsGrantNotOffered,
		authPasswordGrantNotOffered,
		authAuthenticateOrderKerberosFirst,
		authWebticketInternalError,
		authOAuthCertificateMissing,
		authClockSkew,
		authUserNotEnabled,
		authBadCredentialsControl,
		authUPNSIPMismatch,
		authLockoutByDoubleAuth,
		authExtendedProtectionBreaksNTLM,
		authNTLMLevelMismatch,
		authCertprovUnreachable,
	}
}
