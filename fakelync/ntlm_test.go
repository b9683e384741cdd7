package fakelync

import (
	"bytes"
	"crypto/rc4"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// unhex reads the hexadecimal dumps of [MS-NLMP] 4.2.
func unhex(t testing.TB, dump string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The common values of [MS-NLMP] 4.2.1.
const (
	specNonce   = "01 23 45 67 89 ab cd ef"
	specClient  = "aa aa aa aa aa aa aa aa"
	specKey     = "55 55 55 55 55 55 55 55 55 55 55 55 55 55 55 55"
	specNTOWF   = "a4 f4 9c 40 65 10 bd ca b6 82 4e e7 c3 0f d8 52"
	specNTOWFv2 = "0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"
)

func same(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(t, want)) {
		t.Errorf("%s = % x, want %s", what, got, want)
	}
}

// TestNTLMVectors holds the calculations to the examples of [MS-NLMP] 4.2.2 to 4.2.4.
func TestNTLMVectors(t *testing.T) {
	t.Parallel()
	hash := ntHash("Password")
	same(t, "NTOWFv1", hash, specNTOWF)
	same(t, "SessionBaseKey of NTLMv1", md4Of(hash), "d8 72 62 b0 cd e4 b1 cb 74 99 be cc cd f1 07 84")
	same(t, "response of NTLMv1", desLong(hash, unhex(t, specNonce)),
		"67 c4 30 11 f3 02 98 a2 ad 35 ec e6 4f 16 33 1c 44 bd be d9 27 84 1f 94")
	same(t, "NTOWFv2", ntlmV2Hash(hash, "User", "Domain"), specNTOWFv2)

	const temp = `01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00
		02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00
		00 00 00 00 00 00 00 00`
	const proof, session = "68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c", "8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"
	same(t, "NTProofStr", hmacMD5(unhex(t, specNTOWFv2), unhex(t, specNonce), unhex(t, temp)), proof)
	same(t, "SessionBaseKey of NTLMv2", hmacMD5(unhex(t, specNTOWFv2), unhex(t, proof)), session)
	same(t, "EncryptedRandomSessionKey of NTLMv2", rc4Of(unhex(t, session), unhex(t, specKey)),
		"c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e")

	exchange := &ntlmExchange{nonce: [8]byte(unhex(t, specNonce))}
	for _, tc := range []struct {
		name, lm, nt, encrypted string
		flags                   uint32
		v2                      bool
	}{
		{"v1", "98 de f7 b8 7f 88 aa 5d af e2 df 77 96 88 a1 72 de f1 1c 7d 5c cd ef 13",
			"67 c4 30 11 f3 02 98 a2 ad 35 ec e6 4f 16 33 1c 44 bd be d9 27 84 1f 94",
			"51 88 22 b1 b3 f3 50 c8 95 86 82 ec bb 3e 3c b7", flagKeyExchange | flag128 | flag56 | flagUnicode, false},
		{"v1-client-challenge", specClient + strings.Repeat(" 00", 16),
			"75 37 f8 03 ae 36 71 28 ca 45 82 04 bd e7 ca f8 1e 97 ed 26 83 26 72 32",
			"", flagExtended | flag56 | flagUnicode, false},
		{"v2", "86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa aa aa aa aa", proof + temp,
			"c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e", flagKeyExchange | flagExtended | flag128 | flag56 | flagUnicode, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &ntlmAnswer{domain: "Domain", user: "User", lm: unhex(t, tc.lm), nt: unhex(t, tc.nt), sessionKey: unhex(t, tc.encrypted), flags: tc.flags}
			s, err := exchange.verify(a, "Password")
			if err != nil {
				t.Fatal(err)
			}
			if s.v2 != tc.v2 {
				t.Errorf("v2 = %v", s.v2)
			}
			switch {
			case tc.encrypted != "":
				same(t, "session key", s.key, specKey)
			default: // [MS-NLMP] 4.2.3.1.3, KeyExchangeKey
				same(t, "session key", s.key, "eb 93 42 9a 8b d9 52 f8 b8 9c 55 b8 7f 47 5e dc")
			}
			if _, err := exchange.verify(a, "password"); !errors.Is(err, errNTLMProof) {
				t.Errorf("another password: %v", err)
			}
			a.nt[3] ^= 1
			if _, err := exchange.verify(a, "Password"); !errors.Is(err, errNTLMProof) {
				t.Errorf("another response: %v", err)
			}
		})
	}
}

