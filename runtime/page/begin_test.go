package page

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// inPieces reads a body while it comes, and compares with p and failed, which reading it whole has led to.
func inPieces(t *testing.T, pl *Plan, body []byte, p *Page, failed error) {
	t.Helper()
	q := new(Page)
	for _, size := range []int{1, 1 + len(body)/3, len(body)} {
		n := 0
		more := func() ([]byte, bool) {
			n = min(n+size, len(body))
			return body[:n], n < len(body)
		}
		pl.Begin(more, q)
		err := pl.Read(body, "", q)
		if fmt.Sprint(err) != fmt.Sprint(failed) {
			t.Fatalf("%q in pieces of %d: %v\nwhole: %v", body, size, err, failed)
		}
		if err == nil && (records(q) != records(p) || values(q) != values(p) || !slices.Equal(q.Keys, p.Keys) || q.Keyless != p.Keyless ||
			q.Fingerprint != p.Fingerprint || string(q.List) != string(p.List) || !bytes.Equal(q.Body, p.Body)) {
			t.Fatalf("%q in pieces of %d:\n%s\n%s\nwhole:\n%s\n%s", body, size, records(q), values(q), records(p), values(p))
		}
	}
}

// TestBegunWithAnother reads a body that is not the one that was begun: an attempt that failed has left it.
func TestBegunWithAnother(t *testing.T) {
	pl := &Plan{}
	p := new(Page)
	other := []byte(`[1,2,3]`)
	for range 2 {
		pl.Begin(func() ([]byte, bool) { return other, false }, p)
		if len(p.Records) != 0 || p.Body != nil {
			t.Error("a page that is only begun has records")
		}
		if err := pl.Read([]byte(`[4,5,6]`), "", p); err != nil || records(p) != "4|5|6" {
			t.Error(records(p), err)
		}
		if err := pl.Read(other, "", p); err != nil || records(p) != "1|2|3" {
			t.Error(records(p), err)
		}
	}
	pl.Begin(func() ([]byte, bool) { return other, false }, p)
	if another := (&Plan{Refs: refs("last")}); another.Read(other, "", p) != nil || values(p) != "3" {
		t.Error(values(p))
	}
}
