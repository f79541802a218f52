package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// trailRecent is how many of the latest positions a Trail keeps.
const trailRecent = 64

// Trail remembers positions of a walk in bounded space: the latest 64, and those at walk indexes
// 0, 1, 2, 4, 8, … which are never dropped. A cycle of at most 64 positions is found when it closes;
// a longer one when it comes round to the first kept index inside it, at the latest after one more
// turn (the argument of Brent, "An improved Monte Carlo factorization algorithm", 1980).
// A run that also keeps every position in memory (Page.Seen) finds all cycles when they close.
type Trail struct {
	n       int64
	recent  []uint64
	anchors []uint64
}

// HashPosition is the hash under which a position is remembered. Texts of the same JSON value have
// the same hash: a checkpoint escapes characters that an answer does not.
func HashPosition(b []byte) uint64 {
	if len(b) == 0 || b[0] != '"' || bytes.IndexByte(b, '\\') >= 0 {
		b = rawjson.Canonical(nil, b)
	}
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// Has reports whether the position with that hash is remembered.
func (t Trail) Has(hash uint64) bool {
	for _, h := range t.recent {
		if h == hash {
			return true
		}
	}
	for _, h := range t.anchors {
		if h == hash {
			return true
		}
	}
	return false
}

// With returns the trail with one more position; t itself does not change.
func (t Trail) With(hash uint64) Trail {
	next := Trail{n: t.n + 1, anchors: t.anchors}
	if t.n&(t.n-1) == 0 { // 0, 1, 2, 4, 8 …
		next.anchors = append(t.anchors[:len(t.anchors):len(t.anchors)], hash)
	}
	keep := t.recent
	if len(keep) >= trailRecent {
		keep = keep[1:]
	}
	next.recent = make([]uint64, 0, trailRecent)
	next.recent = append(append(next.recent, keep...), hash)
	return next
}

// IsZero lets `omitzero` leave an unused trail out of the checkpoint.
func (t Trail) IsZero() bool { return t.n == 0 }

// MarshalText writes the trail as base64 of its count, anchors and latest hashes.
func (t Trail) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 9+8*(len(t.anchors)+len(t.recent)))
	b = binary.BigEndian.AppendUint64(b, uint64(t.n))
	b = append(b, byte(len(t.anchors)))
	for _, h := range t.anchors {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	for _, h := range t.recent {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return base64.RawStdEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads what MarshalText wrote.
func (t *Trail) UnmarshalText(text []byte) error {
	b, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(b) < 9 || (len(b)-9)%8 != 0 {
		return fmt.Errorf("trail: %d bytes are no trail", len(text))
	}
	*t = Trail{n: int64(binary.BigEndian.Uint64(b))}
	anchors, want := int(b[8]), 0
	if t.n > 0 {
		want = 1 + bits.Len64(uint64(t.n-1))
	}
	if t.n < 0 || anchors != want || int64((len(b)-9)/8-anchors) != min(t.n, trailRecent) {
		return fmt.Errorf("trail: %d positions in %d bytes are no trail", t.n, len(text))
	}
	for b = b[9:]; len(b) > 0; b = b[8:] {
		h := binary.BigEndian.Uint64(b)
		if anchors > 0 {
			t.anchors, anchors = append(t.anchors, h), anchors-1
		} else {
			t.recent = append(t.recent, h)
		}
	}
	return nil
}
