package lint

import (
	"testing"

	"lyncpin/internal/export"
	"lyncpin/internal/topology"
)

// TestExportedIsSilent lints what is exported for the healthy deployment: nothing of it may count.
func TestExportedIsSilent(t *testing.T) {
	t.Parallel()
	for _, product := range []string{export.HAProxy, export.Squid} {
		proxy := topology.Healthy().Proxy
		text, err := export.Write(product, export.Input{Proxy: proxy, Files: export.DefaultFiles(product, len(proxy.Certificates))})
		if err != nil {
			t.Fatal(err)
		}
		f := read(t, text)
		if f.Product != product || !f.Lync {
			t.Errorf("%s: product %s, concerns Lync: %v", product, f.Product, f.Lync)
		}
		for _, x := range Check(f, Options{}) {
			if x.Suppressed == "" {
				t.Errorf("%s:%d: %s: %s", product, x.Line, x.Rule.ID, x.Reason)
			}
		}
	}
}
