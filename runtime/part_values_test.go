package runtime_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

// chainAPI serves each `chain` its own list of n(chain) records by a cursor, five a page. Records carry
// the chain and a number: {"id":"a-1"}.
func chainAPI(n func(chain string) int) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		chain := q.URL.Query().Get("chain")
		at, err := strconv.Atoi(strings.TrimPrefix(q.URL.Query().Get("cursor"), chain+":"))
		if err != nil && q.URL.Query().Has("cursor") {
			w.WriteHeader(400) // the token of another chain
			return
		}
		total := n(chain)
		end := min(total, at+5)
		next := "null"
		if end < total {
			next = strconv.Quote(fmt.Sprintf("%s:%d", chain, end))
		}
		var b strings.Builder
		for i := at; i < end; i++ {
			if i > at {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"id":"%s-%d"}`, chain, i+1)
		}
		answer(w, `{"total":%d,"items":[%s],"next":%s}`, total, b.String(), next)
	}
}

const chainStream = `
    request: {path: /list, query: {chain: "${partition.chain}"}}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor, total: body.total}
`

func TestEveryCombinationIsAChain(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		answer(w, `[{"id":%s}]`, strconv.Quote(q.URL.RawQuery))
	}, `
streams:
  s:
    request: {path: /list, query: {type: "${partition.type}", severity: "${partition.severity}", org: "${partition.org}", from: "${window.from}"}}
    partitions:
      - {values: {type: [ip, url], severity: [1, 2.50, true]}}
      - {window: {from: 2026-01-01, to: 2026-01-03, every: 24h}}
      - {values: {org: "${config.org.split(',')}"}}
    records: {path: $, key: id}
    pagination: {type: none}
`)
	rep := r.run(func(j *runtime.Job) { j.Set["org"] = "a,b,ü/&=" })
	want(t, rep, "complete")
	if got := rep.Streams[0].Chains; got != 2*3*2*3 {
		t.Fatalf("%d chains, want 36", got)
	}
	seen := map[string]bool{}
	for _, id := range r.ids("s", "id") {
		seen[id] = true
	}
	if len(seen) != 36 || !seen["type=url&severity=2.50&org=%C3%BC%2F%26%3D&from=2026-01-02T00%3A00%3A00Z"] {
		t.Errorf("%d requests, such as %v", len(seen), r.ids("s", "id"))
	}
}

func TestAListWithoutValuesHasNoChains(t *testing.T) {
	r := newRig(t, chainAPI(func(string) int { return 1 }), `
streams:
  s:
    partitions: [{values: {chain: "${config.org ? config.org.split(',') : []}"}}]`+chainStream)
	rep := r.run()
	want(t, rep, "complete")
	if r.requests() != 0 || rep.Streams[0].Chains != 0 {
		t.Errorf("%d requests, %d chains", r.requests(), rep.Streams[0].Chains)
	}
	want(t, r.run(func(j *runtime.Job) { j.Set["org"] = "a" }), "complete")
	if len(r.ids("s", "id")) != 1 {
		t.Error("the list that has grown is not read")
	}
}

// TestChainsKeepApart gives each chain its own token, checkpoint and verdict: a run of two pages per
// chain is cut off everywhere, and goes on everywhere.
func TestChainsKeepApart(t *testing.T) {
	sizes := map[string]int{"a": 3, "b": 17, "c": 0, "d": 30, "e": 5}
	r := newRig(t, chainAPI(func(c string) int { return sizes[c] }), `
streams:
  s:
    partitions: [{values: {chain: [a, b, c, d, e]}}]
    chains: {concurrency: 3}`+chainStream)
	runs := 0
	for ; ; runs++ {
		rep := r.run(func(j *runtime.Job) { j.MaxPages = 3 })
		if rep.Verdict == runtime.Complete {
			break
		}
		want(t, rep, "truncated limit")
		if runs > 10 {
			t.Fatal("the runs do not end")
		}
	}
	got := r.ids("s", "id")
	if len(got) != 55 {
		t.Fatalf("%d records, want 55", len(got))
	}
	for chain, n := range sizes { // in order within a chain
		i := 0
		for _, id := range got {
			if strings.HasPrefix(id, chain+"-") {
				if i++; id != fmt.Sprintf("%s-%d", chain, i) {
					t.Fatalf("chain %s: %s at place %d", chain, id, i)
				}
			}
		}
		if i != n {
			t.Errorf("chain %s: %d records, want %d", chain, i, n)
		}
	}
}

func TestOnError(t *testing.T) {
	for _, c := range []struct {
		mode    string
		records int
		chains  int64
	}{{"continue", 40, 10}, {"stop", 15, 4}} {
		t.Run(c.mode, func(t *testing.T) {
			var broken atomic.Bool
			broken.Store(true)
			api := chainAPI(func(string) int { return 5 })
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				if n, _ := strconv.Atoi(q.URL.Query().Get("chain")); broken.Load() && (n == 3 || n == 7) {
					w.WriteHeader(403)
					return
				}
				api(w, q)
			}, `
