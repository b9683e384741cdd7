package fakelync

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf16"
)

// The server's side of NTLM, after [MS-NLMP] 2.2 and 3.2.5. The client says what it can (NEGOTIATE), the server asks
// (CHALLENGE), the client answers with a proof that it knows the password (AUTHENTICATE). Nothing here knows of HTTP.

const ntlmSignature = "NTLMSSP\x00"

// Message types ([MS-NLMP] 2.2.1).
const (
	ntlmNegotiate    = 1
	ntlmChallenge    = 2
	ntlmAuthenticate = 3
)

// Flags ([MS-NLMP] 2.2.2.5).
const (
	flagUnicode       = 0x00000001
	flagOEM           = 0x00000002
	flagRequestTarget = 0x00000004
	flagSign          = 0x00000010
	flagSeal          = 0x00000020
	flagNTLM          = 0x00000200
	flagAnonymous     = 0x00000800
	flagAlwaysSign    = 0x00008000
	flagTargetDomain  = 0x00010000
	flagExtended      = 0x00080000 // extended session security, also called NTLM2 session
	flagTargetInfo    = 0x00800000
	flagVersion       = 0x02000000
	flag128           = 0x20000000
	flagKeyExchange   = 0x40000000
	flag56            = 0x80000000
)

// AV pairs of the target information ([MS-NLMP] 2.2.2.1).
const (
	avEnd             = 0
	avComputer        = 1
	avDomain          = 2
	avDNSComputer     = 3
	avDNSDomain       = 4
	avFlags           = 6
	avTimestamp       = 7
	avChannelBindings = 10

	avFlagMIC = 2 // the AUTHENTICATE message has an integrity code
)

// ntlmVersion is Windows Server 2012 R2 with the only revision there is of NTLMSSP ([MS-NLMP] 2.2.2.10).
var ntlmVersion = [8]byte{6, 3, 0x80, 0x25, 0, 0, 0, 15}

var (
	errNTLMMessage = errors.New("fakelync: malformed NTLM message")
	errNTLMProof   = errors.New("fakelync: the NTLM response does not prove the password")
)

// ntlmNames are what the server calls itself in a challenge.
type ntlmNames struct {
	domain, computer       string // NetBIOS
	dnsDomain, dnsComputer string
}

// ntlmExchange is a handshake between the challenge and its answer. The messages are kept for the integrity code.
type ntlmExchange struct {
	negotiate, challenge []byte
	nonce                [8]byte
}

// newNTLMExchange answers a NEGOTIATE message with a challenge that has the given nonce and time.
func newNTLMExchange(negotiate []byte, names ntlmNames, nonce [8]byte, now time.Time) (*ntlmExchange, error) {
	if ntlmType(negotiate) != ntlmNegotiate || len(negotiate) < 16 {
		return nil, errNTLMMessage
	}
	offered := binary.LittleEndian.Uint32(negotiate[12:])
	if offered&(flagUnicode|flagOEM) == 0 {
		return nil, errNTLMMessage
	}
	flags := offered&(flagSign|flagSeal|flagAlwaysSign|flagExtended|flag128|flagKeyExchange|flag56) |
		flagNTLM | flagRequestTarget | flagTargetDomain | flagTargetInfo | flagVersion
	target := []byte(names.domain)
	if offered&flagUnicode != 0 {
		flags |= flagUnicode
		target = utf16LE(names.domain)
	} else {
		flags |= flagOEM
	}
	var info []byte
	pair := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	pair(avDomain, utf16LE(names.domain))
	pair(avComputer, utf16LE(names.computer))
	pair(avDNSDomain, utf16LE(names.dnsDomain))
	pair(avDNSComputer, utf16LE(names.dnsComputer))
	pair(avTimestamp, binary.LittleEndian.AppendUint64(nil, fileTime(now)))
	pair(avEnd, nil)

	const head = 56
	m := append([]byte(ntlmSignature), ntlmChallenge, 0, 0, 0)
	m = appendBuffer(m, len(target), head)
	m = binary.LittleEndian.AppendUint32(m, flags)
	m = append(m, nonce[:]...)
	m = append(m, make([]byte, 8)...)
	m = appendBuffer(m, len(info), head+len(target))
	m = append(m, ntlmVersion[:]...)
	m = append(append(m, target...), info...)
	return &ntlmExchange{negotiate: bytes.Clone(negotiate), challenge: m, nonce: nonce}, nil
}

// ntlmType is the type of a message, 0 if it is none.
func ntlmType(m []byte) uint32 {
	if len(m) < 12 || string(m[:8]) != ntlmSignature {
		return 0
	}
	return binary.LittleEndian.Uint32(m[8:])
}

// fileTime counts 100 ns since 1601.
func fileTime(t time.Time) uint64 {
	const unixEpoch = 116444736000000000
	return uint64(t.UnixNano()/100 + unixEpoch)
}

// appendBuffer appends the descriptor of a payload field.
func appendBuffer(m []byte, length, offset int) []byte {
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	return binary.LittleEndian.AppendUint32(m, uint32(offset))
}

// buffer is the payload field whose descriptor is at a place of m.
func buffer(m []byte, at int) ([]byte, error) {
	if len(m) < at+8 {
		return nil, errNTLMMessage
	}
	length, offset := uint64(binary.LittleEndian.Uint16(m[at:])), uint64(binary.LittleEndian.Uint32(m[at+4:]))
	switch {
	case length == 0:
		return nil, nil
	case offset+length > uint64(len(m)):
		return nil, errNTLMMessage
	}
	return m[offset : offset+length], nil
}

// ntlmAnswer is an AUTHENTICATE message.
type ntlmAnswer struct {
	domain, user string
	lm, nt       []byte // the responses
	sessionKey   []byte // encrypted, empty without key exchange
	flags        uint32
	message      []byte
}

// parseNTLMAnswer reads an AUTHENTICATE message. Clients older than Windows 2000 end it after the workstation.
func parseNTLMAnswer(m []byte) (*ntlmAnswer, error) {
	if ntlmType(m) != ntlmAuthenticate {
		return nil, errNTLMMessage
	}
	a := &ntlmAnswer{message: m, flags: flagUnicode}
	if len(m) >= 64 {
		a.flags = binary.LittleEndian.Uint32(m[60:])
	}
	var domain, user []byte
	for _, f := range []struct {
		to *[]byte
		at int
	}{{&a.lm, 12}, {&a.nt, 20}, {&domain, 28}, {&user, 36}} {
		var err error
		if *f.to, err = buffer(m, f.at); err != nil {
			return nil, err
		}
	}
	if a.flags&flagKeyExchange != 0 {
		var err error
		if a.sessionKey, err = buffer(m, 52); err != nil {
			return nil, err
		}
	}
	var ok1, ok2 bool
	a.domain, ok1 = a.text(domain)
	a.user, ok2 = a.text(user)
	if !ok1 || !ok2 {
		return nil, errNTLMMessage
	}
	return a, nil
}

// text decodes a name. What is not Unicode is taken for Latin-1.
func (a *ntlmAnswer) text(b []byte) (string, bool) {
	if a.flags&flagUnicode == 0 {
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return s.String(), true
	}
	if len(b)%2 != 0 {
		return "", false
	}
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u)), true
}

// anonymous reports whether the client asks to be let in as nobody.
func (a *ntlmAnswer) anonymous() bool {
	return a.flags&flagAnonymous != 0 || a.user == "" || len(a.nt) == 0
}

func utf16LE(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
