package host

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// sealPrefix is the version of a sealed text.
const sealPrefix = "s1."

// errForged is the answer to a sealed text that nobody with the key has made, or that was made for
// something else.
var errForged = errors.New("it was not made with this key for this call, or it was changed on the way")

// seal makes texts opaque and tamper-evident: AES-256-GCM under a key that HKDF-SHA-256 derives from
// the service's. Whoever has the same key can open them.
type seal struct{ aead cipher.AEAD }

// newSeal derives the key for one purpose from secret, any text of enough entropy.
func newSeal(secret []byte, purpose string) (*seal, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "lastpage "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &seal{aead}, err
}

// close seals text for the place that about names: it opens nowhere else.
func (s *seal) close(text []byte, about string) string {
	return sealPrefix + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, text, []byte(about)))
}

// open is the text that was sealed.
func (s *seal) open(sealed, about string) ([]byte, error) {
	body, ok := strings.CutPrefix(sealed, sealPrefix)
	if !ok {
		return nil, errors.New("it is not one that this service has made")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || strings.ContainsAny(body, "\r\n") { // which decoding leaves out
		return nil, errForged
	}
	text, err := s.aead.Open(nil, nil, b, []byte(about))
	if err != nil {
		return nil, errForged
	}
	return text, nil
}

// randomKey is a key as text.
func randomKey() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}