// TestNTLMSigningVector holds the keys and the signature to [MS-NLMP] 4.2.4.4. There the message was sealed before it was
// signed, so that the cipher had moved on by its length.
func TestNTLMSigningVector(t *testing.T) {
	t.Parallel()
	s := &ntlmSession{key: unhex(t, specKey), flags: flagExtended | flag128}
	message := utf16LE("Plaintext")
	sum := s.sign(message, clientSigning, clientSealing)[4:12] // without key exchange it is not encrypted
	cipher, err := rc4.NewCipher(unhex(t, "59 f6 00 97 3c c4 96 0a 25 48 0a 7c 19 6e 4c 58"))
	if err != nil {
		t.Fatal(err)
	}
	sealed := make([]byte, len(message))
	cipher.XORKeyStream(sealed, message)
	same(t, "sealed message", sealed, "54 e5 01 65 bf 19 36 dc 99 60 20 c1 81 1b 0f 06 fb 5f")
	cipher.XORKeyStream(sum, sum)
	same(t, "checksum", sum, "7f b3 8e c5 c5 5d 49 76")

	s.flags |= flagKeyExchange
	fresh, _ := rc4.NewCipher(unhex(t, "59 f6 00 97 3c c4 96 0a 25 48 0a 7c 19 6e 4c 58"))
	plain := (&ntlmSession{key: s.key, flags: flagExtended}).sign(message, clientSigning, clientSealing)[4:12]
	fresh.XORKeyStream(plain, plain)
	if got := s.sign(message, clientSigning, clientSealing); !bytes.Equal(got[4:12], plain) || !bytes.Equal(got[:4], []byte{1, 0, 0, 0}) || !bytes.Equal(got[12:], make([]byte, 4)) {
		t.Errorf("signature % x, want the checksum % x encrypted with the sealing key of the specification", got, plain)
	}
}

// The whole AUTHENTICATE message of [MS-NLMP] 4.2.4.3.
const specAuthenticate = `4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00 6c 00 00 00 54 00 54 00 84 00 00 00
	0c 00 0c 00 48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00 5c 00 00 00 10 00 10 00 d8 00 00 00
	35 82 88 e2 05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00 69 00 6e 00 55 00 73 00 65 00 72 00
	43 00 4f 00 4d 00 50 00 55 00 54 00 45 00 52 00 86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19
	aa aa aa aa aa aa aa aa 68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c 01 01 00 00 00 00 00 00
	00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00 02 00 0c 00 44 00 6f 00 6d 00 61 00
	69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00 00 00 00 00 00 00 00 00 c5 da d2 54
	4f c9 79 90 94 ce 1c e9 0b c9 d0 3e`

func TestNTLMAuthenticateMessage(t *testing.T) {
	t.Parallel()
	a, err := parseNTLMAnswer(unhex(t, specAuthenticate))
	if err != nil {
		t.Fatal(err)
	}
	if a.domain != "Domain" || a.user != "User" || a.anonymous() {
		t.Errorf("from %s\\%s, anonymous %v", a.domain, a.user, a.anonymous())
	}
	s, err := (&ntlmExchange{nonce: [8]byte(unhex(t, specNonce))}).verify(a, "Password")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "session key", s.key, specKey)
}

