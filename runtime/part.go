package runtime

import (
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A page may be read by two runs: a limit of records has cut it, or it left a doubt. The checkpoint then
// holds which of its records are delivered (chainState.Part): by their identity where the stream has
// keys, else by their bytes. So a page that has grown, shrunk or moved since delivers what is new on it
// and nothing twice.

// madeOf is what delivered records were made of.
type madeOf struct {
	kept *kept
	from listing
}

// keyed reports whether the records of a listing are told apart by key.
func (c *chain) keyed(l listing) bool {
	return len(l.hashes()) == len(l.page.Records) && c.keys != nil
}

// contentOf identifies a record without a key.
func contentOf(record []byte) uint64 { return xxhash.Sum64(record) }

// byBytes is what Part tells records by where they have no key, or had none that means the same.
const byBytes = "bytes"

// identifiedBy is what Part tells the stream's records by.
func (sr *streamRun) identifiedBy() string {
	if !sr.needKeys {
		return byBytes
	}
	var b strings.Builder
	b.WriteString("key")
	for _, p := range sr.keyPaths {
		b.WriteString(" " + p.String())
	}
	if sr.fieldOf != fieldNowhere {
		b.WriteString(" by " + fieldPath(sr.spec.Incremental.Watermark).String())
	}
	return b.String()
}

// retell makes a part that was cut out by another key, or another watermark, one by bytes.
func (sr *streamRun) retell(st *chainState) {
	if len(st.Part) == 0 || st.PartBy == "" || st.PartBy == sr.identifiedBy() {
		return
	}
	if len(st.Bytes) > 0 {
		st.Part = st.Bytes
	}
	st.PartBy, st.Bytes = byBytes, nil
}

// had counts the records that are told apart by their bytes and were delivered when the page was here before, less those
// that the batch has met; nil when there are none.
func (c *chain) had(g *got, b *batchOf, l listing) map[uint64]int {
	if len(g.at.Part) == 0 || c.keyed(l) && g.at.PartBy != byBytes {
		return nil
	}
	left := make(map[uint64]int, len(g.at.Part))
	for _, id := range g.at.Part {
		left[id]++
	}
	for _, id := range b.met {
		left[id]--
	}
	return left
}

// each is the identity of each delivered record, by its bytes where that is wanted; nil where several were made of one.
func (c *chain) each(b *batchOf, bytes bool) identities {
	var out identities
	for _, m := range b.made {
		last := -1
		for i := range m.kept.records {
			n := i
			if m.kept.of != nil {
				n = m.kept.of[i]
			}
			if n == last || n >= len(m.from.page.Records) {
				return nil
			}
			last = n
			if c.keyed(m.from) && !bytes {
				out = append(out, identity(m.from.hashes()[n], m.from.at(n)))
			} else {
				out = append(out, m.from.content(n))
			}
		}
	}
	return out
}

// delivered is what the checkpoint says of the page at its position. Once the walk has left the page it
// says nothing, but for a page that was a part of what it had been before: the next one begins with the
// rest.
func (c *chain) delivered(g *got, b *batchOf, again bool) identities {
	keyed, read := false, 0
	for _, m := range b.made {
		keyed = keyed || c.keyed(m.from) || m.from.listed
		read += len(m.from.page.Records)
	}
	left := g.at.Part.less(b.met)
	if again && !keyed {
		for _, m := range b.made {
			for _, r := range m.from.page.Records {
				left = append(left, contentOf(r))
			}
		}
		return left
	}
	if keyed || read > 0 && len(b.met) == read {
		return left
	}
	return nil
}

// less is v without those of gone, each as often as it is there.
func (v identities) less(gone []uint64) identities {
	if len(v) == 0 || len(gone) == 0 {
		return slices.Clone(v)
	}
	n := make(map[uint64]int, len(gone))
	for _, id := range gone {
		n[id]++
	}
	return slices.DeleteFunc(slices.Clone(v), func(id uint64) bool {
		n[id]--
		return n[id] >= 0
	})
}

// restOf keeps what Part tells records by, as long as it tells any.
func (c *chain) restOf(st *chainState, b *batchOf) {
	if len(st.Part) == 0 {
		st.PartBy, st.Bytes = "", nil
		return
	}
	if st.PartBy == "" {
		st.PartBy = c.sr.identifiedBy()
	}
	st.Bytes = st.Bytes.less(b.metBytes)
}

// cutOff notes that the first records of a page are delivered.
func (c *chain) cutOff(st *chainState, b *batchOf, each identities, cut int) {
	st.Part = append(st.Part[:len(st.Part):len(st.Part)], each[:cut]...)
	if st.PartBy == "" {
		st.PartBy = c.sr.identifiedBy()
	}
	if st.PartBy != byBytes {
		st.Bytes = append(st.Bytes[:len(st.Bytes):len(st.Bytes)], c.each(b, true)[:cut]...)
	}
}
