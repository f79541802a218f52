package runtime

import (
	"slices"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// keepMissing tells that a walk has ended well and no page of it held what `keep` names. A field of records
// is not missed where there were none: what was kept before is the last one still.
func (c *chain) keepMissing(st *chainState) {
	keep := c.sr.spec.Pagination.Keep
	before := c.sr.mark(c.base).Kept != nil
	if keep == nil || before && st.Received == 0 && ofRecords(keep) {
		return
	}
	next := "the next run begins at the first page"
	if before {
		next = "the next run begins where this one did, at the position that was kept before"
	}
	c.sr.notice(c.key, NoticeKeepMissing, "no page held what `keep` names; "+next+"; `runner step` shows an answer, to correct the reference by")
}

// ofRecords reports whether a reference is to fields of records alone.
func ofRecords(p *spec.Pick) bool {
	return !slices.ContainsFunc(p.Any, func(s spec.Source) bool {
		if s.Ref == nil {
			return true
		}
		switch s.Ref.Root {
		case engine.RootFirst, engine.RootLast, engine.RootMax, engine.RootMin:
			return false
		}
		return true
	})
}
