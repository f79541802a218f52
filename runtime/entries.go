package runtime

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
)

// A page that lists ids has a `records.key` of its own: what it drops is not fetched. An entry is known by
// its key and its watermark field. Where the watermark is a field of the details that entries do not have,
// only the details tell whether they have changed: they are fetched, and known by the entry's key and
// their own watermark field, unless they have a key themselves. So it is in a feed of changes (`keep`), by
// the details' bytes: that an entry comes again says that the thing has changed.

// ofEntry sets identities of entries apart from those of the details, which have keys of their own.
var ofEntry = []byte("entry")

// entry is one of a page's entries whose details are to be fetched.
type entry struct {
	n    int             // which of the page's records
	key  uint64          // 0 without a key
	id   uint64          // its identity; 0 where only its details tell
	at   json.RawMessage // its own watermark field
	gone bool            // no answer returned its details
}

// entries are what a page lists and the list's filter lets through, without what is known; dups counts that.
func (c *chain) entries(ctx context.Context, g *got, b *batchOf) (list []entry, dups int, err error) {
	p := g.page
	keyed := c.keyed(listing{page: p})
	pass := &kept{records: p.Records, of: count(len(p.Records))}
	if f := c.sr.spec.Records.Filter; f != nil && !c.sr.meansDetails(p) {
		if err := c.filter(ctx, g, f, pass); err != nil {
			return nil, 0, err
		}
	}
	list = make([]entry, 0, len(pass.of))
	for _, i := range pass.of {
		e := entry{n: i}
		if keyed {
			e.key = identity(p.Keys[i], ofEntry)
			var id uint64
			if c.sr.changes {
				id = identity(e.key, p.Records[i]) // once on a page will do
			} else {
				e.at = listing{page: p, field: c.sr.fieldOf == fieldOfDetails}.at(i)
				if e.at != nil || c.sr.fieldOf != fieldOfDetails {
					e.id = identity(e.key, e.at)
				}
				id = e.id
			}
			if id != 0 && c.known(b, id) {
				dups++
				continue
			}
		}
		list = append(list, e)
	}
	return list, dups, nil
}

// meansDetails reports whether the list's filter is of the details: entries that are bare ids have no
// fields that it could read, and the details have no filter of their own.
func (sr *streamRun) meansDetails(list *page.Page) bool {
	if sr.spec.Details.Records.Filter != nil || len(list.Records) == 0 || list.Records[0][0] == '{' {
		return false
	}
	return slices.ContainsFunc(sr.spec.Records.Filter.Parts, func(p spec.Part) bool {
		return p.Expr != nil && fieldOfRecord.MatchString(p.Expr.Source)
	})
}

var fieldOfRecord = regexp.MustCompile(`\brecord\s*(\.|\?\.|\[)`)

// count is 0, 1, … up to n.
func count(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// known reports whether a record of that identity was delivered, or stands earlier on the page.
func (c *chain) known(b *batchOf, id uint64) bool {
	if b.onPage == nil {
		b.onPage = map[uint64]struct{}{}
	}
	_, twice := b.onPage[id]
	_, old := c.old[id]
	_, met := c.oldMet[id]
	b.onPage[id] = struct{}{}
	if old && !met && !twice { // once it is a record of the list, then a duplicate
		b.old = append(b.old, id)
	}
	return twice || old || c.keys.has(id)
}

// took notes the entries whose details the batch delivers. Those that no answer returned are known in
// this walk, and asked for again in the next.
func (b *batchOf) took(list []entry) {
	for _, gone := range []bool{false, true} {
		for _, e := range list {
			if e.id == 0 || e.gone != gone {
				continue
			}
			b.ids = append(b.ids, e.id)
			switch {
			case gone:
				b.gone++
			case e.at != nil:
				b.recent.push(e.at, e.id)
			}
		}
	}
}

// same identifies the details of some entries by the entries' keys, those of one entry by their order;
// what is of no entry, by its bytes. late says that only the details tell the versions of an entry apart.
func (c *chain) same(of []entry, ids []json.RawMessage, p *page.Page) (keys []uint64, late bool) {
	if len(p.Keys) > 0 || of[0].key == 0 {
		return nil, false
	}
	owner := c.owners(ids, p)
	nth := make([]int, len(of))
	for i, rec := range p.Records {
		if owner == nil {
			keys = append(keys, contentOf(rec))
			continue
		}
		key, n := of[owner[i]].key, &nth[owner[i]]
		if *n > 0 {
			key = identity(key, strconv.AppendInt(nil, int64(*n), 10))
		}
		*n++
		keys = append(keys, key)
	}
	for _, e := range of {
		late = late || e.id == 0
	}
	return keys, late
}
