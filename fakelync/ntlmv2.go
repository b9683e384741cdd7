package fakelync

import (
	"bytes"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"strings"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 NTLM knows no other hash
)

// ntlmSession is what a proven answer comes to.
type ntlmSession struct {
	// v2 says that the response was NTLMv2's.
	v2 bool
	// binding is the channel binding that the client's proof covers, nil without.
	binding []byte
	// key and flags are for signatures.
	key   []byte
	flags uint32
}

// verify checks the answer against the password, and its integrity code where it has one ([MS-NLMP] 3.2.5.1.2, 3.3).
// The error is errNTLMProof or errNTLMMessage.
func (x *ntlmExchange) verify(a *ntlmAnswer, password string) (*ntlmSession, error) {
	s := &ntlmSession{flags: a.flags}
	hash := ntHash(password)
	var key []byte
	mic := false
	switch {
	case len(a.nt) == 24:
		var ok bool
		if key, ok = x.verifyV1(a, hash); !ok {
			return nil, errNTLMProof
		}
	case len(a.nt) >= 16+28:
		s.v2 = true
		proof, temp := a.nt[:16], a.nt[16:]
		response := ntlmV2Hash(hash, a.user, a.domain)
		if !hmac.Equal(proof, hmacMD5(response, x.nonce[:], temp)) {
			return nil, errNTLMProof
		}
		pairs, err := parseAVPairs(temp[28:])
		if err != nil {
			return nil, err
		}
		if f := pairs[avFlags]; len(f) == 4 {
			mic = binary.LittleEndian.Uint32(f)&avFlagMIC != 0
		}
		s.binding = pairs[avChannelBindings]
		key = hmacMD5(response, proof)
	default:
		return nil, errNTLMMessage
	}
	if a.flags&flagKeyExchange != 0 {
		if len(a.sessionKey) != 16 {
			return nil, errNTLMMessage
		}
		key = rc4Of(key, a.sessionKey)
	}
	s.key = key
	if mic && !x.intact(a, key) {
		return nil, errNTLMProof
	}
	return s, nil
}

// verifyV1 checks an NTLMv1 response, with or without extended session security, and returns the key exchange key.
func (x *ntlmExchange) verifyV1(a *ntlmAnswer, hash []byte) (key []byte, ok bool) {
	session := md4Of(hash)
	if a.flags&flagExtended == 0 {
		return session, hmac.Equal(a.nt, desLong(hash, x.nonce[:]))
	}
	if len(a.lm) < 8 {
		return nil, false
	}
	nonce := append(bytes.Clone(x.nonce[:]), a.lm[:8]...)
	mixed := md5.Sum(nonce)
	return hmacMD5(session, nonce), hmac.Equal(a.nt, desLong(hash, mixed[:8]))
}

// intact checks the integrity code over the three messages.
func (x *ntlmExchange) intact(a *ntlmAnswer, key []byte) bool {
	const at, size = 72, 16
	if len(a.message) < at+size {
		return false
	}
	blank := bytes.Clone(a.message)
	clear(blank[at : at+size])
	return hmac.Equal(a.message[at:at+size], hmacMD5(key, x.negotiate, x.challenge, blank))
}

// parseAVPairs reads target information up to its end.
func parseAVPairs(b []byte) (map[uint16][]byte, error) {
	pairs := map[uint16][]byte{}
	for len(b) >= 4 {
		id, length := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		if id == avEnd {
			return pairs, nil
		}
		if length > len(b) {
			break
		}
		pairs[id], b = b[:length], b[length:]
	}
	return nil, errNTLMMessage
}

// Magic constants of signing and sealing ([MS-NLMP] 3.4.5).
const (
	serverSigning = "session key to server-to-client signing key magic constant\x00"
	serverSealing = "session key to server-to-client sealing key magic constant\x00"
	clientSigning = "session key to client-to-server signing key magic constant\x00"
	clientSealing = "session key to client-to-server sealing key magic constant\x00"
)

// sign is the signature of the session's first message in one direction ([MS-NLMP] 3.4.4.2). It needs extended session
// security, which every client that speaks SPNEGO has; without, the result is nil.
func (s *ntlmSession) sign(message []byte, signing, sealing string) []byte {
	if s.flags&flagExtended == 0 {
		return nil
	}
	var sequence [4]byte
	signKey := md5.Sum(append(bytes.Clone(s.key), signing...))
	sum := hmacMD5(signKey[:], sequence[:], message)[:8]
	if s.flags&flagKeyExchange != 0 {
		seed := s.key
		switch {
		case s.flags&flag128 != 0:
		case s.flags&flag56 != 0:
			seed = seed[:7]
		default:
			seed = seed[:5]
		}
		sealKey := md5.Sum(append(bytes.Clone(seed), sealing...))
		sum = rc4Of(sealKey[:], sum)
	}
	return append(append([]byte{1, 0, 0, 0}, sum...), sequence[:]...)
}

// channelBinding is the MD5 of the binding structure without addresses ([MS-NLMP] 2.2.2.1; RFC 2744, 3.11) for the
// token of RFC 5929, 4.
func channelBinding(token []byte) []byte {
	m := make([]byte, 16, 20+len(token)) // four empty address fields
	m = binary.LittleEndian.AppendUint32(m, uint32(len(token)))
	sum := md5.Sum(append(m, token...))
	return sum[:]
}

func ntHash(password string) []byte { return md4Of(utf16LE(password)) }

// ntlmV2Hash is NTOWFv2 ([MS-NLMP] 3.3.2).
func ntlmV2Hash(ntHash []byte, user, domain string) []byte {
	return hmacMD5(ntHash, utf16LE(strings.ToUpper(user)+domain))
}

func md4Of(b []byte) []byte {
	h := md4.New()
	h.Write(b)
	return h.Sum(nil)
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// rc4Of encrypts or decrypts. The key has 16 bytes, which RC4 takes.
func rc4Of(key, data []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("fakelync: " + err.Error())
	}
	out := make([]byte, len(data))
	c.XORKeyStream(out, data)
	return out
}

// desLong is DESL ([MS-NLMP] 6): eight bytes encrypted with three keys from the 16 bytes of a hash and five zeros.
func desLong(hash, data []byte) []byte {
	keys := make([]byte, 21)
	copy(keys, hash)
	out := make([]byte, 0, 24)
	for i := 0; i < 21; i += 7 {
		var key [8]byte // seven bits of key in each byte; DES does not look at the eighth
		var bits uint64
		for _, b := range keys[i : i+7] {
			bits = bits<<8 | uint64(b)
		}
		for j := range key {
			key[j] = byte(bits>>(49-7*j)) << 1
		}
		c, err := des.NewCipher(key[:])
		if err != nil {
			panic("fakelync: " + err.Error())
		}
		var block [8]byte
		c.Encrypt(block[:], data)
		out = append(out, block[:]...)
	}
	return out
}
