package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

func TestJWTBearer(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	for _, tc := range []struct {
		algorithm, key string
		verify         func(text string, sig []byte) bool
	}{
		{"", rsaPEM, func(text string, sig []byte) bool { return rsaOK(&rsaKey.PublicKey, text, sig) }},
		{"RS256", strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), "\n", `\n`), func(text string, sig []byte) bool { return rsaOK(&rsaKey.PublicKey, text, sig) }},
		{"ES256", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER})), func(text string, sig []byte) bool {
			sum := sha256.Sum256([]byte(text))
			return len(sig) == 64 && ecdsa.Verify(&ecKey.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}},
		{"HS256", "shared-secret", func(text string, sig []byte) bool {
			m := hmac.New(sha256.New, []byte("shared-secret"))
			m.Write([]byte(text))
			return hmac.Equal(m.Sum(nil), sig)
		}},
	} {
		srv := newTokenServer(t, nil)
		w := newWorld(t, srv.URL)
		s, err := New(t.Context(), &spec.Auth{
			Type: "jwt_bearer", TokenURL: lit("/token"), Issuer: lit("me@example.com"), Subject: lit("you"), PrivateKey: lit(tc.key), KeyID: lit("k1"), Algorithm: tc.algorithm,
			Scopes: []*spec.Text{lit("read")}, Claims: []spec.Field{{Name: "box_sub_type", Value: str("enterprise")}, {Name: "n", Value: &spec.Node{Kind: spec.KindNumber, Raw: "12"}}}, Lifetime: 5 * time.Minute,
		}, w.Env)
		if err != nil {
			t.Fatalf("%s: %v", tc.algorithm, err)
		}
		apply(t, s, "")
		form, basic := srv.last()
		if form.Get("grant_type") != jwtGrant || basic != ":" || form.Has("client_id") {
			t.Errorf("form %v, header %s", form, basic)
		}
		parts := strings.Split(form.Get("assertion"), ".")
		sig, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !tc.verify(parts[0]+"."+parts[1], sig) {
			t.Errorf("%s: the signature is wrong: %v", tc.algorithm, err)
		}
		var head, claims map[string]any
		for i, to := range []*map[string]any{&head, &claims} {
			b, _ := base64.RawURLEncoding.DecodeString(parts[i])
			if err := json.Unmarshal(b, to); err != nil {
				t.Fatal(err)
			}
		}
		now := float64(w.clock.Now().Unix())
		if head["kid"] != "k1" || head["alg"] != algorithmOf(tc.algorithm) || claims["iss"] != "me@example.com" || claims["sub"] != "you" || claims["aud"] != srv.URL+"/token" ||
			claims["iat"] != now || claims["exp"] != now+300 || claims["scope"] != "read" || claims["box_sub_type"] != "enterprise" || claims["n"] != 12.0 {
			t.Errorf("header %v, claims %v", head, claims)
		}
		if err := w.knows(form.Get("assertion")); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []spec.Auth{{PrivateKey: lit("no pem")}, {PrivateKey: lit(rsaPEM), Algorithm: "ES256"}, {PrivateKey: lit("")}, {PrivateKey: lit("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}} {
		bad.Type, bad.TokenURL = "jwt_bearer", lit("https://x.example/token")
		if _, err := New(t.Context(), &bad, newWorld(t, "https://x.example").Env); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%v", err)
		}
	}
}

func rsaOK(key *rsa.PublicKey, text string, sig []byte) bool {
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, 5, sum[:], sig) == nil // 5: crypto.SHA256
}
