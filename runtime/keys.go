package runtime

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// keyWindow is how many of the latest record keys a chain remembers when nothing needs more: far
// beyond what shifting pages or inclusive timestamps bring back.
const keyWindow = 1 << 17

// keySet remembers the hashes of records that were delivered: all of them when whole, else the
// latest keyWindow.
type keySet struct {
	whole bool
	set   map[uint64]struct{}
	ring  []uint64
	next  int
}

func newKeySet(whole bool) *keySet { return &keySet{whole: whole, set: map[uint64]struct{}{}} }

func (k *keySet) has(h uint64) bool {
	_, ok := k.set[h]
	return ok
}

func (k *keySet) add(h uint64) {
	if _, ok := k.set[h]; ok {
		return
	}
	k.set[h] = struct{}{}
	if k.whole {
		return
	}
	if len(k.ring) < keyWindow {
		k.ring = append(k.ring, h)
		return
	}
	delete(k.set, k.ring[k.next])
	k.ring[k.next] = h
	k.next = (k.next + 1) % keyWindow
}

// identity is what makes a record a duplicate: its key, and its version, so that a record that was updated
// since is delivered again.
func identity(key uint64, version []byte) uint64 {
	if version == nil {
		return key
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], key)
	d := xxhash.New()
	d.Write(b[:])
	d.Write(version)
	return d.Sum64()
}

// identities are hashes of records, in a checkpoint as base64 of 8 bytes each, little-endian.
type identities []uint64

// MarshalText writes the hashes.
func (v identities) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 8*len(v))
	for _, id := range v {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	return base64.RawStdEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *identities) UnmarshalText(text []byte) error {
	b, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(b)%8 != 0 {
		return fmt.Errorf("%d bytes are no list of hashes", len(text))
	}
	*v = nil
	for ; len(b) > 0; b = b[8:] {
		*v = append(*v, binary.LittleEndian.Uint64(b))
	}
	return nil
}

// maxRecent bounds recentKeys; with more records next to a watermark than this, the oldest of them
// could be delivered twice.
const maxRecent = 200_000

// recentKeys are the identities of the records next to a watermark: those that a walk which starts
// there will see again.
type recentKeys struct {
	at []json.RawMessage // value of the watermark field; equal neighbours share one
	id []uint64
}

// IsZero lets `omitzero` leave it out.
func (r recentKeys) IsZero() bool { return len(r.id) == 0 }

// with returns r with one more identity; keep says which values are still next to the watermark.
func (r *recentKeys) push(at json.RawMessage, id uint64) {
	if n := len(r.at); n > 0 && bytes.Equal(r.at[n-1], at) {
		at = r.at[n-1]
	} else {
		at = bytes.Clone(at)
	}
	r.at, r.id = append(r.at, at), append(r.id, id)
}

// prune drops what keep refuses, and the oldest beyond maxRecent.
func (r *recentKeys) prune(keep func(at json.RawMessage) bool) {
	var last json.RawMessage
	ok := false
	at, id := r.at[:0:0], r.id[:0:0]
	for i := range r.id {
		if last == nil || &r.at[i][0] != &last[0] {
			last = r.at[i]
			ok = keep(last)
		}
		if ok {
			at, id = append(at, r.at[i]), append(id, r.id[i])
		}
	}
	if n := len(id) - maxRecent; n > 0 {
		at, id = at[n:], id[n:]
	}
	r.at, r.id = at, id
}

// MarshalJSON writes runs of equal values as [value, base64 of the hashes].
func (r recentKeys) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i := 0; i < len(r.id); {
		j := i
		var h []byte
		for ; j < len(r.id) && bytes.Equal(r.at[j], r.at[i]); j++ {
			h = binary.LittleEndian.AppendUint64(h, r.id[j])
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '['), r.at[i]...), `,"`...)
		b = append(base64.RawStdEncoding.AppendEncode(b, h), `"]`...)
		i = j
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *recentKeys) UnmarshalJSON(b []byte) error {
	var runs [][2]json.RawMessage
	if err := json.Unmarshal(b, &runs); err != nil {
		return err
	}
	*r = recentKeys{}
	for _, run := range runs {
		h, err := base64.RawStdEncoding.DecodeString(text(run[1]))
		if err != nil {
			return err
		}
		for ; len(h) >= 8; h = h[8:] {
			r.at, r.id = append(r.at, run[0]), append(r.id, binary.LittleEndian.Uint64(h))
		}
	}
	return nil
}
