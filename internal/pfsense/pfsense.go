// Package pfsense reads the backup of a pfSense firewall (config.xml): the Squid reverse proxy and the HAProxy package, and what of the
// base system decides whether they work. It finds mistakes in it, and translates it into what other rooms run.
//
// # Model
//
// The parser keeps what is needed and drops secrets before anything else sees them: private keys, passwords, hashes, pre-shared
// keys. Element names of several package generations are understood; what is not known is left out with a note, never guessed.
package pfsense
