package fakelync

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const xmlType, jsonType = "application/vnd.microsoft.com.ucwa+xml", "application/json"

func TestInput(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)
	for _, tc := range []struct {
		name, contentType, body string
		want                    input // nil when it cannot be read
	}{
		{"empty", jsonType, " \r\n", input{}},
		{"upper-case", jsonType, `{"UserAgent":"a b","EndpointId":"c","Culture":"en-US"}`, input{"useragent": {"a b"}, "endpointid": {"c"}, "culture": {"en-US"}}},
		{"trailing-comma", jsonType, `{"culture" : "en-US" , }`, input{"culture": {"en-US"}}},
		{"unquoted-names", jsonType, `{culture:"en-US",endpointId:'x',n:12,b:true}`, input{"culture": {"en-US"}, "endpointid": {"x"}, "n": {"12"}, "b": {"true"}}},
		{"list", jsonType, `{"m":["a","b",],"none":[]}`, input{"m": {"a", "b"}}},
		{"nested", jsonType, `{"_links":{"message":{"href":"data:,x"}}}`, input{"_links/message/href": {"data:,x"}}},
		{"null", jsonType, `{"a":null,"b":""}`, input{"b": {""}}},
		{"escapes", jsonType, `{"a":"\"\\\/\u00fc\n","b":"}"}`, input{"a": {"\"\\/ü\n"}, "b": {"}"}}},
		{"byte-order-mark", jsonType, "\ufeff{\"a\":\"b\"}", input{"a": {"b"}}},
		{"untyped-xml", "", `<input><property name="A">b</property></input>`, input{"a": {"b"}}},
		{"xml", xmlType, `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="culture"> en-us </property>` +
			`<propertyList name="m"><item>a</item><item>b</item></propertyList><link rel="message" href="data:,x"/></input>`,
			input{"culture": {"en-us"}, "m": {"a", "b"}, "_links/message/href": {"data:,x"}}},

		{"cut", jsonType, `{"a":"b`, nil},
		{"cut-after-name", jsonType, `{"a"`, nil},
		{"cut-in-escape", jsonType, `{"a":"\`, nil},
		{"no-value", jsonType, `{"a":}`, nil},
		{"no-comma", jsonType, `{"a":"b" "c":"d"}`, nil},
		{"after-the-end", jsonType, `{} {}`, nil},
		{"array", jsonType, `[]`, nil},
		{"deep", jsonType, deep, nil},
		{"deep-lists", jsonType, `{"a":` + strings.Repeat("[", 60000), nil},
		{"bad-escape", jsonType, `{"a":"\x"}`, nil},
		{"no-utf-8", jsonType, "{\"a\":\"\xff\"}", nil},
		{"form", "application/x-www-form-urlencoded", "a=b", nil},
		{"other-root", xmlType, `<resource/>`, nil},
		{"two-roots", xmlType, `<input/><input/>`, nil},
		{"cut-xml", xmlType, `<input><property name="a">`, nil},
		{"deep-xml", xmlType, strings.Repeat("<input>", 1000), nil},
		{"entity", xmlType, `<!DOCTYPE input [<!ENTITY a "b">]><input><property name="a">&a;</property></input>`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseInput(tc.contentType, []byte(tc.body))
			if err != nil {
				got = nil
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzInput(f *testing.F) {
	for _, seed := range []string{`{"a":["b",{c:'d'}],}`, `<input><property name="a">b</property></input>`, `{"a":"\u00fc\`, `{a:[[[{b:`} {
		f.Add(jsonType, []byte(seed))
		f.Add(xmlType, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		in, err := parseInput(contentType, body)
		if err == nil && in == nil {
			t.Error("neither input nor error")
		}
	})
}
