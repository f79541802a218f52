package runtime_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// modelCounter counts names; it is safe for concurrent use.
type modelCounter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *modelCounter) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[name]++
}

func (c *modelCounter) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

func (c *modelCounter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(c.n)) {
		parts = append(parts, fmt.Sprintf("%q %d", k, c.n[k]))
	}
	return strings.Join(parts, ", ")
}

// modelAPI serves a model. Every decision hangs on the seed, the place and how often it was asked for,
// not on the order in which requests of several chains arrive.
type modelAPI struct {
	m     *model
	clock *fakeClock

	mu       sync.Mutex
	requests int
	hear     func(n int)
	visits   map[string]int
	tokens   map[string]*modelToken
	serial   int
	sessions map[string]time.Time // id → opened
	stated   map[int]bool         // chains that an honest total was stated for
	before   map[int][]int        // per chain: the records of the answer before
	walked   map[int][]int        // per chain: where its pages began
	mixed    bool                 // a fault has changed the order in which records come
	well     bool
}

// modelToken is a token that was given out.
type modelToken struct {
	chain, at, empties int
	born               time.Time
	used               bool
}

func (m *model) serve() *modelAPI {
	return &modelAPI{m: m, clock: newFakeClock(), visits: map[string]int{}, tokens: map[string]*modelToken{}, sessions: map[string]time.Time{},
		stated: map[int]bool{}, before: map[int][]int{}, walked: map[int][]int{}}
}

func (a *modelAPI) onRequest(f func(n int)) {
	a.mu.Lock()
	a.requests, a.hear = 0, f
	a.mu.Unlock()
}

// heal ends all faults.
func (a *modelAPI) heal() {
	a.mu.Lock()
	a.well = true
	a.mu.Unlock()
}

func (a *modelAPI) disordered() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mixed
}

// ask is a request for a page, understood.
type ask struct {
	chain, at, empties int
	limit              int
	own                bool // by the pattern's own position, not by a fallback
	token              *modelToken
	place              string
	page               int // page number asked for, from 0
}

