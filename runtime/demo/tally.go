package demo

import (
	"maps"
	"sync"
)

// Stats counts what a world was asked. Counting starts at the world's first request or Reset.
type Stats struct {
	Requests      int            `json:"requests"`
	Endpoints     map[string]int `json:"endpoints"` // by method and pattern, as the front page names them
	Statuses      map[string]int `json:"statuses"`
	Faults        map[string]int `json:"faults"` // by the text of the fault: how often it struck
	Records       int            `json:"records"`
	AccessTokens  int            `json:"access_tokens"`  // issued by /oauth2/token and /login
	SessionsOpen  int            `json:"sessions_open"`  // points in time and export jobs that nobody closed
	Refused       int            `json:"refused"`        // tokens refused: expired, used twice, unknown
	MaxConcurrent int            `json:"max_concurrent"` // most requests in progress at one time
}

// tally is the live Stats of a world.
type tally struct {
	mu      sync.Mutex
	s       Stats
	current int
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s = Stats{Endpoints: map[string]int{}, Statuses: map[string]int{}, Faults: map[string]int{}}
}

func (t *tally) begin(endpoint string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current++
	t.s.Requests++
	t.s.Endpoints[endpoint]++
	t.s.MaxConcurrent = max(t.s.MaxConcurrent, t.current)
}

func (t *tally) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current--
}

func (t *tally) status(code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Statuses[code]++
}

func (t *tally) fault(spec string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	makeRoom(t.s.Faults, 1000)
	t.s.Faults[spec]++
}

func (t *tally) add(what *int, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*what += n
}

func (t *tally) read() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.s
	s.Endpoints, s.Statuses, s.Faults = maps.Clone(s.Endpoints), maps.Clone(s.Statuses), maps.Clone(s.Faults)
	return s
}

// Stats returns what the world was asked so far.
func (w *World) Stats() Stats {
	s := w.log.read()
	w.mu.Lock()
	defer w.mu.Unlock()
	s.SessionsOpen = len(w.sessions)
	return s
}
