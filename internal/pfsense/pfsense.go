// Package pfsense reads the backup of a pfSense firewall (config.xml): the Squid reverse proxy and the HAProxy package, and what of the
// base system decides whether they work. It finds mistakes in it, and translates it into what other rooms run.
//
//	b, err := pfsense.Parse("config.xml", data)
//	…
//	for _, f := range b.Check("config.xml", pfsense.Options{}, time.Now()) { … }
//
// # Model
//
// The parser keeps what is needed and drops secrets before anything else sees them: private keys, passwords, hashes, pre-shared
// keys, and lines of free text that are not understood. What is kept is named one by one (kept.go). Element names of several package
// generations are understood.
//
// Rules send telling requests through the configuration in thought: every public name, every path that clients need. The names
// are those that the backup itself shows; [Options] may say more.
//
// # Limits
//
// Addresses that the firewall gets by DHCP or PPPoE are not in a backup. Which of the names is the external web services FQDN is
// inferred: that which leads to the servers of the names that are certain.
package pfsense
