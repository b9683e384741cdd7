package lint

// languages are the products whose configurations are plain text, in the order in which their rules are listed.
func languages() []language {
	return []language{nginxLanguage(), apacheLanguage(), haproxyLanguage(), squidLanguage()}
}
