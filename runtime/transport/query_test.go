package transport

import (
	"net/url"
	"testing"
)

func TestSafeQuery(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"a=b+c%2f%zz%&x={|}'^`\\": "a=b+c%2f%zz%&x={|}'^`\\",
		"a=b c&é=\"<#>\"\x01\x7f": "a=b%20c&%C3%A9=%22%3C%23%3E%22%01%7F",
	} {
		if got := SafeQuery(in); got != want || SafeQuery(got) != got {
			t.Errorf("SafeQuery(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeQuery(f *testing.F) {
	f.Add("a=b c&é=1%zz")
	f.Fuzz(func(t *testing.T, s string) {
		got := SafeQuery(s)
		if SafeQuery(got) != got {
			t.Errorf("%q is not encoded once", s)
		}
		was, err := url.QueryUnescape(s)
		if now, err2 := url.QueryUnescape(got); err == nil && (err2 != nil || now != was) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
