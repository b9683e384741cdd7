package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"lyncpin/internal/nearest"
	"lyncpin/probe"
	"lyncpin/scenarios"
)

// parseResolvers reads [PLACE=]IP[:PORT]. One without a place is for all places of from.
func parseResolvers(list, from []string) (map[string][]string, error) {
	out := map[string][]string{}
	for _, text := range list {
		place, addr, named := strings.Cut(text, "=")
		if !named {
			place, addr = "", text
		}
		server, err := addressPort(addr, 53)
		if err != nil {
			return nil, usage("--resolver %s: %v", text, err)
		}
		switch {
		case !named:
			for _, p := range from {
				out[p] = append(out[p], server)
			}
			continue
		case !slices.Contains(probe.Places(), place):
			return nil, unknownWord("--resolver "+text, "place", place, probe.Places())
		}
		out[place] = append(out[place], server) // one list of flags may serve several commands, whatever --from says
	}
	// Phones on the office network and the proxy ask the name server of the LAN, unless told otherwise.
	for _, place := range []string{probe.WiFi, probe.Proxy} {
		if len(out[place]) == 0 {
			out[place] = out[probe.Internal]
		}
	}
	return out, nil
}

// parseConnect reads HOST[:PORT]=IP[:PORT].
func parseConnect(list []string) (map[string]string, error) {
	var out map[string]string
	for _, text := range list {
		host, addr, ok := strings.Cut(text, "=")
		if !ok || host == "" {
			return nil, usage("--connect %s: want HOST[:PORT]=IP[:PORT]", text)
		}
		to, err := addressPort(addr, 0)
		if err != nil {
			return nil, usage("--connect %s: %v", text, err)
		}
		if name, port, ok := strings.Cut(host, ":"); ok && !strings.Contains(port, ":") {
			if _, err := addressPort("192.0.2.1:"+port, 0); err != nil || name == "" {
				return nil, usage("--connect %s: %q is no HOST[:PORT]", text, host)
			}
		}
		if out == nil {
			out = map[string]string{}
		}
		key := strings.TrimSuffix(strings.ToLower(host), ".")
		if have, ok := out[key]; ok && have != to {
			return nil, usage("--connect names %s twice", host)
		}
		out[key] = to
	}
	return out, nil
}

// addressPort completes an address that has no port; with standard 0 it stays without one.
func addressPort(text string, standard uint16) (string, error) {
	if ap, err := netip.ParseAddrPort(text); err == nil && ap.Port() != 0 {
		return ap.String(), nil
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is no IP address, with or without a port (names are not looked up here)", text)
	case standard == 0:
		return addr.String(), nil
	}
	return netip.AddrPortFrom(addr, standard).String(), nil
}

// unknownWord is a usage error with the nearest valid word.
func unknownWord(where, what, word string, known []string) error {
	err := &scenarios.UnknownError{What: what, Word: word, Nearest: nearest.Word(word, known)}
	return &usageError{text: where + ": " + err.Error(), hint: "known are " + strings.Join(known, ", ")}
}

// knownPlace refuses names that are no vantage's.
func knownPlace(name string) error {
	if slices.Contains(probe.Places(), name) {
		return nil
	}
	return fmt.Errorf("unknown place %q", name)
}
