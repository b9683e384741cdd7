package lint

import "slices"

// hostList is a named list that compares hosts, with what it says of one.
type hostList struct {
	name  string
	hosts []string // that its lines name
	has   func(host string) certainty
}

// exclude tells whether no host is in all of the lists, of which one condition asks for each. It needs two lists of hosts at least, and
// says no where one cannot be judged.
func exclude(lists []hostList) bool {
	if len(lists) < 2 {
		return false
	}
	for _, l := range lists {
		for _, host := range l.hosts {
			in := always
			for _, other := range lists {
				in = min(in, other.has(host))
			}
			if in != never {
				return false
			}
		}
	}
	return true
}

// hostsOfLists are the hosts that lists name, each once.
func hostsOfLists(lists []hostList) []string {
	var all []string
	for _, l := range lists {
		for _, h := range l.hosts {
			if !slices.Contains(all, h) {
				all = append(all, h)
			}
		}
	}
	return all
}

// namesOfLists are the names of lists, in their order.
func namesOfLists(lists []hostList) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l.name)
	}
	return all
}
