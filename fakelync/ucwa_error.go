package fakelync

import (
	"bytes"
	"fmt"
	"net/http"
)

// fault is UCWA's error body (UCWA SDK, "Generic synchronous errors").
type fault struct{ code, subcode, message, parameter string }

func (f *fault) json(b *bytes.Buffer) {
	fmt.Fprintf(b, `{"code":%s`, jsonText(f.code))
	if f.subcode != "" {
		fmt.Fprintf(b, `,"subcode":%s`, jsonText(f.subcode))
	}
	if f.message != "" {
		fmt.Fprintf(b, `,"message":%s`, jsonText(f.message))
	}
	if f.parameter != "" {
		fmt.Fprintf(b, `,"parameters":[{"name":%s}]`, jsonText(f.parameter))
	}
	b.WriteByte('}')
}

// xml writes the reason element, with a namespace unless it stands in one already.
func (f *fault) xml(b *bytes.Buffer, space string) {
	b.WriteString(`<reason`)
	if space != "" {
		xmlAttribute(b, "xmlns", space)
	}
	b.WriteByte('>')
	for _, e := range []struct{ name, text string }{{"code", f.code}, {"subcode", f.subcode}, {"message", f.message}} {
		if e.text != "" {
			fmt.Fprintf(b, `<%s>%s</%s>`, e.name, xmlText(e.text), e.name)
		}
	}
	if f.parameter != "" {
		fmt.Fprintf(b, `<parameters><parameter><name>%s</name></parameter></parameters>`, xmlText(f.parameter))
	}
	b.WriteString(`</reason>`)
}

// fault is an answer with an error body in the client's format.
func (c *ucwaCall) fault(status int, code, subcode, message string) response {
	return c.faulty(status, fault{code: code, subcode: subcode, message: message})
}

func (c *ucwaCall) faulty(status int, f fault) response {
	r := c.head(status)
	var b bytes.Buffer
	if c.form == UCWAXML {
		f.xml(&b, ucwaSpace)
	} else {
		f.json(&b)
	}
	r.body = b.Bytes()
	return r
}

// invalid names a parameter or property that is missing or cannot be taken.
func (c *ucwaCall) invalid(name string) response {
	return c.faulty(http.StatusBadRequest, fault{"BadRequest", "ParameterValidationFailure", "A parameter is missing or cannot be taken.", name})
}

func (c *ucwaCall) unreadable() response {
	return c.fault(http.StatusBadRequest, "BadRequest", "DeserializationFailure", "The request could not be read.")
}

func (c *ucwaCall) notFound() response {
	return c.fault(http.StatusNotFound, "NotFound", "", "There is no such resource.")
}

func (c *ucwaCall) noApplication() response {
	return c.fault(http.StatusNotFound, "NotFound", "ApplicationNotFound", "There is no such application.")
}

func (c *ucwaCall) makeAvailableFirst() response {
	return c.fault(http.StatusConflict, "Conflict", "MakeMeAvailableRequired", "The application was not made available.")
}

func (c *ucwaCall) noAnonymous() response {
	return c.fault(http.StatusForbidden, "Forbidden", "AnonymousNotAllowed", "Anonymous participants may not do that.")
}
