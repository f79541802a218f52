package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// jwtGrant is the grant type of RFC 7523, section 2.1.
const jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// newJWTBearer is `auth: {type: jwt_bearer, token_url: …, issuer: …, subject, audience, private_key:
// …, key_id, algorithm: RS256|ES256|HS256, claims, lifetime: 1h, scopes}` (RFC 7523): a signed
// assertion is exchanged for a token. audience defaults to the token URL, scopes are the claim and
// the parameter `scope`.
func newJWTBearer(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	e, parts, err := newEndpoint(ctx, a, env, jwtGrant)
	if err != nil {
		return nil, err
	}
	key, err := env.secret(ctx, a.PrivateKey)
	if err == nil {
		err = need("private_key", key)
	}
	if err != nil {
		return nil, err
	}
	sign, err := signerOf(a.Algorithm, key)
	if err != nil {
		return nil, err
	}
	header := map[string]any{"alg": algorithmOf(a.Algorithm), "typ": "JWT"}
	claims := map[string]any{"aud": e.config.TokenURL}
	for _, f := range []struct {
		to   map[string]any
		name string
		text *spec.Text
	}{{header, "kid", a.KeyID}, {claims, "iss", a.Issuer}, {claims, "sub", a.Subject}, {claims, "aud", a.Audience}} {
		v, err := env.text(ctx, f.text)
		if err != nil {
			return nil, err
		}
		if v != "" {
			f.to[f.name] = v
		}
	}
	if len(e.config.Scopes) > 0 {
		claims["scope"] = strings.Join(e.config.Scopes, " ")
	}
	for _, f := range a.Claims {
		v, err := env.value(ctx, f.Value, nil)
		if err != nil {
			return nil, err
		}
		if v != nil && string(v) != "null" {
			claims[f.Name] = v
		}
	}
	identified, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	lifetime := a.Lifetime
	if lifetime <= 0 {
		lifetime = time.Hour
	}
	fetch := func(ctx context.Context) (string, time.Duration, error) {
		assertion, err := assert(header, claims, env.Clock.Now(), lifetime, sign)
		if err != nil {
			return "", 0, err
		}
		env.AddSecret(assertion)
		_, value, life, err := e.grant(ctx, url.Values{"assertion": {assertion}})
		return value, life, err
	}
	return newRenewed(identity(append(parts, key, string(identified))...), env, fetcher{env.Clock, fetch}), nil
}

// assert makes the signed assertion: valid from now for lifetime, with an id of its own.
func assert(header, claims map[string]any, now time.Time, lifetime time.Duration, sign func([]byte) ([]byte, error)) (string, error) {
	all := map[string]any{"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": rand.Text()}
	for k, v := range claims {
		all[k] = v
	}
	var out []string
	for _, part := range []any{header, all} {
		b, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		out = append(out, base64.RawURLEncoding.EncodeToString(b))
	}
	text := strings.Join(out, ".")
	sig, err := sign([]byte(text))
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}

func algorithmOf(s string) string {
	if s == "" {
		return "RS256"
	}
	return s
}

// signerOf returns what signs with the algorithm (RFC 7518, section 3).
func signerOf(algorithm, key string) (func([]byte) ([]byte, error), error) {
	if algorithm = algorithmOf(algorithm); algorithm == "HS256" {
		return func(text []byte) ([]byte, error) {
			m := hmac.New(sha256.New, []byte(key))
			m.Write(text)
			return m.Sum(nil), nil
		}, nil
	}
	private, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if algorithm == "RS256" {
			return func(text []byte) ([]byte, error) {
				sum := sha256.Sum256(text)
				return rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
			}, nil
		}
	case *ecdsa.PrivateKey:
		if algorithm == "ES256" && k.Curve.Params().BitSize == 256 {
			return func(text []byte) ([]byte, error) {
				sum := sha256.Sum256(text)
				r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
				if err != nil {
					return nil, err
				}
				sig := make([]byte, 64)
				r.FillBytes(sig[:32])
				s.FillBytes(sig[32:])
				return sig, nil
			}, nil
		}
	}
	return nil, fmt.Errorf("private_key is not a key for %s", algorithm)
}

// parseKey reads a PEM private key: PKCS #8, PKCS #1 or SEC 1. Keys in variables often have their
// line breaks written as \n.
func parseKey(text string) (any, error) {
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, `\n`, "\n")
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("private_key is not a PEM block (-----BEGIN PRIVATE KEY-----)")
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return nil, fmt.Errorf("private_key: the %s cannot be read; an unencrypted PKCS #8, PKCS #1 or EC key is needed", strings.ToLower(block.Type))
}
