package proxy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A borderCase is bytes of a client and what becomes of them: the answers' statuses, of which one that refuses is the last, and the
// requests that arrive, as "POST /path body", with "@host" before the body where that is another than the published one.
type borderCase struct{ name, request, answers, arrives string }

const (
	hostLine = "Host: " + published + "\r\n"
	postHead = "POST / HTTP/1.1\r\n" + hostLine
	getHead  = "GET / HTTP/1.1\r\n" + hostLine
	inner    = "GET /inner HTTP/1.1\r\n" + hostLine + "\r\n" // what must not come out of a body
	inChunks = postHead + "Transfer-Encoding: chunked\r\n\r\n"
)

// borderCases are written after RFC 9112 (2.2, 3, 5, 6, 7, 9.3, 11), RFC 9110 (5.5, 5.6, 7.2, 7.6.1, 8.6, 10.1.1) and what has been
// published on request smuggling and desynchronisation. The near misses look odd and mean one thing.
func borderCases() []borderCase {
	const (
		host = hostLine
		post = postHead
	)
	cases := []borderCase{
		// Two lengths, or none that can be known.
		{"both-lengths", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner, "400", ""},
		{"both-lengths-other-order", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + inner, "400", ""},
		{"two-lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "400", ""},
		{"two-lengths-alike", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400", ""},
		{"length-list", post + "Content-Length: 5, 5\r\n\r\nhello", "400", ""},
		{"length-plus", post + "Content-Length: +5\r\n\r\nhello", "400", ""},
		{"length-minus", post + "Content-Length: -1\r\n\r\n", "400", ""},
		{"length-hex", post + "Content-Length: 0x5\r\n\r\nhello", "400", ""},
		{"length-point", post + "Content-Length: 5.0\r\n\r\nhello", "400", ""},
		{"length-space-inside", post + "Content-Length: 1 5\r\n\r\nhello", "400", ""},
		{"length-empty", post + "Content-Length:\r\n\r\n" + inner, "400", ""},
		{"length-overflow", post + "Content-Length: 18446744073709551621\r\n\r\nhello", "400", ""},
		{"length-underscore", post + "Content_Length: 5\r\n\r\n" + inner, "400", ""},
		{"length-zeros", post + "Content-Length: 0005\r\n\r\nhello", "200", "POST / hello"},
		{"length", post + "Content-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"length-spaces-around", post + "Content-Length: \t 5 \t\r\n\r\nhello", "200", "POST / hello"},

		// Codings that one reader knows and another does not.
		{"coding-unknown", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-identity", post + "Transfer-Encoding: identity\r\n\r\n", "501", ""},
		{"coding-gzip", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-twice-in-one", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-chunked-not-last", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-quoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-parameter", post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", "501", ""},
		{"coding-empty", post + "Transfer-Encoding:\r\n\r\n", "501", ""},
		{"coding-two-fields", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-two-fields-alike", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-vertical-tab", post + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-space-before-colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-tab-before-colon", post + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-underscore", post + "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-folded", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-in-http-1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"coding-case", post + "transfer-ENCODING: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200", "POST / hello"},

		// Chunks.
		{"chunk-size-empty", post + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-hex-prefix", post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-plus", post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-minus", post + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-space-before", post + "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-space-behind", post + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-underscore", post + "Transfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-overflow", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-longer", post + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", "400", ""},
		{"chunk-data-bare-cr", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r0\r\n\r\n", "400", ""},
		{"chunk-extension-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-bare-cr", post + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-nul", post + "Transfer-Encoding: chunked\r\n\r\n5;\x00\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-endless", post + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 8<<10) + "\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"trailer-folded", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n folded: x\r\n\r\n", "400", ""},
		{"trailer-bare-lf", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\n\r\n", "400", ""},
		{"trailer-without-name", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n: b\r\n\r\n", "400", ""},
		{"trailer-huge", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + strings.Repeat("X-A: "+strings.Repeat("b", 1000)+"\r\n", 20) + "\r\n", "431", ""},
		{"chunk-extension", post + "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0;c\r\n\r\n", "200", "POST / hello"},
		{"chunk-size-zeros", post + "Transfer-Encoding: chunked\r\n\r\n00005\r\nhello\r\n000\r\n\r\n", "200", "POST / hello"},
		{"chunks", post + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-A: b\r\n\r\n", "200", "POST / hello"},

		// Lines.
		{"bare-lf-line", "GET / HTTP/1.1\nHost: " + published + "\n\n", "400", ""},
		{"bare-lf-field", "GET / HTTP/1.1\r\nHost: " + published + "\n\r\n", "400", ""},
		{"bare-lf-end", "GET / HTTP/1.1\r\n" + host + "\n" + inner, "400", ""},
		{"bare-cr-in-value", "GET / HTTP/1.1\r\n" + host + "X-A: b\rContent-Length: 5\r\n\r\n", "400", ""},
		{"bare-cr-ends-line", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\r\n\r\n", "400", ""},
		{"nul-in-value", "GET / HTTP/1.1\r\n" + host + "X-A: b\x00c\r\n\r\n", "400", ""},
		{"nul-in-name", "GET / HTTP/1.1\r\n" + host + "X\x00A: b\r\n\r\n", "400", ""},
		{"folded", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n\r\n", "400", ""},
		{"folded-tab", "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n\tc\r\n\r\n", "400", ""},
		{"space-before-first-field", "GET / HTTP/1.1\r\n " + host + "\r\n", "400", ""},
		{"no-colon", "GET / HTTP/1.1\r\n" + host + "nothing\r\n\r\n", "400", ""},
		{"no-name", "GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n", "400", ""},
		{"space-in-name", "GET / HTTP/1.1\r\n" + host + "X A: b\r\n\r\n", "400", ""},
		{"name-not-ascii", "GET / HTTP/1.1\r\n" + host + "X-Ä: b\r\n\r\n", "400", ""},
		{"empty-line-before", "\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "200", "GET /"},
		{"empty-value", "GET / HTTP/1.1\r\n" + host + "X-A:\r\n\r\n", "200", "GET /"},
		{"value-not-ascii", "GET / HTTP/1.1\r\n" + host + "X-A: ü\r\n\r\n", "200", "GET /"},

		// The request line.
		{"two-spaces", "GET  / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"tab", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"space-in-target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"space-behind", "GET / HTTP/1.1 \r\n" + host + "\r\n", "400", ""},
		{"space-before", " GET / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"nul-in-target", "GET /\x00 HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-odd", "GE(T / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"http-0.9", "GET /\r\n\r\n", "400", ""},
		{"version-lower", "GET / http/1.1\r\n" + host + "\r\n", "400", ""},
		{"version-1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", "505", ""},
		{"version-1.01", "GET / HTTP/1.01\r\n" + host + "\r\n", "505", ""},
		{"version-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", ""},
		{"target-relative", "GET meet HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-asterisk", "GET * HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-scheme", "GET ftp://" + published + "/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-user", "GET http://" + published + "@evil.example/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},

		// Whom it is for.
		{"no-host", "GET / HTTP/1.1\r\n\r\n", "400", ""},
		{"two-hosts", "GET / HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n", "400", ""},
		{"two-hosts-alike", "GET / HTTP/1.1\r\n" + host + host + "\r\n", "400", ""},
		{"host-space-before-colon", "GET / HTTP/1.1\r\nHost : " + published + "\r\n\r\n", "400", ""},
		{"host-list", "GET / HTTP/1.1\r\nHost: " + published + ", evil.example\r\n\r\n", "400", ""},
		{"host-with-path", "GET / HTTP/1.1\r\nHost: " + published + "/x\r\n\r\n", "400", ""},
		{"host-with-user", "GET / HTTP/1.1\r\nHost: x@" + published + "\r\n\r\n", "400", ""},
		{"host-with-port", "GET / HTTP/1.1\r\nHost: " + published + ":80\r\n\r\n", "200", "GET / @" + published + ":80"},

		// Too much.
		{"fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X-A: b\r\n", 300) + "\r\n", "431", ""},
		{"head", "GET / HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("b", 300<<10) + "\r\n\r\n", "431", ""},
		{"expectation", post + "Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello", "417", ""},

		// CL.TE, TE.CL, TE.TE: the classic ones, whole.
		{"cl-te", post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + inner, "400", ""},
		{"te-cl", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\n" + inner + "0\r\n\r\n", "400", ""},
		{"te-te-second-odd", post + "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n" + inner, "400", ""},
		{"te-te-second-first", post + "Transfer-encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner, "400", ""},
		{"te-0", post + "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200", "POST / hello"},
		{"te-get", getHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + inner, "200 200", "GET / hello|GET /inner"},
		{"te-prefix-behind-comma", post + "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"te-comma-behind", post + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", "501", ""},
		{"te-line-feed-before", post + "Transfer-Encoding:\nchunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"te-hidden-behind-lf", post + "X-A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"te-hidden-behind-cr", post + "X-A: b\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"te-hidden-behind-nul", post + "X-A: b\x00Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"te-no-break-space", post + "Transfer-Encoding:\xa0chunked\r\n\r\n0\r\n\r\n", "501", ""},
		{"te-utf8-k", post + "Transfer-Encoding: chun\xe2\x84\xaaed\r\n\r\n0\r\n\r\n", "501", ""}, // the sign of Kelvin, which folds to k
		{"te-name-utf8-s", post + "Tran\xc5\xbffer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"te-both-underscore", post + "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello", "400", ""},
		{"te-compress", post + "Transfer-Encoding: compress\r\n\r\n", "501", ""},
		{"te-trailers-is-no-coding", post + "TE: trailers, chunked\r\nContent-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"cl-0-post", post + "Content-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n" + inner, "200", "POST / " + inner},
		{"cl-0-get", getHead + "Content-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n" + inner, "200", "GET / " + inner},
		{"cl-0-head", "HEAD / HTTP/1.1\r\n" + host + "Content-Length: " + fmt.Sprint(len(inner)) + "\r\n\r\n" + inner, "200", "HEAD / " + inner},
		{"cl-0-options", "OPTIONS / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello" + inner, "200 200", "OPTIONS / hello|GET /inner"},
		{"cl-named-in-connection", post + "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"cl-named-in-connection-get", getHead + "Connection: close, content-length\r\nContent-Length: 5\r\n\r\nhello", "200", "GET / hello"},
		{"host-named-in-connection", getHead + "Connection: Host\r\n\r\n", "200", "GET /"},
		{"cl-short", post + "Content-Length: 9\r\n\r\nhello", "", ""},
		{"cl-zero-and-more", post + "Content-Length: 0\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"cl-none-and-more", post + "\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"cl-huge-zeros", post + "Content-Length: " + strings.Repeat("0", 30) + "5\r\n\r\nhello", "400", ""},
		{"cl-max", post + "Content-Length: 9223372036854775807\r\n\r\n", "400", ""},
		{"cl-max-and-one", post + "Content-Length: 9223372036854775808\r\n\r\n", "400", ""},
		{"cl-exponent", post + "Content-Length: 1e1\r\n\r\nhello", "400", ""},
		{"cl-underscore-inside", post + "Content-Length: 1_0\r\n\r\nhello", "400", ""},
		{"cl-comma", post + "Content-Length: 5,\r\n\r\nhello", "400", ""},
		{"cl-list-unlike", post + "Content-Length: 5, 6\r\n\r\nhello", "400", ""},
		{"cl-semicolon", post + "Content-Length: 5;x\r\n\r\nhello", "400", ""},
		{"cl-quoted", post + "Content-Length: \"5\"\r\n\r\nhello", "400", ""},
		{"cl-minus-zero", post + "Content-Length: -0\r\n\r\n", "400", ""},
		{"cl-arabic-digit", post + "Content-Length: \xd9\xa5\r\n\r\nhello", "400", ""},
		{"cl-full-width-digit", post + "Content-Length: \xef\xbc\x95\r\n\r\nhello", "400", ""},
		{"cl-two-cases", post + "Content-Length: 5\r\ncontent-length: 0\r\n\r\nhello", "400", ""},
		{"cl-folded", post + "Content-Length:\r\n 5\r\n\r\nhello", "400", ""},
		{"cl-space-before-colon", post + "Content-Length : 5\r\n\r\nhello", "400", ""},
		{"cl-leading-space", post + " Content-Length: 5\r\n\r\nhello", "400", ""},
		{"cl-both-underscore", post + "Content-Length: 5\r\nContent_Length: 0\r\n\r\nhello", "400", ""},
		{"cl-http-1.0", "POST / HTTP/1.0\r\n" + host + "Content-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"cl-http-1.0-te", "POST / HTTP/1.0\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"cl-name-tab", post + "Content-Length\t: 5\r\n\r\nhello", "400", ""},
		{"cl-name-nul", post + "Content-Length\x00: 5\r\n\r\nhello", "400", ""},
		{"cl-name-quoted", post + "\"Content-Length\": 5\r\n\r\nhello", "400", ""},
		{"cl-name-double-colon", post + "Content-Length:: 5\r\n\r\nhello", "400", ""},

		// Chunks once more.
		{"chunk-none", post + "Transfer-Encoding: chunked\r\n\r\n" + inner, "400", ""},
		{"chunk-size-h", inChunks + "5h\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-int64", inChunks + "7fffffffffffffff\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-int64-and-one", inChunks + "8000000000000000\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-wraps-32", inChunks + "100000005\r\nhello\r\n0\r\n\r\n" + inner, "", ""}, // four GiB that do not come
		{"chunk-size-many-zeros", inChunks + strings.Repeat("0", 40) + "5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-tab", inChunks + "5\t\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-vertical-tab", inChunks + "5\v\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-nul", inChunks + "5\x00\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-comma", inChunks + "5,5\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-colon", inChunks + "5:a\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-space-and-extension", inChunks + "5 ;a\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-capital", inChunks + "A\r\nhellohello\r\n0\r\n\r\n", "200", "POST / hellohello"},
		{"chunk-size-negative-zero", inChunks + "-0\r\n\r\n" + inner, "400", ""},
		{"chunk-size-only-extension", inChunks + ";a\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-size-bare-cr", inChunks + "5\rhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-no-end", inChunks + "5\r\nhello0\r\n\r\n", "400", ""},
		{"chunk-data-two-ends", inChunks + "5\r\nhello\r\n\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-shorter", inChunks + "6\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-spill", inChunks + "3\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-end-cr-cr", inChunks + "5\r\nhello\r\r\n0\r\n\r\n", "400", ""},
		{"chunk-data-end-lf-cr", inChunks + "5\r\nhello\n\r0\r\n\r\n", "400", ""},
		{"chunk-data-is-crlf", inChunks + "2\r\n\r\n\r\n0\r\n\r\n" + inner, "200 200", "POST / \r\n|GET /inner"},
		{"chunk-data-is-a-request", inChunks + fmt.Sprintf("%x\r\n", len(inner)) + inner + "\r\n0\r\n\r\n", "200", "POST / " + inner},
		{"chunk-extension-term-lf", inChunks + "5;\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-hides", inChunks + "2;\nxx\r\n5c\r\n0\r\n\r\n" + inner, "400", ""},
		{"chunk-extension-quoted-lf", inChunks + "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-quoted-crlf", inChunks + "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"chunk-extension-empty", inChunks + "5;\r\nhello\r\n0;\r\n\r\n", "200", "POST / hello"},
		{"chunk-extension-not-ascii", inChunks + "5;\xff\r\nhello\r\n0\r\n\r\n", "200", "POST / hello"},
		{"chunk-extension-of-last", inChunks + "5\r\nhello\r\n0;x=\"y\"\r\n\r\n" + inner, "200 200", "POST / hello|GET /inner"},
		{"chunk-extensions-many", inChunks + "5" + strings.Repeat(";a", 3000) + "\r\nhello\r\n0\r\n\r\n", "400", ""},
		{"last-chunk-lf", inChunks + "0\n\r\n" + inner, "400", ""},
		{"last-chunk-end-lf", inChunks + "0\r\n\n" + inner, "400", ""},
		{"last-chunk-end-cr", inChunks + "0\r\n\r" + inner, "400", ""},
		{"last-chunk-no-end", inChunks + "0\r\n" + inner, "400", ""}, // the request line is no field
		{"trailer-length", inChunks + "0\r\nContent-Length: 50\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"trailer-coding", inChunks + "0\r\nTransfer-Encoding: chunked\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"trailer-length-underscore", inChunks + "0\r\nContent_Length: 50\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"trailer-host", inChunks + "0\r\nHost: evil.example\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"trailer-authorization", inChunks + "0\r\nAuthorization: Basic eA==\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"trailer-announces-length", post + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", "400", ""},
		{"trailer-announces-coding", post + "Trailer: X-A, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", ""},
		{"trailer-announced", post + "Trailer: X-A\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n", "200", "POST /"},
		{"trailer-space-before-colon", inChunks + "0\r\nX-A : b\r\n\r\n", "400", ""},
		{"trailer-bare-cr", inChunks + "0\r\nX-A: b\rc\r\n\r\n", "400", ""},
		{"trailer-nul", inChunks + "0\r\nX-A: \x00\r\n\r\n", "400", ""},
		{"trailer-no-colon", inChunks + "0\r\nX-A\r\n\r\n", "400", ""},
		{"trailer-blank-line-with-space", inChunks + "0\r\n \r\n" + inner, "400", ""},

		// Several requests at once: what follows a refusal is lost, what follows a request is the next.
		{"pipelined", getHead + "\r\n" + post + "Content-Length: 2\r\n\r\nhi" + inner, "200 200 200", "GET / |POST / hi|GET /inner"},
		{"pipelined-bad-second", getHead + "\r\nGET / HTTP/1.1\r\n\r\n" + inner, "200 400", "GET /"},
		{"pipelined-garbage", getHead + "\r\nhello\r\n" + inner, "200 400", "GET /"},
		{"pipelined-behind-close", getHead + "Connection: close\r\n\r\n" + inner, "200", "GET /"},
		{"pipelined-behind-close-list", getHead + "Connection: x, CLOSE ,y\r\n\r\n" + inner, "200", "GET /"},
		{"pipelined-behind-http-1.0", "GET / HTTP/1.0\r\n" + host + "\r\n" + inner, "200", "GET /"},
		{"pipelined-behind-http-1.0-kept", "GET / HTTP/1.0\r\n" + host + "Connection: keep-alive\r\n\r\n" + inner, "200 200", "GET / |GET /inner"},
		{"pipelined-crlf-between", post + "Content-Length: 2\r\n\r\nhi\r\n" + inner, "200 200", "POST / hi|GET /inner"},
		{"pipelined-lf-between", post + "Content-Length: 2\r\n\r\nhi\n" + inner, "200 400", "POST / hi"},
		{"pipelined-two-crlf-between", post + "Content-Length: 2\r\n\r\nhi\r\n\r\n" + inner, "200 400", "POST / hi"},
		{"pipelined-behind-connect", "CONNECT " + published + ":443 HTTP/1.1\r\n" + host + "\r\n" + inner, "405", ""},
		{"pipelined-behind-unwanted", "GET / HTTP/1.1\r\nHost: " + unwanted + "\r\n\r\n" + inner, "403 200", "GET /inner"},
		{"pipelined-behind-unwanted-with-body", "POST / HTTP/1.1\r\nHost: " + unwanted + "\r\nContent-Length: 5\r\n\r\nhello" + inner, "403 200", "GET /inner"},
		{"pipelined-behind-unwanted-with-chunks", "POST / HTTP/1.1\r\nHost: " + unwanted + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + inner, "403 200", "GET /inner"},
		{"pipelined-behind-unwanted-with-bad-chunks", "POST / HTTP/1.1\r\nHost: " + unwanted + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + inner, "403", ""},
		{"pipelined-behind-upgrade", getHead + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + inner, "200 200", "GET / |GET /inner"},
		{"pipelined-behind-h2c", getHead + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "200 505", "GET /"},

		// Expectations.
		{"expect", post + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + inner, "200 200", "POST / hello|GET /inner"},
		{"expect-case", post + "expect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"expect-chunks", post + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + inner, "200 200", "POST / hello|GET /inner"},
		{"expect-get", getHead + "Expect: 100-continue\r\n\r\n" + inner, "200 200", "GET / |GET /inner"},
		{"expect-nothing-to-come", post + "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n" + inner, "200 200", "POST / |GET /inner"},
		{"expect-prefixed", post + "Expect: y 100-continue\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-quoted", post + "Expect: \"100-continue\"\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-list", post + "Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-empty", post + "Expect:\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-parameter", post + "Expect: 100-continue;q=1\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-twice-unlike", post + "Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5\r\n\r\nhello", "417", ""},
		{"expect-http-1.0", "POST / HTTP/1.0\r\n" + host + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", "200", "POST / hello"},
		{"expect-behind-lf", post + "Expect:\n 100-continue\r\nContent-Length: 5\r\n\r\nhello", "400", ""},

		// Request lines once more.
		{"method-lower", "get / HTTP/1.1\r\n" + host + "\r\n", "200", "get /"},
		{"method-unknown", "MKCALENDAR / HTTP/1.1\r\n" + host + "\r\n", "200", "MKCALENDAR /"},
		{"method-token", "!#$%&'*+-.^_`~9 / HTTP/1.1\r\n" + host + "\r\n", "200", "!#$%&'*+-.^_`~9 /"},
		{"method-empty", " / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-colon", "GET: / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-slash", "GET/ / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-not-ascii", "G\xc3\x89T / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-quoted", "\"GET\" / HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"method-long", strings.Repeat("A", 100) + " / HTTP/1.1\r\n" + host + "\r\n", "200", strings.Repeat("A", 100) + " /"},
		{"line-only-method", "GET\r\n" + host + "\r\n", "400", ""},
		{"line-only-target", "/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-empty", "\r\n\r\n", "400", ""},
		{"line-cr-inside", "GET /\rHTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-lf-inside", "GET /\nHTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-vertical-tab", "GET\v/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-form-feed", "GET /\fHTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-two-spaces-before-version", "GET /  HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-two-versions", "GET / HTTP/1.1 HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"line-answer", "HTTP/1.1 200 OK\r\n" + host + "\r\n", "400", ""},
		{"version-0.9", "GET / HTTP/0.9\r\n" + host + "\r\n", "505", ""},
		{"version-1.10", "GET / HTTP/1.10\r\n" + host + "\r\n", "505", ""},
		{"version-2.0", "GET / HTTP/2.0\r\n" + host + "\r\n", "505", ""},
		{"version-11", "GET / HTTP/11\r\n" + host + "\r\n", "505", ""},
		{"version-none", "GET / HTTP/\r\n" + host + "\r\n", "505", ""},
		{"version-leading-zero", "GET / HTTP/01.1\r\n" + host + "\r\n", "505", ""},
		{"version-plus", "GET / HTTP/+1.1\r\n" + host + "\r\n", "400", ""},
		{"version-comma", "GET / HTTP/1,1\r\n" + host + "\r\n", "400", ""},
		{"version-mixed", "GET / Http/1.1\r\n" + host + "\r\n", "400", ""},
		{"version-shttp", "GET / SHTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"version-icy", "GET / ICY/1.1\r\n" + host + "\r\n", "400", ""},

		// Targets: what is odd and means one thing arrives byte for byte.
		{"target-double-slash", "GET //evil.example/x HTTP/1.1\r\n" + host + "\r\n", "200", "GET //evil.example/x"},
		{"target-backslash", "GET /a\\..\\b HTTP/1.1\r\n" + host + "\r\n", "200", "GET /a\\..\\b"},
		{"target-semicolon", "GET /a;b=c/d;e HTTP/1.1\r\n" + host + "\r\n", "200", "GET /a;b=c/d;e"},
		{"target-escaped-crlf", "GET /a%0d%0aHost:%20x HTTP/1.1\r\n" + host + "\r\n", "200", "GET /a%0d%0aHost:%20x"},
		{"target-escaped-nul", "GET /a%00b HTTP/1.1\r\n" + host + "\r\n", "200", "GET /a%00b"},
		{"target-escaped-slash", "GET /a%2fb%5cc HTTP/1.1\r\n" + host + "\r\n", "200", "GET /a%2fb%5cc"},
		{"target-not-ascii", "GET /m\xc3\xbcller HTTP/1.1\r\n" + host + "\r\n", "200", "GET /m\xc3\xbcller"},
		{"target-high-byte", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", "200", "GET /\xff"},
		{"target-dots", "GET /../../x HTTP/1.1\r\n" + host + "\r\n", "200", "GET /../../x"},
		{"target-question", "GET /?a?b=c&d HTTP/1.1\r\n" + host + "\r\n", "200", "GET /?a?b=c&d"},
		{"target-query-alone", "GET ?a HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-fragment-in-query", "GET /?a#b HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-delete", "GET /\x7f HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-at", "GET @evil.example/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-host-alone", "GET evil.example:80 HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-scheme-alone", "GET http:/x HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-opaque", "GET http:x HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-javascript", "GET javascript://" + published + "/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"target-asterisk-options", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "200", "OPTIONS *"},
		{"target-asterisk-more", "OPTIONS *x HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute", "GET http://" + published + "/x?y HTTP/1.1\r\n" + host + "\r\n", "200", "GET /x?y"},
		{"absolute-capital-scheme", "GET HTTP://" + published + "/x HTTP/1.1\r\n" + host + "\r\n", "200", "GET /x"},
		{"absolute-without-path", "GET http://" + published + " HTTP/1.1\r\n" + host + "\r\n", "200", "GET /"},
		{"absolute-query-alone", "GET http://" + published + "?y HTTP/1.1\r\n" + host + "\r\n", "200", "GET /?y"},
		{"absolute-another-host", "GET http://meet.fabrikam.example/x HTTP/1.1\r\n" + host + "\r\n", "200", "GET /x @meet.fabrikam.example"},
		{"absolute-empty-host", "GET http:///x HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute-user", "GET http://u:p@" + published + "/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute-backslash", "GET http://" + published + "\\@evil.example/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute-escaped-host", "GET http://" + published + "%2eevil.example/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute-port-odd", "GET http://" + published + ":80x/ HTTP/1.1\r\n" + host + "\r\n", "400", ""},
		{"absolute-two-hosts", "GET http://" + published + "/ HTTP/1.1\r\n" + host + host + "\r\n", "400", ""},
		{"absolute-no-host-field", "GET http://" + published + "/ HTTP/1.1\r\n\r\n", "400", ""},
		{"connect", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", "405", ""},
		{"connect-path", "CONNECT / HTTP/1.1\r\n" + host + "\r\n", "405", ""},

		// Hosts.
		{"host-upper", "GET / HTTP/1.1\r\nHOST: " + strings.ToUpper(published) + "\r\n\r\n", "200", "GET / @" + strings.ToUpper(published)},
		{"host-empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "200", "GET / @"},
		{"host-second-empty", "GET / HTTP/1.1\r\n" + host + "Host:\r\n\r\n", "400", ""},
		{"host-two-ports", "GET / HTTP/1.1\r\nHost: " + published + ":80:81\r\n\r\n", "400", ""},
		{"host-port-name", "GET / HTTP/1.1\r\nHost: " + published + ":http\r\n\r\n", "400", ""},
		{"host-port-empty", "GET / HTTP/1.1\r\nHost: " + published + ":\r\n\r\n", "200", "GET / @" + published + ":"},
		{"host-port-minus", "GET / HTTP/1.1\r\nHost: " + published + ":-80\r\n\r\n", "400", ""},
		{"host-escaped", "GET / HTTP/1.1\r\nHost: lyncweb-ext%2econtoso.example\r\n\r\n", "400", ""},
		{"host-not-ascii", "GET / HTTP/1.1\r\nHost: m\xc3\xbcller.contoso.example\r\n\r\n", "400", ""},
		{"host-space", "GET / HTTP/1.1\r\nHost: " + published + " evil.example\r\n\r\n", "400", ""},
		{"host-tab", "GET / HTTP/1.1\r\nHost: " + published + "\tevil.example\r\n\r\n", "400", ""},
		{"host-asterisk", "GET / HTTP/1.1\r\nHost: *\r\n\r\n", "400", ""},
		{"host-quoted", "GET / HTTP/1.1\r\nHost: \"" + published + "\"\r\n\r\n", "400", ""},
		{"host-url", "GET / HTTP/1.1\r\nHost: http://" + published + "/\r\n\r\n", "400", ""},
		{"host-backslash", "GET / HTTP/1.1\r\nHost: " + published + "\\evil\r\n\r\n", "400", ""},
		{"host-fragment", "GET / HTTP/1.1\r\nHost: " + published + "#evil\r\n\r\n", "400", ""},
		{"host-question", "GET / HTTP/1.1\r\nHost: " + published + "?evil\r\n\r\n", "400", ""},
		{"host-folded", "GET / HTTP/1.1\r\nHost:\r\n " + published + "\r\n\r\n", "400", ""},
		{"host-hidden-behind-lf", "GET / HTTP/1.1\r\n" + host + "X-A: b\nHost: evil.example\r\n\r\n", "400", ""},
		{"host-hidden-behind-nul", "GET / HTTP/1.1\r\nHost: " + published + "\x00.evil.example\r\n\r\n", "400", ""},
		{"host-address-6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n", "200", "GET / @[2001:db8::1]:443"},
		{"host-address-6-open", "GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n", "400", ""},
		{"host-address-6-more", "GET / HTTP/1.1\r\nHost: [2001:db8::1]evil\r\n\r\n", "400", ""},
		{"host-address-6-bare", "GET / HTTP/1.1\r\nHost: 2001:db8::1\r\n\r\n", "400", ""},
		{"host-http-1.0-none", "GET / HTTP/1.0\r\n\r\n", "200", "GET / @"},
		{"host-http-1.0-two", "GET / HTTP/1.0\r\n" + host + "Host: evil.example\r\n\r\n", "400", ""},

		// Lines once more.
		{"line-end-lf-cr", "GET / HTTP/1.1\n\rHost: " + published + "\r\n\r\n", "400", ""},
		{"line-end-cr-cr-lf", "GET / HTTP/1.1\r\r\n" + host + "\r\n", "400", ""},
		{"head-end-cr-alone", getHead + "\r" + inner, "400", ""},
		{"head-end-with-space", getHead + " \r\n" + inner, "400", ""},
		{"head-end-with-tab", getHead + "\t\r\n\r\n", "400", ""},
		{"folded-many", getHead + "X-A: b\r\n  \r\n\t\r\n c\r\n\r\n", "400", ""},
		{"folded-hides-field", getHead + "X-A: b\r\n Content-Length: 5\r\n\r\nhello", "400", ""},
		{"field-of-space", getHead + " : x\r\n\r\n", "400", ""},
		{"field-name-slash", getHead + "X/A: b\r\n\r\n", "400", ""},
		{"field-name-bracket", getHead + "X[A]: b\r\n\r\n", "400", ""},
		{"field-value-colon", getHead + "X-A: b: c: d\r\n\r\n", "200", "GET /"},
		{"field-value-looks-like-request", getHead + "X-A: GET / HTTP/1.1\r\n\r\n", "200", "GET /"},
		{"field-value-escaped-crlf", getHead + "X-A: b%0d%0aHost:%20evil\r\n\r\n", "200", "GET /"},
		{"field-value-literal-backslashes", getHead + "X-A: b\\r\\nHost: evil\r\n\r\n", "200", "GET /"},
		{"field-value-u010a", getHead + "X-A: b\xc4\x8aHost: evil.example\r\n\r\n", "200", "GET /"}, // whose low byte is a line feed
		{"answer-fields-in-request", getHead + "Set-Cookie: a=b\r\nStatus: 200\r\n\r\n", "200", "GET /"},
	}

	// Every byte that has no place anywhere, everywhere.
	for c := range 0x20 {
		if c == '\t' || c == '\n' {
			continue // told apart above
		}
		odd := string(rune(c))
		for place, request := range map[string]string{
			"method": "GE" + odd + "T / HTTP/1.1\r\n" + host + "\r\n",
			"target": "GET /a" + odd + "b HTTP/1.1\r\n" + host + "\r\n",
			"host":   "GET / HTTP/1.1\r\nHost: lyncweb" + odd + "-ext.contoso.example\r\n\r\n",
			"name":   getHead + "X-" + odd + "A: b\r\n\r\n",
			"value":  getHead + "X-A: b" + odd + "c\r\n\r\n",
			"length": post + "Content-Length: " + odd + "5\r\n\r\nhello",
			"coding": post + "Transfer-Encoding: chunked" + odd + "\r\n\r\n0\r\n\r\n",
			"chunk":  inChunks + "5" + odd + "\r\nhello\r\n0\r\n\r\n",
		} {
			cases = append(cases, borderCase{fmt.Sprintf("byte-%02x-in-%s", c, place), request, "400", ""})
		}
	}
	return cases
}

// TestBorder sends what is no request, or could be two, and wants it refused, the connection closed, and nothing passed on that two
// readers could take for two things.
func TestBorder(t *testing.T) {
	t.Parallel()
	tp := newTape(t, nil)
	names := map[string]bool{}
	for _, tc := range borderCases() {
		if names[tc.name] {
			t.Errorf("%s comes twice", tc.name)
		}
		names[tc.name] = true
		t.Run(tc.name, func(t *testing.T) {
			o := tp.say(t, []byte(tc.request), len(strings.Fields(tc.answers)))
			var arrived []string
			for _, m := range tp.check(t, []byte(tc.request), o) {
				if m.host != published {
					m.body = "@" + m.host + m.body
				}
				arrived = append(arrived, strings.TrimSpace(m.method+" "+m.target+" "+m.body))
			}
			var want []string
			for part := range strings.SplitSeq(tc.arrives, "|") {
				if part != "" {
					want = append(want, strings.TrimSpace(part))
				}
			}
			if answers := strings.Trim(fmt.Sprint(o.statuses), "[]"); answers != strings.TrimSpace(tc.answers) || !slices.Equal(arrived, want) {
				t.Errorf("answered %s, arrived %q; want %s and %q", answers, arrived, tc.answers, want)
			}
			if n := len(o.statuses); n > 0 && o.statuses[n-1] >= 400 && o.statuses[n-1] != 403 && !o.closes {
				t.Error("the connection goes on after a refusal")
			}
		})
	}
}
