package runtime_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// TestPoolBoundsAllRuns: runs that share a pool never have more chains in hand than it holds.
func TestPoolBoundsAllRuns(t *testing.T) {
	var now, most atomic.Int64
	api := func(w http.ResponseWriter, q *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		answer(w, `[{"id":"%s"}]`, q.URL.Query().Get("k"))
	}
	pool := runtime.NewPool(3)
	var wg sync.WaitGroup
	for range 4 {
		r := newRig(t, api, `
streams:
  s:
    request: {path: /l, query: {k: "${partition.k}"}}
    partitions: [{values: {k: [a, b, c, d, e, f, g, h]}}]
    chains: {concurrency: 8}
    records: {path: $}
    pagination: {type: none}
`)
		wg.Go(func() {
			rep := r.run(func(j *runtime.Job) { j.Pool = pool })
			if rep.Verdict != runtime.Complete || rep.Streams[0].Records != 8 {
				t.Errorf("%s", rep.Message)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d requests at a time, the pool holds 3", most.Load())
	}
}
