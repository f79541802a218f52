package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/lastpage/lastpage/engine/spec"
)

// newSigV4 is `auth: {type: aws_sigv4, region: …, service: …, access_key: …, secret_key: …,
// session_token}`: AWS Signature Version 4 in the Authorization header, over the final request, by
// the AWS SDK's signer.
func newSigV4(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	var region, service string
	var c aws.Credentials
	for _, f := range []struct {
		name     string
		to       *string
		text     *spec.Text
		secret   bool
		required bool
	}{
		{"region", &region, a.Region, false, true},
		{"service", &service, a.Service, false, true},
		{"access_key", &c.AccessKeyID, a.AccessKey, false, true},
		{"secret_key", &c.SecretAccessKey, a.SecretKey, true, true},
		{"session_token", &c.SessionToken, a.SessionToken, true, false},
	} {
		read := env.text
		if f.secret {
			read = env.secret
		}
		v, err := read(ctx, f.text)
		if err == nil && f.required {
			err = need(f.name, v)
		}
		if err != nil {
			return nil, err
		}
		*f.to = v
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
	apply := func(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
		sum := sha256.Sum256(body)
		payload := hex.EncodeToString(sum[:])
		r.Header.Set("X-Amz-Content-Sha256", payload)
		r.ContentLength = int64(len(body))
		if r.Host == "" {
			r.Host = r.URL.Host
		}
		signed := r.Clone(ctx) // the signer writes the query anew
		signed.URL.RawQuery = parameters(r.URL.RawQuery).Encode()
		err := signer.SignHTTP(ctx, c, signed, payload, service, region, env.Clock.Now())
		r.Header = signed.Header
		return body, err
	}
	return &fixed{identity("aws_sigv4", region, service, c.AccessKeyID), apply}, nil
}

// parameters are all that a query says, also what url.ParseQuery leaves out: a semicolon is part of a
// value, and so is a % that begins no escape.
func parameters(query string) url.Values {
	all := url.Values{}
	plain := func(s string) string {
		if u, err := url.QueryUnescape(s); err == nil {
			return u
		}
		return s
	}
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); pair != "" {
			all.Add(plain(name), plain(value))
		}
	}
	return all
}
