package runtime

import (
	"context"
	"encoding/json"

	"github.com/lastpage/lastpage/engine"
)

// maxSettling bounds how many bookmarks are gathered before they are stored.
const maxSettling = 4096

// settling is the bookmark of one base under way, with a chain that it moves with.
type settling struct {
	mark   engine.Bookmark
	chain  engine.Chain
	recent recentKeys
}

// settleWindows moves the watermarks of windowed chains: only now have all windows been read. A
// bookmark that is stored before all windows of its base were seen moves again with the others.
func (sr *streamRun) settleWindows(ctx context.Context) error {
	if sr.kind == nil || sr.silent || sr.windowPartition() == nil {
		return nil
	}
	moved := map[string]*settling{}
	err := sr.eachChain(ctx, false, func(row engine.Chain) error {
		st, err := parseState(row.State)
		if err != nil || st.Pending == nil || row.Reason == NoticePartitionGone {
			return nil // should its values come back, its walk goes on from the old watermark
		}
		_, _, base, err := parseKey(row.Key)
		if err != nil {
			return err
		}
		m := moved[base]
		if m == nil {
			if len(moved) >= maxSettling {
				if err := sr.storeSettled(ctx, moved); err != nil {
					return err
				}
				clear(moved)
			}
			if m, err = sr.beginSettling(ctx, base, row); err != nil {
				return err
			}
			moved[base] = m
		}
		m.add(sr, &st)
		return nil
	})
	if err != nil {
		return err
	}
	return sr.storeSettled(ctx, moved)
}

func (sr *streamRun) beginSettling(ctx context.Context, base string, row engine.Chain) (*settling, error) {
	mark, err := sr.loadMark(ctx, base)
	if err != nil {
		return nil, err
	}
	recent, err := recentOf(mark)
	return &settling{mark: mark, chain: row, recent: recent}, err
}

// add takes a window's greatest watermark and the keys next to it in.
func (m *settling) add(sr *streamRun, st *chainState) {
	if m.mark.Watermark == nil || sr.kind.compare(st.Pending, m.mark.Watermark) > 0 {
		m.mark.Watermark = st.Pending
	}
	m.recent.at, m.recent.id = append(m.recent.at, st.Recent.at...), append(m.recent.id, st.Recent.id...)
	m.recent.prune(func(at json.RawMessage) bool { return sr.kind.near(at, m.mark.Watermark) })
}

func (sr *streamRun) storeSettled(ctx context.Context, moved map[string]*settling) error {
	batch := chainWrites{sr: sr}
	for _, base := range sortedKeys(moved) {
		m := moved[base]
		if !m.recent.IsZero() {
			m.mark.Recent, _ = json.Marshal(m.recent)
		} else {
			m.mark.Recent = nil
		}
		m.mark.Base, m.mark.Asked, m.mark.Updated = base, sr.asks, sr.now()
		sr.setMark(m.mark)
		if err := batch.put(ctx, engine.Commit{Chain: m.chain, Bookmark: &m.mark}); err != nil {
			return err
		}
	}
	return batch.flush(ctx)
}