func (a *modelAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.requests++
	hear, n := a.hear, a.requests
	a.mu.Unlock()
	hear(n)
	w.Header().Set("Date", a.clock.Now().Format(http.TimeFormat))
	var body map[string]json.RawMessage
	if r.Method == http.MethodPost {
		decode(r, &body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r.URL.Path {
	case "/open":
		a.serial++
		id := fmt.Sprintf("s%d", a.serial)
		a.sessions[id] = a.clock.Now()
		answer(w, `{"id":%q}`, id)
	case "/close":
		answer(w, `{}`)
	case "/things":
		a.things(w, body)
	case "/list":
		a.list(w, r, body)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// things answers a details request, in another order than it was asked.
func (a *modelAPI) things(w http.ResponseWriter, body map[string]json.RawMessage) {
	var ids []int
	_ = json.Unmarshal(body["ids"], &ids) // none: an empty answer
	slices.Sort(ids)
	answer(w, `{"items":[%s]}`, a.m.render(ids))
}

func (a *modelAPI) list(w http.ResponseWriter, r *http.Request, body map[string]json.RawMessage) {
	m := a.m
	q, ok := a.understand(w, r, body)
	if !ok {
		return
	}
	key := fmt.Sprintf("%d %s", q.chain, q.place)
	visit := a.visits[key]
	a.visits[key]++
	if m.slow > 0 {
		a.clock.advance(time.Duration(a.roll(key, visit, "slow")%uint64(m.slow)) * time.Second)
		w.Header().Set("Date", a.clock.Now().Format(http.TimeFormat))
	}
	fault := ""
	if !a.well {
		fault = m.faultAt(a.roll(key, visit, "fault"), visit)
	}
	pick := a.roll(key, visit, "pick")
	if a.refuse(w, r, q, fault, pick) {
		return
	}
	p := a.page(q)
	p.spoil(a, q, fault, pick)
	a.before[q.chain] = p.true
	a.walked[q.chain] = append(a.walked[q.chain], q.at)
	p.send(w, a, q, r)
}

// roll is a number that hangs on the seed, the place and the visit.
func (a *modelAPI) roll(place string, visit int, what string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d %s", a.m.seed, place, visit, what)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// understand finds the place that a request asks for; false when it is answered already.
func (a *modelAPI) understand(w http.ResponseWriter, r *http.Request, body map[string]json.RawMessage) (q ask, ok bool) {
	m := a.m
	v := r.URL.Query()
	q = ask{limit: m.size, own: true, place: "first"}
	q.chain, _ = strconv.Atoi(v.Get("p"))
	if n, err := strconv.Atoi(v.Get("limit")); err == nil {
		q.limit = min(n, m.size)
	}
	bad := func() (ask, bool) {
		w.WriteHeader(http.StatusBadRequest)
		return q, false
	}
	if m.pattern == "pit" {
		var pit struct{ ID string }
		_ = json.Unmarshal(body["pit"], &pit) // none: not found
		if _, ok := a.sessions[pit.ID]; !ok {
			w.WriteHeader(http.StatusNotFound)
			return q, false
		}
		if raw, ok := body["after"]; ok {
			if json.Unmarshal(raw, &q.at) != nil {
				return bad()
			}
			q.place = "at " + string(raw)
		}
		return q, true
	}
	for _, f := range []string{"fo", "fa", "ft"} {
		s := v.Get(f)
		if s == "" {
			continue
		}
		q.own, q.place = false, f+s
		switch f {
		case "fo":
			q.at, _ = strconv.Atoi(s)
		case "fa":
			id, _ := strconv.Atoi(s)
			q.at = id - q.chain*chainStep
		case "ft":
			q.at = m.since(q.chain, s)
		}
		return q, true
	}
	switch m.pattern {
	case "offset":
		q.at, _ = strconv.Atoi(v.Get("offset"))
		q.at -= m.base
		q.page = q.at / max(1, q.limit)
		q.place = fmt.Sprint("at ", q.at)
	case "page":
		n, err := strconv.Atoi(v.Get("page"))
		if err != nil {
			n = m.base
		}
		q.page = n - m.base
		q.at = q.page * q.limit
		q.place = fmt.Sprint("at ", q.at)
	case "search_after":
		if s := v.Get("after"); s != "" {
			id, err := strconv.Atoi(s)
			if err != nil {
				return bad()
			}
			q.at = id - q.chain*chainStep
			q.place = "at " + s
		}
	case "timestamp":
		if s := v.Get("since"); s != "" {
			q.at = m.since(q.chain, s)
			q.place = "since " + s
		}
	case "cursor", "hook", "link body", "link header":
		text := v.Get("tok")
		if m.shape == "object" && v.Get("a") != "" {
			text = v.Get("a")
		}
		if text == "" {
			break
		}
		if list := v["tok"]; m.shape == "array" && (len(list) != 2 || list[1] != "1.50") {
			return bad()
		}
		t := a.tokens[text]
		if t == nil || t.chain != q.chain {
			return bad()
		}
		q.at, q.empties, q.token = t.at, t.empties, t
		q.place = fmt.Sprintf("tok %d %d", t.at, t.empties)
	}
	return q, true
}

// refuse answers requests that bring no page.
func (a *modelAPI) refuse(w http.ResponseWriter, r *http.Request, q ask, fault string, pick uint64) bool {
	m := a.m
	if t := q.token; t != nil {
		dead := m.oneUse && t.used || m.ttl > 0 && a.clock.Now().Sub(t.born) > m.ttl
		t.used = true
		if dead || fault == "expired" {
			a.gone(w, q, pick)
			return true
		}
	}
	switch fault {
	case "throttled":
		w.Header().Set("Retry-After", strconv.Itoa(int(pick%200)))
		w.WriteHeader(http.StatusTooManyRequests)
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "html":
		fmt.Fprint(w, "<html>busy</html>")
	case "cut":
		answer(w, `{"total":%d,"items":[{"id":1`, m.sizes[q.chain])
	case "reset":
		panic(http.ErrAbortHandler)
	case "session lost":
		if m.pattern != "pit" {
			return false
		}
		clear(a.sessions)
		w.WriteHeader(http.StatusNotFound)
	default:
		return false
	}
	return true
}

// gone refuses a token, now and then in disguise, now and then with a fresh one.
func (a *modelAPI) gone(w http.ResponseWriter, q ask, pick uint64) {
	if a.m.renews && pick%2 == 0 {
		w.WriteHeader(http.StatusGone)
		answer(w, `{"fresh":%s}`, a.token(q.chain, q.at, q.empties))
		return
	}
	if pick%3 == 0 {
		answer(w, `{"items":[],"errors":[{"code":404}]}`)
		return
	}
	w.WriteHeader(http.StatusGone)
}

// token gives out a token; it is a new text where tokens die.
func (a *modelAPI) token(chain, at, empties int) string {
	m := a.m
	text := fmt.Sprintf("c%d+%d/%d", chain, at, empties)
	if m.ttl > 0 || m.oneUse || m.salted {
		a.serial++
		text += fmt.Sprintf("=%d", a.serial)
	}
	if m.shape == "number" {
		text = fmt.Sprint(9007199254740993 + chain*1000000 + at*1000 + empties*100)
		for a.tokens[text] != nil && (m.ttl > 0 || m.oneUse || m.salted) {
			n, _ := strconv.Atoi(text)
			text = strconv.Itoa(n + 1)
		}
	} else {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	a.tokens[text] = &modelToken{chain: chain, at: at, empties: empties, born: a.clock.Now()}
	switch m.shape {
	case "number":
		return text
	case "array":
		return fmt.Sprintf(`["%s", 1.50]`, text)
	case "object":
		return fmt.Sprintf(`{"a": "%s", "b": "x&y"}`, text)
	}
	return `"` + text + `"`
}
