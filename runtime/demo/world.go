package demo

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// World is one independent copy of the API: its own records, counters, tokens and sessions.
type World struct {
	api *API
	log tally

	mu       sync.Mutex
	sets     map[shape]*set
	settings Settings
	defaults url.Values     // settings.Params, parsed
	struck   map[string]int // fault and page → how often
	calls    map[string]int // path → requests
	tokens   map[string]*issued
	sessions map[string]*session
	refresh  map[string]bool // refresh tokens that are good
	nonce    int64
	quota    quota
	used     time.Time
}

// Settings is what a world begins with; PUT /w/<name> takes it as JSON.
type Settings struct {
	Records int    `json:"records"` // 0: as Options say
	Seed    uint64 `json:"seed"`    // 0: as Options say
	Ties    int    `json:"ties"`    // so many records share a timestamp; 0 or 1: none do
	Params  string `json:"params"`  // query parameters that every request of the world gets unless it brings its own
}

// bound of everything a world keeps by name: what is over it is dropped.
const maxKept = 50_000

func newWorld(a *API) *World {
	w := &World{api: a, used: a.now()}
	w.Reset()
	return w
}

// Reset brings the world back to its first record, keeping its settings.
func (w *World) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sets = map[shape]*set{}
	w.struck = map[string]int{}
	w.calls = map[string]int{}
	w.tokens = map[string]*issued{}
	w.sessions = map[string]*session{}
	w.refresh = map[string]bool{firstRefresh: true}
	w.quota = quota{}
	w.log.reset()
}

// Set resets the world and gives it other settings.
func (w *World) Set(s Settings) error {
	q, err := url.ParseQuery(s.Params)
	if err != nil {
		return fmt.Errorf("params: %w", err)
	}
	if s.Records < 0 || s.Records > maxRecords {
		return fmt.Errorf("records: %d is not between 0 and %d", s.Records, maxRecords)
	}
	for _, list := range q["fault"] {
		if _, err := parseFaults(list); err != nil {
			return err
		}
	}
	w.Reset()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settings, w.defaults = s, q
	return nil
}

// Records returns every live record in order of id, as the bytes that the endpoints send.
func (w *World) Records() []json.RawMessage {
	v := w.set(w.shape()).view(order{field: "id"})
	out := make([]json.RawMessage, len(v))
	for i, r := range v {
		out[i] = r.raw
	}
	return out
}

// Deleted returns the records that were deleted, in the order of that, as they were last.
func (w *World) Deleted() []json.RawMessage {
	s := w.set(w.shape())
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]json.RawMessage, len(s.gone))
	for i, r := range s.gone {
		out[i] = r.raw
	}
	return out
}

// Insert adds n records, newer than all others, and returns them.
func (w *World) Insert(n int) []json.RawMessage {
	fresh := w.set(w.shape()).insert(n)
	out := make([]json.RawMessage, len(fresh))
	for i, r := range fresh {
		out[i] = r.raw
	}
	return out
}

// Update gives the live records of those ids a new revision, `updated` and `update_id`, and returns
// how many there were.
func (w *World) Update(ids ...int64) int { return w.set(w.shape()).modify(ids, false) }

// Delete removes the live records of those ids and returns how many there were.
func (w *World) Delete(ids ...int64) int { return w.set(w.shape()).modify(ids, true) }

// shape is the content the world begins with when a request names no other.
func (w *World) shape() shape {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := shape{records: w.api.opt.Records, seed: w.api.opt.Seed, ties: w.settings.Ties}
	if w.settings.Records > 0 {
		s.records = w.settings.Records
	}
	if w.settings.Seed > 0 {
		s.seed = w.settings.Seed
	}
	return s
}

// set returns the world's records that began with shape s. A world keeps few of them.
func (w *World) set(s shape) *set {
	recs := w.api.bases.get(s)
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.sets[s]
	if out == nil {
		makeRoom(w.sets, 8)
		out = newSet(s, recs)
		w.sets[s] = out
	}
	return out
}

// count notes one request to path and returns its number, from 1.
func (w *World) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	makeRoom(w.calls, maxKept)
	w.calls[path]++
	return w.calls[path]
}

// strike reports whether f may strike once more at this place, and notes that it did.
func (w *World) strike(f *fault, path string, page int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := f.spec + " " + path + " " + strconv.Itoa(page)
	if f.times > 0 && w.struck[k] >= f.times {
		return false
	}
	if f.times > 0 {
		makeRoom(w.struck, maxKept)
		w.struck[k]++
	}
	w.log.fault(f.spec)
	return true
}

// serial returns a number that the world has not given before.
func (w *World) serial() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nonce++
	return w.nonce
}

// makeRoom drops entries of m until another one fits below limit.
func makeRoom[K comparable, V any](m map[K]V, limit int) {
	for k := range m {
		if len(m) < limit {
			return
		}
		delete(m, k)
	}
}
