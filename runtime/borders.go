package runtime

import (
	"sync"

	"github.com/cespare/xxhash/v2"
)

// borders knows the latest records that the windows of a stream have delivered, or are about to. An API
// whose windows hold both their ends gives a record that stands where two of them meet in both of them: it
// is dropped where its key and every byte of it are the same. A record that differs was changed meanwhile,
// which is how a thing comes to lie in a later window.
type borders struct {
	mu  sync.Mutex
	set *keySet
}

// newBorders is nil for a stream without windows, or whose records have no key.
func newBorders(sr *streamRun) *borders {
	if sr.windowPartition() == nil || !sr.needKeys {
		return nil
	}
	return &borders{set: newKeySet(false)}
}

// crossed reports whether another window has delivered the record already; if not, it is this chain's now.
func (c *chain) crossed(b *batchOf, key uint64, l listing, i int) bool {
	if c.window == nil || c.sr.borders == nil || l.keys != nil { // the keys of entries: the bytes do not stand for the record
		return false
	}
	if id := contentOf(l.page.Records[i]) ^ xxhash.Sum64String(c.base); c.sr.borders.claim(id) {
		c.claims = append(c.claims, id)
		return false
	}
	if _, met := c.oldMet[key]; !met { // once it is a record of this window, then a duplicate
		b.old = append(b.old, key)
		b.crossed++
	}
	return true
}

// unclaim lets go of the records of a page that is not delivered.
func (c *chain) unclaim() {
	if len(c.claims) > 0 {
		c.sr.borders.release(c.claims)
		c.claims = nil
	}
}

func (b *borders) claim(id uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.set.has(id) {
		return false
	}
	b.set.add(id)
	return true
}

func (b *borders) release(ids []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		delete(b.set.set, id)
	}
}
