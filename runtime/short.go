package runtime

import (
	"encoding/json"
	"slices"

	"github.com/lastpage/lastpage/engine"
)

// shortPage is the page before a checkpoint's position that was not full: where positions go on by whole
// pages, what fills it up later would lie behind the walk. A run that takes the walk up asks for it again.
type shortPage struct {
	At     json.RawMessage `json:"at,omitempty"`     // its position
	Part   identities      `json:"part,omitempty"`   // its records, where they have no keys
	By     string          `json:"by,omitempty"`     // what Part tells them by
	Latest json.RawMessage `json:"latest,omitempty"` // watermark field of the record before it
	Old    identities      `json:"old,omitempty"`    // its records that stood next to the watermark the walk began at: the bookmark may have left them
}

// short is the page that was taken, if it may be filled up later and the watermark would pass over what
// fills it up; nil otherwise.
func (c *chain) short(g *got, b *batchOf, p engine.Page, v engine.Verdict) *shortPage {
	r := c.walk.Rules
	steps := r.Type == engine.PageNumber || r.Type == engine.Offset && r.StepLimit
	if !steps || c.sr.spec.Incremental == nil || v.Kind != engine.Continue || g.at.Rung != 0 || v.Next.Rung != 0 || p.Records == 0 || v.Next.Again {
		return nil
	}
	if most := int64(g.at.Largest); int64(p.Records) >= max(most, r.Limit) || int64(p.Records) == most && !g.at.Again {
		return nil // a server may give less than it is asked for on every page
	}
	for _, w := range v.Evidence {
		if w.Name != engine.WitnessPage && w.Says == engine.SaysMore {
			return nil // it is not the last one: that it is short is the server's habit
		}
	}
	var old identities
	for id := range b.onPage {
		if _, ok := c.old[id]; ok {
			old = append(old, id)
		}
	}
	slices.Sort(old)
	return &shortPage{At: g.at.Position, Part: c.delivered(g, b, true), By: c.sr.identifiedBy(), Latest: g.at.Latest, Old: old}
}

// stepBack takes the walk up at a page that was short when an earlier run read it.
func (c *chain) stepBack() {
	s := c.state.Short
	if s == nil || c.walk.Capped(c.state.State) {
		return
	}
	c.state.Position, c.state.Again = s.At, true
	c.state.Part, c.state.Latest, c.state.Short = s.Part, s.Latest, nil
	c.state.PartBy, c.state.Bytes = s.By, nil
	c.back = true
	c.earlier(s.Old)
}

// tookBack reports whether the page was one to step back to that brought nothing: it counts for no limit,
// so that a run of one page gets ahead.
func (c *chain) tookBack(b *batchOf) bool {
	back := c.back
	c.back = false
	return back && len(b.records) == 0
}
