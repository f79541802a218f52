package store_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		name     string
		opt      store.Options
		volatile bool
		group    int
	}{{"page", store.Options{}, false, 1}, {"volatile", store.Options{}, true, 1}, {"group16", store.Options{}, false, 16}, {"full", store.Options{Full: true}, false, 1}} {
		b.Run(c.name, func(b *testing.B) {
			ctx := b.Context()
			db, err := store.Open(ctx, filepath.Join(b.TempDir(), "state.db"), c.opt)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			s := engine.StreamKey{Connector: "c", Stream: "s"}
			l, err := db.Acquire(ctx, s, store.Self(now))
			if err != nil {
				b.Fatal(err)
			}
			if err := db.PutRound(ctx, l, engine.Round{Number: 1, Open: true}); err != nil {
				b.Fatal(err)
			}
			if err := db.AddChains(ctx, l, []engine.Chain{{Ordinal: 1}}); err != nil {
				b.Fatal(err)
			}
			if err := db.Commit(ctx, l, nil, []engine.Mark{{Target: "/out.jsonl", Data: []byte(`{"length":0}`)}}, nil); err != nil {
				b.Fatal(err)
			}
			commits := make([]engine.Commit, 0, c.group)
			entry := engine.PageEntry{Run: "r1", Status: 200, Records: 1000, New: 1000, Bytes: 250000, Millis: 3, Attempts: 1, At: now,
				Position: []byte(`"eyJhZnRlciI6MTIzNDU2fQ=="`), Evidence: []byte(`[{"witness":"token","says":"more"},{"witness":"total","says":"more","have":1000,"want":400000}]`), Verdict: "token.present"}
			n := 0
			for b.Loop() {
				commits = commits[:0]
				for range c.group {
					n++
					e := entry
					e.Page = int64(n)
					commits = append(commits, engine.Commit{Entry: &e, Chain: engine.Chain{Ordinal: 1, Updated: now, State: fmt.Appendf(nil, `{"token":"eyJhZnRlciI6MTIzNDU2fQ==","pages":%d,"records":%d}`, n, n*1000)}})
				}
				mark := engine.Mark{Target: "/out.jsonl", Data: fmt.Appendf(nil, `{"length":%d}`, n*250000), Volatile: c.volatile}
				if err := db.Commit(ctx, l, commits, []engine.Mark{mark}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