// TestNTLMPolicies: "v2" takes no NTLMv1, nor does who wants a channel binding, which NTLMv1 cannot cover.
func TestNTLMPolicies(t *testing.T) {
	t.Parallel()
	exchange := &ntlmExchange{nonce: [8]byte(unhex(t, specNonce))}
	answer := &ntlmAnswer{domain: "Domain", user: "User", flags: flagUnicode,
		nt: unhex(t, "67 c4 30 11 f3 02 98 a2 ad 35 ec e6 4f 16 33 1c 44 bd be d9 27 84 1f 94")}
	user := User{SIP: "user@contoso.example", Login: `Domain\User`, Password: "Password"}
	for _, tc := range []struct {
		name  string
		site  Site
		right bool
	}{
		{"any", Site{}, true},
		{"v2", Site{NTLM: "v2"}, false},
		{"deny", Site{NTLM: "deny"}, false},
		{"extended-protection", Site{ExtendedProtection: "require"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			organisation := NewOrganisation(OrganisationConfig{Users: []User{user}})
			_, s := newSites(&Config{External: tc.site, Organisation: organisation})
			if got := s.prove(&query{https: true}, exchange, answer, organisation.byLogin("domain", "user")) != nil; got != tc.right {
				t.Errorf("proven: %v, want %v", got, tc.right)
			}
		})
	}
}

var labNames = ntlmNames{domain: "CONTOSO", computer: "FE1", dnsDomain: "corp.contoso.example", dnsComputer: "fe1.corp.contoso.example"}

// noon is the time of tests.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestNTLMWithAnotherClient runs the handshake against a library that was not made here. It answers with NTLMv2 and, as
// the challenge has a timestamp, an integrity code.
func TestNTLMWithAnotherClient(t *testing.T) {
	t.Parallel()
	negotiate, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, user, password string
		want                 error
	}{
		{"right", `CONTOSO\user1`, "Hümmel-1", nil},
		{"principal", "user1@contoso.example", "Hümmel-1", nil},
		{"wrong", `CONTOSO\user1`, "Hümmel-2", errNTLMProof},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &handshake{}
			reply, answer, err := h.next(negotiate, labNames, [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, noon)
			if err != nil || answer != nil {
				t.Fatalf("first message: %v, %v", answer, err)
			}
			third, err := ntlmssp.NewAuthenticateMessage(reply, tc.user, tc.password, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, answer, err = h.next(third, labNames, [8]byte{}, noon)
			if err != nil {
				t.Fatal(err)
			}
			s, err := h.ntlm.verify(answer, "Hümmel-1")
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err == nil && !s.v2 {
				t.Error("the client did not answer with NTLMv2")
			}
		})
	}
}

