package probe

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"
)

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestUnzip(t *testing.T) {
	t.Parallel()
	plain := []byte(`{"_links":{"self":{"href":"https://lyncweb-ext.contoso.example/"}}}`)
	for _, c := range []struct {
		name, encoding string
		body           []byte
		code           string
	}{
		{name: "not-compressed", body: plain, code: OK},
		{name: "compressed", encoding: "gzip", body: zipped(t, plain), code: OK},
		{name: "other-case", encoding: "GZIP", body: zipped(t, plain), code: OK},
		{name: "empty", encoding: "gzip", code: OK},
		{name: "said-and-not-so", encoding: "gzip", body: plain, code: HTTPMalformed},
		{name: "not-said", body: zipped(t, plain), code: HTTPMalformed},
		{name: "twice", encoding: "gzip", body: zipped(t, zipped(t, plain)), code: HTTPMalformed},
		{name: "broken-off", encoding: "gzip", body: zipped(t, plain)[:20], code: HTTPMalformed},
		{name: "bomb", encoding: "gzip", body: zipped(t, make([]byte, 4<<20)), code: TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newObserver(&Vantage{}, nil, Target{}, Limits{}.withDefaults(), &hostSet{}, &hostSet{})
			x := &Exchange{Header: http.Header{"Content-Encoding": {c.encoding}}, Body: textOf(c.body, bodyKept)}
			if got := classify(o.unzip(x, c.body)); got.Code != c.code {
				t.Fatalf("got %+v, want %s", got, c.code)
			}
			if c.code == OK && len(c.body) > 0 && x.Body != string(plain) {
				t.Errorf("body %q", x.Body)
			}
		})
	}
}
