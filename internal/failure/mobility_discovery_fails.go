package failure

import (
	"fmt"
	"strings"

	"lyncpin/internal/topology"
	"lyncpin/probe"
)

var mobilityDiscoveryFails = Mode{
	Rule: probe.Rule{
		ID:       "mobility.discovery-fails",
		Severity: probe.High,
		Title:    "phones or desktop clients outside get no usable discovery document",
		Cause:    "where no other finding explains it, something on the way changes or withholds the answer in a way that this catalogue does not know",
		Remedy:   "Compare the answer shown with the one the Front End gives on port 4443, and look in the reverse proxy for what changes requests or answers.",
		Sources:  []string{"Understanding Autodiscover in Lync Server 2013", "UCWA: Root URL"},
		Reads:    probe.Walks | probe.Lookups,
		Detect:   detectMobilityDiscoveryFails,
	},
	Cases: []Case{
		{Name: "accept-header-removed", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveRequestHeaders = []string{"Accept"}
		}},
	},
	Near: []Case{
		{Name: "harmless-header-removed", Edit: func(t *topology.Topology) {
			t.Proxy.Rules[0].RemoveRequestHeaders = []string{"X-Forwarded-For"}
		}},
	},
}

func detectMobilityDiscoveryFails(v *probe.View) probe.Verdict {
	out := v.At(probe.External)
	if !out.Seen() {
		return notSeenOutside
	}
	var evidence []probe.Evidence
	for _, w := range out.Walks() {
		if w.Accepted != "" || w.Client != "mobile" && w.Client != "desktop" {
			continue
		}
		for _, a := range w.Attempts {
			host := strings.TrimSuffix(a.URL[strings.LastIndex(strings.TrimSuffix(a.URL, "/"), "/")+1:], "/")
			if strings.HasPrefix(host, publicLabel) && out.Resolve(host).Exists() {
				e := out.Saw("a %s client of %s gives %s up: %s", w.Client, w.Domain, a.URL, a.Result)
				if a.Exchange != 0 {
					e.Step = fmt.Sprintf("%s/exchange/%d", out.Name(), a.Exchange)
				}
				evidence = append(evidence, e)
			}
		}
	}
	return verdict(evidence)
}