// TestNTLMIntegrityCode lets a client send the code that Windows sends when the challenge has a timestamp, and changes the
// first message behind its back, as somebody on the way would.
func TestNTLMIntegrityCode(t *testing.T) {
	t.Parallel()
	negotiate, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	x, err := newNTLMExchange(negotiate, labNames, [8]byte{1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	a := answerWith(t, x, "secret", pair(avFlags, avFlagMIC, 0, 0, 0))
	if _, err := x.verify(a, "secret"); err != nil {
		t.Fatal(err)
	}
	x.negotiate[13] ^= 1
	if _, err := x.verify(a, "secret"); !errors.Is(err, errNTLMProof) {
		t.Errorf("a changed first message: %v, want %v", err, errNTLMProof)
	}
}

func pair(id uint16, value ...byte) []byte {
	return append([]byte{byte(id), byte(id >> 8), byte(len(value)), byte(len(value) >> 8)}, value...)
}

// answerWith is an AUTHENTICATE message of CONTOSO\user1 whose response covers the given AV pairs, laid out as in
// [MS-NLMP] 2.2.1.3 and computed step by step as in 3.3.2 and 3.2.5.1.2.
func answerWith(t *testing.T, x *ntlmExchange, password string, pairs ...[]byte) *ntlmAnswer {
	t.Helper()
	temp := append([]byte{1, 1, 0, 0, 0, 0, 0, 0}, make([]byte, 8)...)
	temp = append(temp, unhex(t, specClient)...)
	temp = append(append(temp, 0, 0, 0, 0), bytes.Join(pairs, nil)...)
	temp = append(temp, 0, 0, 0, 0, 0, 0, 0, 0)
	owf := ntlmV2Hash(ntHash(password), "user1", "CONTOSO")
	proof := hmacMD5(owf, x.nonce[:], temp)
	key := hmacMD5(owf, proof)
	m := append([]byte(ntlmSignature), 3, 0, 0, 0)
	payload := make([]byte, 0, 512)
	for _, field := range [][]byte{make([]byte, 24), append(bytes.Clone(proof), temp...), utf16LE("CONTOSO"), utf16LE("user1"), nil, nil} {
		m = appendBuffer(m, len(field), 88+len(payload))
		payload = append(payload, field...)
	}
	m = append(m, 0x01, 0x82, 0x08, 0x00) // Unicode, NTLM, always sign, extended session security
	m = append(m, make([]byte, 8+16)...)  // version, integrity code
	m = append(m, payload...)
	copy(m[72:], hmacMD5(key, x.negotiate, x.challenge, m))
	a, err := parseNTLMAnswer(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestChannelBindingVector holds the binding to certificate hashes whose result is published: the first with Microsoft's
// explanation of NTLM and channel bindings, the second with the tests of a client in Python.
func TestChannelBindingVector(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ certificate, want string }{
		{"ea 05 fe fe cc 6b 0b d5 71 db bc 5b aa 3e d4 53 86 d0 44 68 35 f7 b7 4c 85 62 1b 99 83 47 5f 95", "65 86 e9 9d 81 c2 fc 98 4e 47 17 2f d4 dd 03 10"},
		{"e3 ca 49 27 1e 50 89 cc 48 ce 82 10 9f 13 24 f4 1d be dd c2 9a 77 74 10 c7 38 f7 86 8c 4f f4 05", "6e a1 9d f0 66 da 46 22 05 1f 9c 4f 92 c6 df 74"},
	} {
		same(t, "channel binding", channelBinding(append([]byte("tls-server-end-point:"), unhex(t, tc.certificate)...)), tc.want)
	}
}

// wrapInit is a NegTokenInit.
func wrapInit(t testing.TB, mechanisms [][]int, token []byte) []byte {
	t.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.Tag(0x60), func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSPNEGO)
		b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(tagged(0), func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, m := range mechanisms {
							b.AddASN1ObjectIdentifier(m)
						}
					})
				})
				if token != nil {
					b.AddASN1(tagged(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(token) })
				}
			})
		})
	})
	return b.BytesOrPanic()
}

var (
	kerberos = []int{1, 2, 840, 113554, 1, 2, 2}
	ntlmMech = []int(oidNTLM)
)

