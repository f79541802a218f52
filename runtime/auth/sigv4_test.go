package auth

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/lastpage/lastpage/engine/spec"
)

func TestSigV4(t *testing.T) {
	w := newWorld(t, "https://logs.eu-west-1.amazonaws.com")
	a := &spec.Auth{Type: "aws_sigv4", Region: lit("eu-west-1"), Service: lit("logs"), AccessKey: lit("AKIDEXAMPLE"), SecretKey: lit("wJalrXUtnFEMI/K7MDENG"), SessionToken: lit("session-1")}
	s, err := New(t.Context(), a, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	signatures := map[string]bool{}
	for _, body := range []string{"", "{}", `{"nextToken":"a b+c/d="}`} {
		r := httptest.NewRequest("POST", "https://logs.eu-west-1.amazonaws.com/a%2Fb/c%20d?x=1%2C2&a=b+c", nil)
		r.Header.Set("X-Amz-Target", "Logs_20140328.FilterLogEvents")
		if _, _, err := s.Apply(t.Context(), r, []byte(body)); err != nil {
			t.Fatal(err)
		}
		// the same signature comes out for whoever checks it over the same request
		check := r.Clone(t.Context())
		check.ContentLength = int64(len(body))
		sum := sha256.Sum256([]byte(body))
		check.Header.Del("Authorization")
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG", SessionToken: "session-1"}, check, fmt.Sprintf("%x", sum), "logs", "eu-west-1", w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		got := r.Header.Get("Authorization")
		if got != check.Header.Get("Authorization") || !strings.Contains(got, "x-amz-target") || r.Header.Get("X-Amz-Security-Token") != "session-1" || r.URL.RawQuery != "x=1%2C2&a=b+c" {
			t.Errorf("%s\n%s\n%s", got, check.Header.Get("Authorization"), r.URL.RawQuery)
		}
		signatures[got] = true
	}
	w.clock.step(time.Second)
	r := httptest.NewRequest("POST", "https://logs.eu-west-1.amazonaws.com/", nil)
	if _, _, err := s.Apply(t.Context(), r, nil); err != nil || r.Header.Get("X-Amz-Date") != "20260102T030406Z" || len(signatures) != 3 {
		t.Errorf("%v %v", err, r.Header)
	}
	if err := w.knows("wJalrXUtnFEMI/K7MDENG", "session-1"); err != nil {
		t.Error(err)
	}
}

// TestSigV4LeavesTheQuery signs queries as they stand: a token that is sent raw, a link that is followed.
func TestSigV4LeavesTheQuery(t *testing.T) {
	w := newWorld(t, "https://logs.eu-west-1.amazonaws.com")
	a := &spec.Auth{Type: "aws_sigv4", Region: lit("eu-west-1"), Service: lit("logs"), AccessKey: lit("AKIDEXAMPLE"), SecretKey: lit("wJalrXUtnFEMI/K7MDENG")}
	s, err := New(t.Context(), a, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(query string) string {
		t.Helper()
		r := httptest.NewRequest("GET", "https://logs.eu-west-1.amazonaws.com/p", nil)
		r.URL.RawQuery = query
		if _, _, err := s.Apply(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if r.URL.RawQuery != query {
			t.Errorf("the query %q was sent as %q", query, r.URL.RawQuery)
		}
		return r.Header.Get("Authorization")
	}
	for sent, as := range map[string]string{
		"c=a%2Fb+c==":        "c=a%2Fb%20c%3D%3D",
		"after=x;y&l=2":      "after=x%3By&l=2",
		"l=2&flag&after=%zz": "after=%25zz&flag=&l=2",
		"b=2&b=1&&a=%2b":     "a=%2B&b=1&b=2",
	} {
		if sign(sent) != sign(as) {
			t.Errorf("%q is not signed as %q", sent, as)
		}
	}
	if sign("after=x;y") == sign("after=x") {
		t.Error("what stands behind a semicolon is not signed")
	}
}
