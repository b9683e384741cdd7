package fakelync

import (
	"crypto/hmac"
	"encoding/asn1"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Negotiate (RFC 4559) carries NTLM messages as they are, or in the tokens of SPNEGO (RFC 4178, 4.2): the client lists
// mechanisms, the server takes NTLM, and where NTLM was not the client's first choice both sign the list.

var (
	oidSPNEGO = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	oidNTLM   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10} // [MS-NLMP] 1.9
)

// Values of negState (RFC 4178, 4.2.2).
const (
	stateCompleted  = 0
	stateIncomplete = 1
	stateReject     = 2
	stateRequestMIC = 3
)

var (
	errSPNEGOToken = errors.New("fakelync: malformed SPNEGO token")
	errNoMechanism = errors.New("fakelync: the client offers no mechanism but those it cannot use here")
	errNoExchange  = errors.New("fakelync: an answer without a question")
)

// handshake is the server's side of one Windows authentication: NTLM, bare or in SPNEGO. It belongs to a connection.
// The zero handshake waits for a first message.
type handshake struct {
	ntlm *ntlmExchange // nil until the client's first NTLM message
	// wrapped says that SPNEGO is spoken; mechanisms is the client's list as it was sent, and sign says that both must
	// sign it.
	wrapped    bool
	mechanisms []byte
	sign       bool
	// mic is the client's signature of the list, nil if it sent none.
	mic []byte
}

// next takes a message of the client. The reply goes back to it, unless the message was the last: then answer is what
// it says, and finish ends the handshake. After an error the handshake is of no further use; reply may hold a last word.
func (h *handshake) next(token []byte, names ntlmNames, nonce [8]byte, now time.Time) (reply []byte, answer *ntlmAnswer, err error) {
	message := token
	if ntlmType(token) == 0 || h.wrapped {
		if message, reply, err = h.unwrap(token); message == nil {
			return reply, nil, err
		}
	}
	switch {
	case ntlmType(message) == ntlmNegotiate && h.ntlm == nil:
		if h.ntlm, err = newNTLMExchange(message, names, nonce, now); err != nil {
			return nil, nil, err
		}
		if !h.wrapped {
			return h.ntlm.challenge, nil, nil
		}
		state := stateIncomplete
		if h.sign {
			state = stateRequestMIC
		}
		return marshalResponse(state, true, h.ntlm.challenge, nil), nil, nil
	case h.ntlm == nil:
		return nil, nil, errNoExchange
	}
	answer, err = parseNTLMAnswer(message)
	return nil, answer, err
}

// finish ends a handshake whose answer was proven. The reply is empty for bare NTLM.
func (h *handshake) finish(s *ntlmSession) (reply []byte, err error) {
	if !h.wrapped {
		return nil, nil
	}
	if h.mic == nil {
		if h.sign {
			return nil, errSPNEGOToken
		}
		return marshalResponse(stateCompleted, false, nil, nil), nil
	}
	want := s.sign(h.mechanisms, clientSigning, clientSealing)
	if want == nil || !hmac.Equal(h.mic, want) {
		return nil, errNTLMProof
	}
	return marshalResponse(stateCompleted, false, nil, s.sign(h.mechanisms, serverSigning, serverSealing)), nil
}

// unwrap takes the NTLM message out of a SPNEGO token. Without one it is nil, and reply asks for it or rejects.
func (h *handshake) unwrap(token []byte) (message, reply []byte, err error) {
	if h.wrapped {
		message, err = h.parseResponse(token)
		if err == nil && message == nil {
			err = errSPNEGOToken
		}
		return message, nil, err
	}
	mechanisms, list, message, err := parseInit(token)
	if err != nil {
		return nil, nil, err
	}
	place := -1
	for i, m := range mechanisms {
		if m.Equal(oidNTLM) {
			place = i
			break
		}
	}
	if place < 0 {
		return nil, marshalResponse(stateReject, false, nil, nil), errNoMechanism
	}
	h.wrapped, h.mechanisms, h.sign = true, list, place > 0
	if place == 0 && message != nil {
		return message, nil, nil
	}
	// The token, if any, is for a mechanism that was not taken.
	state := stateIncomplete
	if h.sign {
		state = stateRequestMIC
	}
	return nil, marshalResponse(state, true, nil, nil), nil
}

// tagged is the tag of an explicit context-specific field.
func tagged(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// parseInit reads a NegTokenInit: the mechanisms, their list as it was sent, and the optimistic token.
func parseInit(token []byte) (mechanisms []asn1.ObjectIdentifier, list, message []byte, err error) {
	in := cryptobyte.String(token)
	var outer, init, seq, types, field cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&outer, cbasn1.Tag(0).Constructed()|0x40) || // [APPLICATION 0], RFC 2743, 3.1
		!outer.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(oidSPNEGO) ||
		!outer.ReadASN1(&init, tagged(0)) || !init.ReadASN1(&seq, cbasn1.SEQUENCE) ||
		!seq.ReadASN1(&field, tagged(0)) {
		return nil, nil, nil, errSPNEGOToken
	}
	list = field
	if !field.ReadASN1(&types, cbasn1.SEQUENCE) {
		return nil, nil, nil, errSPNEGOToken
	}
	for !types.Empty() {
		var m asn1.ObjectIdentifier
		if !types.ReadASN1ObjectIdentifier(&m) {
			return nil, nil, nil, errSPNEGOToken
		}
		mechanisms = append(mechanisms, m)
	}
	var has bool
	if !seq.SkipOptionalASN1(tagged(1)) || !seq.ReadOptionalASN1(&field, &has, tagged(2)) {
		return nil, nil, nil, errSPNEGOToken
	}
	if has {
		var octets cryptobyte.String
		if !field.ReadASN1(&octets, cbasn1.OCTET_STRING) {
			return nil, nil, nil, errSPNEGOToken
		}
		message = octets
	}
	return mechanisms, list, message, nil
}

// parseResponse reads the client's NegTokenResp: its NTLM message, and its signature of the list of mechanisms.
func (h *handshake) parseResponse(token []byte) (message []byte, err error) {
	in := cryptobyte.String(token)
	var resp, seq cryptobyte.String
	if !in.ReadASN1(&resp, tagged(1)) || !resp.ReadASN1(&seq, cbasn1.SEQUENCE) ||
		!seq.SkipOptionalASN1(tagged(0)) || !seq.SkipOptionalASN1(tagged(1)) {
		return nil, errSPNEGOToken
	}
	for _, f := range []struct {
		to  *[]byte
		tag uint8
	}{{&message, 2}, {&h.mic, 3}} {
		var field, octets cryptobyte.String
		var has bool
		if !seq.ReadOptionalASN1(&field, &has, tagged(f.tag)) || has && !field.ReadASN1(&octets, cbasn1.OCTET_STRING) {
			return nil, errSPNEGOToken
		}
		if has {
			*f.to = octets
		}
	}
	return message, nil
}

// marshalResponse is a NegTokenResp of the server.
func marshalResponse(state int, mechanism bool, message, mic []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tagged(1), func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tagged(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(state)) })
			if mechanism {
				b.AddASN1(tagged(1), func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidNTLM) })
			}
			if message != nil {
				b.AddASN1(tagged(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(message) })
			}
			if mic != nil {
				b.AddASN1(tagged(3), func(b *cryptobyte.Builder) { b.AddASN1OctetString(mic) })
			}
		})
	})
	return b.BytesOrPanic()
}
