package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// meetings lets requests through only when one of each name waits.
type meetings struct {
	mu   sync.Mutex
	here map[string]chan struct{}
}

func (m *meetings) meet(name, other string) {
	m.mu.Lock()
	mine, theirs := m.door(name), m.door(other)
	m.mu.Unlock()
	mine <- struct{}{}
	<-theirs
}

func (m *meetings) door(name string) chan struct{} {
	if m.here[name] == nil {
		m.here[name] = make(chan struct{}, 1)
	}
	return m.here[name]
}

// TestStreamsSideBySide needs both streams to be under way at the same time; the report keeps the order
// of the file.
func TestStreamsSideBySide(t *testing.T) {
	m := &meetings{here: map[string]chan struct{}{}}
	api := chainAPI(func(string) int { return 12 })
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("cursor") == "" {
			c := q.URL.Query().Get("chain")
			m.meet(c, map[string]string{"b": "a", "a": "b"}[c])
		}
		api(w, q)
	}, `
streams:
  b: {request: {path: /list, query: {chain: b}}, records: {path: items, key: id}, pagination: {type: cursor, next: body.next, send: query.cursor}}
  a: {request: {path: /list, query: {chain: a}}, records: {path: items, key: id}, pagination: {type: cursor, next: body.next, send: query.cursor}}
`)
	rep := r.run()
	want(t, rep, "complete")
	if rep.Streams[0].Name != "b" || rep.Streams[1].Name != "a" || rep.Streams[0].Records != 12 || rep.Streams[1].Records != 12 {
		t.Errorf("%+v", rep.Streams)
	}
}

// TestStreamsShareThePool never runs more chains of all streams than --chains says, and lets none wait
// for another to end.
func TestStreamsShareThePool(t *testing.T) {
	var now, most atomic.Int64
	var mu sync.Mutex
	var order []string
	api := chainAPI(func(string) int { return 5 })
	stream := `
  %s:
    request: {path: /%s, query: {chain: "${partition.chain}"}}
    partitions: [{values: {chain: [a, b, c, d, e, f, g, h, i, j, k, l]}}]
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor}`
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		mu.Lock()
		order = append(order, q.URL.Path)
		mu.Unlock()
		time.Sleep(3 * time.Millisecond)
		api(w, q)
		now.Add(-1)
	}, "\nstreams:"+fmt.Sprintf(stream, "a", "a")+fmt.Sprintf(stream, "b", "b")+fmt.Sprintf(stream, "c", "c"))
	want(t, r.run(func(j *runtime.Job) { j.Chains = 2 }), "complete")
	if most.Load() > 2 {
		t.Errorf("%d chains at a time, --chains is 2", most.Load())
	}
	for _, s := range []string{"/a", "/b", "/c"} {
		if i := slices.Index(order, s); i > 12 {
			t.Errorf("the first request of %s came as number %d", s, i+1)
		}
	}
}

// TestKilledRunGoesOn cuts a run of several streams off at random: what was complete is not walked
// again, and a run that came to its end is.
func TestKilledRunGoesOn(t *testing.T) {
	for kill := 1; kill < 20; kill += 2 {
		api := chainAPI(func(string) int { return 22 })
		var asked atomic.Int64
		ctx, cancel := context.WithCancel(context.Background())
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if asked.Add(1) == int64(kill) {
				cancel()
			}
			api(w, q)
		}, `
streams:
  a: {request: {path: /list, query: {chain: a}}, records: {path: items, key: id}, pagination: {type: cursor, next: body.next, send: query.cursor}}
  b:
    partitions: [{stream: a, take: {chain: id}}]
    limits: {pages: 1000}
    request: {path: /list, query: {chain: "${partition.chain}"}}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor}
  c: {request: {path: /list, query: {chain: c}}, records: {path: items, key: id}, pagination: {type: cursor, next: body.next, send: query.cursor}}
`)
		rep := r.runIn(ctx)
		want(t, rep, "interrupted interrupted")
		want(t, r.run(), "complete")
		for _, s := range []struct {
			name string
			n    int
		}{{"a", 22}, {"b", 22 * 22}, {"c", 22}} {
			ids := r.ids(s.name, "id")
			if slices.Sort(ids); len(ids) != s.n || len(slices.Compact(ids)) != s.n {
				t.Fatalf("killed at %d: stream %s has %d records, want %d", kill, s.name, len(ids), s.n)
			}
		}
		cancel()
		if kill == 1 {
			want(t, r.run(), "complete")
			if got := len(r.ids("c", "id")); got != 44 {
				t.Errorf("a stream without a watermark is walked again: %d records, want 44", got)
			}
		}
	}
}
