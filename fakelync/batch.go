package fakelync

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// mediaBatch is the type of batches and their answers (UCWA SDK, "Batching requests").
const mediaBatch = "multipart/batching"

// batch answers several requests at once. Each part is a whole request; it is taken as one of the batch's own caller,
// which is inferred. Polls, photos and further batches cannot be in it, and of more than a hundred parts the rest is
// refused.
func (c *ucwaCall) batch() response {
	media, params, err := mime.ParseMediaType(c.q.header.Get("Content-Type"))
	if err != nil || media != mediaBatch || params["boundary"] == "" {
		return c.fault(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "", "A batch is "+mediaBatch+" with a boundary.")
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	r := multipart.NewReader(bytes.NewReader(c.q.body), params["boundary"])
	for parts := 0; ; parts++ {
		part, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil || parts > maxParts {
			return c.unreadable()
		}
		answer, err := c.part(part, parts)
		if err != nil {
			return c.unreadable()
		}
		if err := writePart(w, answer); err != nil {
			return c.unreadable()
		}
	}
	if err := w.Close(); err != nil {
		return c.unreadable()
	}
	answer := c.head(http.StatusOK)
	answer.set("Content-Type", mediaBatch+`; boundary="`+w.Boundary()+`"`)
	answer.body = out.Bytes()
	return answer
}

// maxParts is how many parts are looked at: a body holds no more that are whole.
const maxParts = bodyKept / len("--b\r\n\r\nGET / HTTP/1.1\r\n\r\n")

// part answers one request of a batch.
func (c *ucwaCall) part(part *multipart.Part, number int) (response, error) {
	r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(part, strings.NewReader("\r\n\r\n"))))
	if err != nil {
		return response{}, fmt.Errorf("fakelync: batch: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return response{}, fmt.Errorf("fakelync: batch: %w", err)
	}
	q := *c.q
	q.method, q.header, q.body = r.Method, r.Header, body
	q.rawPath, q.rawQuery = rawPath(r.RequestURI), r.URL.RawQuery
	q.path = cleanPath(q.rawPath)
	q.folded = strings.ToLower(q.path)
	p := &ucwaCall{s: c.s, q: &q, base: c.base, who: c.who}
	p.negotiate()
	rest, ok := below(q.path, p.base)
	if !ok {
		return p.notFound(), nil
	}
	segments := strings.Split(strings.ToLower(rest), "/")
	switch {
	case number >= maxOutstanding:
		return p.tooMany(), nil
	case len(segments) > 2 && slices.Contains([]string{"events", "batch", "photos"}, segments[2]):
		return p.fault(http.StatusBadRequest, "BadRequest", "", "The resource cannot be part of a batch."), nil
	}
	return p.serve(rest), nil
}

// below is what a path has below base, upper and lower case alike.
func below(path, base string) (rest string, ok bool) {
	if len(path) < len(base) || !strings.EqualFold(path[:len(base)], base) {
		return "", false
	}
	rest = path[len(base):]
	return rest, rest == "" || rest[0] == '/'
}

var errPart = errors.New("fakelync: the answer of a part has no status")

// writePart writes an answer as a part.
func writePart(w *multipart.Writer, answer response) error {
	if answer.status == 0 {
		return errPart
	}
	p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http; msgtype=response"}})
	if err != nil {
		return fmt.Errorf("fakelync: batch: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", answer.status, http.StatusText(answer.status))
	for _, name := range []string{"Content-Type", "Cache-Control", "Location"} {
		if v := answer.header[name]; len(v) > 0 && (name != "Content-Type" || len(answer.body) > 0) {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v[0])
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(answer.body))
	b.Write(answer.body)
	_, err = p.Write(b.Bytes())
	return err
}
