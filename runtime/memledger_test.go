package runtime_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

// TestMemoryLedger holds the ledger to what the interface says of leases, rounds and commits.
func TestMemoryLedger(t *testing.T) {
	ctx := t.Context()
	l := new(runtime.MemoryLedger)
	s := engine.StreamKey{Connector: "c", Stream: "s"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lease, err := l.Acquire(ctx, s, engine.Owner{ID: "one"})
	must(err)
	var held *engine.HeldError
	if _, err := l.Acquire(ctx, s, engine.Owner{ID: "two"}); !errors.As(err, &held) || held.Owner.ID != "one" {
		t.Fatalf("a second owner: %v", err)
	}
	if _, err := l.Acquire(ctx, engine.StreamKey{Connector: "c", Stream: "other"}, engine.Owner{}); err != nil {
		t.Fatalf("another stream: %v", err)
	}
	must(l.PutRound(ctx, lease, engine.Round{Number: 1, Open: true}))
	must(l.AddChains(ctx, lease, []engine.Chain{{Key: "a", Ordinal: 1}, {Key: "b", Ordinal: 2}}))
	must(l.AddChains(ctx, lease, []engine.Chain{{Key: "a", Ordinal: 3}}))
	for want := 1; want <= 2; want++ {
		if n, err := l.Enter(ctx, lease, "a"); err != nil || n != want {
			t.Fatalf("enter %d, %v", n, err)
		}
	}
	done := engine.Chain{Key: "a", Ordinal: 1, Done: true, State: json.RawMessage(`{}`)}
	must(l.Commit(ctx, lease, []engine.Commit{{Chain: done, Entry: &engine.PageEntry{New: 3}, Keys: []uint64{7}, Bookmark: &engine.Bookmark{Base: "a", Kept: json.RawMessage("1")}}},
		[]engine.Mark{{Target: "f", Data: json.RawMessage("2")}}, nil))
	if n, err := l.Delivered(ctx, s); err != nil || n != 3 {
		t.Errorf("delivered %d, %v", n, err)
	}
	if w, err := l.Writers(ctx, "f"); err != nil || len(w) != 1 || w[0] != s {
		t.Errorf("writers %v, %v", w, err)
	}
	if n, err := l.Enter(ctx, lease, "a"); err != nil || n != 1 {
		t.Errorf("enter after the chain has moved: %d, %v", n, err)
	}
	if list, err := l.Chains(ctx, s, 0, 10, true); err != nil || len(list) != 1 || list[0].Key != "b" {
		t.Errorf("pending: %v, %v", list, err)
	}
	if list, err := l.Chains(ctx, s, 1, 10, false); err != nil || len(list) != 1 {
		t.Errorf("after the first: %v, %v", list, err)
	}
	var keys []uint64
	must(l.Keys(ctx, s, "a", func(k []uint64) error { keys = append(keys, k...); return nil }))
	if len(keys) != 1 || keys[0] != 7 {
		t.Errorf("keys %v", keys)
	}
	must(l.Release(ctx, lease))
	second, err := l.Acquire(ctx, s, engine.Owner{ID: "two"})
	must(err)
	for what, err := range map[string]error{
		"renew": l.Renew(ctx, lease), "commit": l.Commit(ctx, lease, nil, nil, nil), "round": l.PutRound(ctx, lease, engine.Round{Number: 2}), "forget": l.Forget(ctx, lease),
	} {
		if !errors.Is(err, engine.ErrFenced) {
			t.Errorf("%s with the older lease: %v", what, err)
		}
	}
	must(l.PutRound(ctx, second, engine.Round{Number: 2, Open: true}))
	if list, err := l.Chains(ctx, s, 0, 10, false); err != nil || len(list) != 0 {
		t.Errorf("chains of the older round: %v, %v", list, err)
	}
	if b, err := l.Bookmark(ctx, s, "a"); err != nil || string(b.Kept) != "1" {
		t.Errorf("bookmark %+v, %v", b, err)
	}
	must(l.Forget(ctx, second))
	if m, err := l.Marks(ctx, s); err != nil || len(m) != 0 || len(l.Bookmarks(s)) != 0 {
		t.Errorf("after forget: %v, %v", m, err)
	}
	must(l.Renew(ctx, second))
}

// TestMemoryLedgerShared runs jobs of several streams over one ledger at once.
func TestMemoryLedgerShared(t *testing.T) {
	r := newRig(t, fivePages, numbered)
	l := new(runtime.MemoryLedger)
	var wg sync.WaitGroup
	var mu sync.Mutex
	pages, refused := 0, 0
	c := r.load()
	for range 8 {
		wg.Go(func() {
			for page, err := range runtime.Pages(t.Context(), &runtime.Job{Connector: c, Ledger: l, Set: map[string]string{"base_url": r.server.URL}}) {
				var held *engine.HeldError
				mu.Lock()
				switch {
				case page != nil:
					pages++
				case errors.As(err, &held):
					refused++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if pages%5 != 0 || pages/5+refused != 8 {
		t.Errorf("%d pages, %d refused", pages, refused)
	}
	if n := len(l.Runs()); n != pages/5 {
		t.Errorf("%d runs are remembered", n)
	}
}