// TestSPNEGO takes both ways to NTLM: as the first choice, and as the second after Kerberos, where both sides sign.
func TestSPNEGO(t *testing.T) {
	t.Parallel()
	negotiate, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	// inner is the token in a NegTokenResp of the server, and its state.
	inner := func(t *testing.T, reply []byte) (state byte, token []byte) {
		t.Helper()
		in := cryptobyte.String(reply)
		var resp, seq, field, octets cryptobyte.String
		var n int
		var has bool
		if !in.ReadASN1(&resp, tagged(1)) || !resp.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&field, tagged(0)) ||
			!field.ReadASN1Enum(&n) || !seq.SkipOptionalASN1(tagged(1)) || !seq.ReadOptionalASN1(&field, &has, tagged(2)) {
			t.Fatalf("reply % x is no NegTokenResp", reply)
		}
		if has && !field.ReadASN1(&octets, cbasn1.OCTET_STRING) {
			t.Fatalf("reply % x has no token", reply)
		}
		return byte(n), octets
	}

	t.Run("first-choice", func(t *testing.T) {
		h := &handshake{}
		reply, _, err := h.next(wrapInit(t, [][]int{ntlmMech, kerberos}, negotiate), labNames, [8]byte{1}, noon)
		if err != nil {
			t.Fatal(err)
		}
		state, challenge := inner(t, reply)
		if state != stateIncomplete {
			t.Errorf("state %d, want accept-incomplete", state)
		}
		third, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\user1`, "secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		_, answer, err := h.next(marshalResponse(stateIncomplete, false, third, nil), labNames, [8]byte{}, noon)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.ntlm.verify(answer, "secret")
		if err != nil {
			t.Fatal(err)
		}
		final, err := h.finish(s)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "last word", final, "a1 07 30 05 a0 03 0a 01 00") // accept-completed and nothing else
	})

	t.Run("second-choice", func(t *testing.T) {
		h := &handshake{}
		reply, answer, err := h.next(wrapInit(t, [][]int{kerberos, ntlmMech}, []byte("a ticket of Kerberos")), labNames, [8]byte{1}, noon)
		if err != nil || answer != nil {
			t.Fatalf("%v, %v", answer, err)
		}
		same(t, "choice", reply, "a1 15 30 13 a0 03 0a 01 03 a1 0c 06 0a 2b 06 01 04 01 82 37 02 02 0a") // request-mic, NTLMSSP
		reply, _, err = h.next(marshalResponse(stateIncomplete, false, negotiate, nil), labNames, [8]byte{1}, noon)
		if err != nil {
			t.Fatal(err)
		}
		_, challenge := inner(t, reply)
		third, err := ntlmssp.NewAuthenticateMessage(challenge, `CONTOSO\user1`, "secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err = parseNTLMAnswer(third)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.ntlm.verify(answer, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.finish(s); err == nil {
			t.Error("the list of mechanisms need not be signed")
		}
		if s.flags&flagExtended == 0 {
			t.Skip("the client has no extended session security")
		}
		mic := s.sign(h.mechanisms, clientSigning, clientSealing)
		if _, _, err = h.next(marshalResponse(stateIncomplete, false, third, mic), labNames, [8]byte{}, noon); err != nil {
			t.Fatal(err)
		}
		if _, err := h.finish(s); err != nil {
			t.Errorf("a signed list: %v", err)
		}
		h.mic[5] ^= 1
		if _, err := h.finish(s); err == nil {
			t.Error("a wrong signature of the list is taken")
		}
	})

	for name, token := range map[string][]byte{
		"kerberos-only": wrapInit(t, [][]int{kerberos}, []byte("a ticket of Kerberos")),
		"empty":         {},
		"cut":           wrapInit(t, [][]int{ntlmMech}, negotiate)[:30],
		"answer-first":  unhex(t, specAuthenticate),
		"no-list":       {0x60, 0x0c, 6, 6, 0x2b, 6, 1, 5, 5, 2, 0xa0, 2, 0x30, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if _, answer, err := (&handshake{}).next(token, labNames, [8]byte{}, noon); err == nil || answer != nil {
				t.Errorf("got %v, %v, want an error", answer, err)
			}
		})
	}
}

// FuzzHandshake: whatever a client sends as its messages, nobody is proven who does not know the password.
func FuzzHandshake(f *testing.F) {
	negotiate, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		f.Fatal(err)
	}
	authenticate := unhex(f, specAuthenticate)
	f.Add(negotiate, authenticate)
	f.Add(wrapInit(f, [][]int{ntlmMech}, negotiate), marshalResponse(stateIncomplete, false, authenticate, nil))
	f.Add(wrapInit(f, [][]int{kerberos, ntlmMech}, nil), marshalResponse(stateIncomplete, false, negotiate, []byte("signature")))
	f.Add([]byte(ntlmSignature+"\x01\x00\x00\x00\x01\x00\x00\x00"), []byte(ntlmSignature+"\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h := &handshake{}
		for _, token := range [][]byte{first, second} {
			_, answer, err := h.next(token, labNames, [8]byte{9, 8, 7, 6, 5, 4, 3, 2}, noon)
			if err != nil {
				return
			}
			if answer == nil {
				continue
			}
			if s, err := h.ntlm.verify(answer, "a password nobody guesses"); err == nil || s != nil {
				t.Errorf("proven: %v, %v", s, err)
			}
			h.finish(&ntlmSession{key: make([]byte, 16), flags: answer.flags})
			return
		}
	})
}
