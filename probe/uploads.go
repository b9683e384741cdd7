package probe

import (
	"bytes"
	"context"
	"net/http"
	"strings"
)

const (
	uploadSize  = 2 << 20  // twice the usual limit of a proxy, a fraction of the Front End's
	headerExtra = 12 << 10 // a ticket of Kerberos for somebody in many groups; http.sys takes 16 KB of header
)

// upload sends large bodies and a large header to the application's batch resource. What a Front End says to them does
// not matter: that it was reached does.
func (o *observer) upload(ctx context.Context, who *signedIn) {
	to, err := who.link("batch", "/batch")
	if err != nil {
		return
	}
	step := SignInStep{Name: StepUpload, Result: StepOK, Text: "large, chunked and expectant bodies and a large header reached the Front End"}
	for _, r := range uploads(to.target) {
		r.header.Set(who.ticketName, who.ticketValue)
		line := who.connect("upload")
		x, body := line.do(ctx, r)
		line.close()
		if x.ID == 0 {
			return
		}
		batch := strings.HasPrefix(x.Header.Get("Content-Type"), "multipart/batching")
		if !batch && ucwaOf(x, body) == nil && !MakerOf(x).FrontEnd {
			step.Result, step.Exchange = StepFailed, x.ID
			step.Text = r.purpose + " did not reach the Front End"
			if x.Outcome.OK() {
				step.Text += ofStatus(x.Status)
			} else {
				step.Text += ": " + x.Outcome.Words()
			}
		}
	}
	who.step(step)
}

// uploads are the requests. The multipart's preamble, which nobody reads, makes them large: RFC 2046 section 5.1.1.
func uploads(target string) []signedRequest {
	const boundary = "lyncpin"
	batch := []byte("--" + boundary + "--\r\n")
	large := append(bytes.Repeat([]byte("This is a test of large requests.\r\n"), uploadSize/35), batch...)
	post := func(purpose string, body []byte) signedRequest {
		return signedRequest{
			purpose: purpose, method: http.MethodPost, target: target, accept: "multipart/batching", body: body,
			header: http.Header{"Content-Type": {"multipart/batching;boundary=" + boundary}},
		}
	}
	sized, chunked, expectant, header := post(UploadLarge, large), post(UploadChunked, large), post(UploadExpect, batch), post(UploadHeader, batch)
	chunked.chunked, expectant.expect = true, true
	header.header.Set("Cookie", "lyncpin="+strings.Repeat("x", headerExtra))
	return []signedRequest{sized, chunked, expectant, header}
}