streams:
  s:
    partitions: [{values: {chain: ["1", "2", "x", "3", "4", "5", "6", "7", "8", "9"]}}]
    chains: {concurrency: 1, on_error: `+c.mode+`}`+chainStream)
			rep := r.run()
			want(t, rep, "failed http_403")
			s := rep.Streams[0]
			if got := len(r.ids("s", "id")); got != c.records {
				t.Errorf("%d records, want %d", got, c.records)
			}
			if s.Chains != c.chains || s.Bad[0].Chain != `{"chain":"3"}` {
				t.Errorf("%d chains, bad %+v", s.Chains, s.Bad)
			}
			broken.Store(false)
			want(t, r.run(), "complete")
			if got := len(r.ids("s", "id")); got != 50 {
				t.Errorf("%d records after the second run, want 50", got)
			}
		})
	}
}

// TestBadChainsAreNamedInOrder names the first twenty in the order of the list, whichever ended first.
func TestBadChainsAreNamedInOrder(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n, _ := strconv.Atoi(q.URL.Query().Get("chain"))
		time.Sleep(time.Duration(60-n) * time.Millisecond / 10)
		w.WriteHeader(400 + n%2*3)
	}, `
streams:
  s:
    partitions: [{values: {chain: "${Array.from({length: 60}, (_, i) => i)}"}}]
    chains: {concurrency: 8}`+chainStream)
	for range 2 {
		rep := r.run()
		want(t, rep, "failed http_400")
		var got []string
		for _, b := range rep.Streams[0].Bad {
			got = append(got, b.Chain)
		}
		for i := range 20 {
			if i >= len(got) || got[i] != fmt.Sprintf(`{"chain":%d}`, i) {
				t.Fatalf("bad chains %v", got)
			}
		}
	}
}

func TestChainsSideBySide(t *testing.T) {
	for _, c := range []struct{ declared, job, most int }{{1, 0, 1}, {3, 0, 3}, {3, 7, 7}, {6, 2, 2}} {
		var now, most atomic.Int64
		api := chainAPI(func(string) int { return 5 })
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(5 * time.Millisecond)
			api(w, q)
			now.Add(-1)
		}, fmt.Sprintf(`
streams:
  s:
    partitions: [{values: {chain: [a, b, c, d, e, f, g, h, i, j, k, l, m, n]}}]
    chains: {concurrency: %d}`, c.declared)+chainStream)
		want(t, r.run(func(j *runtime.Job) { j.Chains = c.job }), "complete")
		if got := int(most.Load()); got > c.most || c.most > 1 && got < 2 {
			t.Errorf("%+v: %d requests at a time", c, got)
		}
	}
}

// TestManyChains runs thousands of chains of one page, stops in the middle, and goes on with those that
// are left: no chain is asked twice.
func TestManyChains(t *testing.T) {
	const n = 5000
	stop := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	asked := map[string]int{}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		chain := q.URL.Query().Get("chain")
		asked[chain]++
		if len(asked) == n/2 {
			once.Do(func() { close(stop) })
		}
		mu.Unlock()
		answer(w, `{"total":1,"items":[{"id":%s}],"next":null}`, strconv.Quote(chain))
	}, `
streams:
  s:
    partitions: [{values: {chain: "${Array.from({length: 5000}, (_, i) => 'c' + i)}"}}]
    chains: {concurrency: 16}`+chainStream)
	want(t, r.run(func(j *runtime.Job) { j.Stop = stop }), "interrupted interrupted")
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != engine.Proved || *rep.Streams[0].Total == 0 {
		t.Errorf("%+v", rep.Streams[0])
	}
	if got := r.ids("s", "id"); len(got) != n {
		t.Errorf("%d records, want %d", len(got), n)
	}
	for chain, times := range asked {
		if times > 1 {
			t.Fatalf("chain %s was asked %d times", chain, times)
		}
	}
}

// TestExportChunks makes a chain of each element of a list in the session's last answer, of any type.
func TestExportChunks(t *testing.T) {
	var polls atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.Method == http.MethodPost:
			answer(w, `{"job":"j1"}`)
		case q.URL.Path == "/jobs/j1":
			if polls.Add(1) < 3 {
				answer(w, `{"status":"RUNNING","chunks":[1]}`)
				return
			}
			answer(w, `{"status":"DONE","chunks":[1,2,{"name":"z","part":3}]}`)
		case q.Method == http.MethodDelete:
			w.WriteHeader(204)
		default:
			c, _ := json.Marshal(q.URL.Query().Get("c"))
			answer(w, `[{"id":%s,"region":%q}]`, c, q.URL.Query().Get("region"))
		}
	}, `
streams:
  s:
    session:
      open: {method: POST, path: /jobs}
      id: body.job
      wait: {request: {path: "/jobs/${session.id}"}, until: "${body.status === 'DONE'}", every: 1ms, timeout: 5s}
      close: {method: DELETE, path: "/jobs/${session.id}"}
    partitions:
      - {values: {region: [eu, us]}}
      - {session: body.chunks, as: chunk}
    request: {path: "/jobs/${session.id}/chunks", query: {c: "${json(partition.chunk)}", region: "${partition.region}"}}
    records: {path: $, key: [id, region]}
    pagination: {type: none}
`)
	rep := r.run()
	want(t, rep, "complete")
	got := r.lines("s")
	slices.Sort(got)
	wanted := `{"id":"1","region":"eu"}
{"id":"1","region":"us"}
{"id":"2","region":"eu"}
{"id":"2","region":"us"}
{"id":"{\"name\":\"z\",\"part\":3}","region":"eu"}
{"id":"{\"name\":\"z\",\"part\":3}","region":"us"}
`
	if strings.Join(got, "") != wanted || rep.Streams[0].Chains != 6 {
		t.Errorf("%s", strings.Join(got, ""))
	}
	if last := r.asked[len(r.asked)-1]; last != "DELETE /jobs/j1" {
		t.Errorf("the session is not closed: %s", last)
	}
}
