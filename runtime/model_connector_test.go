package runtime_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// chainStep is the distance between the ids of two chains' records.
const chainStep = 1000

// model is a random API and the connector that matches it.
type model struct {
	seed      uint64
	rnd       *rand.Rand
	pattern   string // none offset page cursor link body link header search_after timestamp hook pit
	sizes     []int  // records of each chain; several: a partition
	size      int    // records a page that the server gives at most
	limit     int    // records a page that are asked for, 0 when it is not said
	base      int    // first offset or page number
	ties      int    // records that share a timestamp
	inclusive bool   // timestamps are inclusive
	shape     string // of tokens
	salted    bool   // every token is a new text
	end       string // what stands in place of a token at the end
	empties   bool   // empty pages in the middle, as some APIs send them
	bare      bool   // answers to fallback requests carry no token
	renews    bool   // refusals may carry a fresh token
	ttl       time.Duration
	oneUse    bool
	slow      int // seconds that an answer takes at most

	witnesses []string
	totalKind string
	key       bool
	details   int // ids in a batch, 0 without details
	ladder    []string
	probe     bool
	parallel  int
	hook      string

	faults []string
	odds   int // a fault at every so many pages
	cuts   bool

	healed bool
	tries  int
	story  []string
}

func newModel(seed uint64) *model {
	rnd := rand.New(rand.NewPCG(seed, 4))
	one := func(n int) bool { return rnd.IntN(n) == 0 }
	patterns := []string{"none", "offset", "page", "cursor", "cursor", "link body", "link header", "search_after", "timestamp", "hook", "pit"}
	m := &model{seed: seed, rnd: rnd, pattern: patterns[rnd.IntN(len(patterns))], size: 1 + rnd.IntN(8), ties: 1, shape: "string", key: true}
	for range 1 + rnd.IntN(1+2*rnd.IntN(2)) {
		m.sizes = append(m.sizes, rnd.IntN(45))
	}
	m.limit = m.size
	switch {
	case one(6):
		m.limit = m.size + 1 + rnd.IntN(5) // the server gives fewer
	case one(4) && m.pattern != "offset" && m.pattern != "page":
		m.limit = 0
	}
	switch m.pattern {
	case "page":
		m.base, m.limit = rnd.IntN(2), m.size
	case "timestamp":
		if m.inclusive = one(2); m.inclusive {
			m.ties = 1 + rnd.IntN(2)
			m.size = max(m.size, 2*m.ties+1)
			m.limit = m.size
		}
	case "cursor":
		m.shape = []string{"string", "string", "number", "array", "object"}[rnd.IntN(5)]
	}
	m.end = []string{"absent", "null", "empty"}[rnd.IntN(3)]
	m.bare, m.renews, m.salted = one(2), one(2), one(4)
	m.bare = m.bare && m.pattern != "hook" // it says end where there is no token
	m.empties = one(4) && m.tokens()
	m.pickWitnesses(one)
	if m.tokens() {
		if one(5) {
			m.ttl, m.slow = 100*time.Second, 20
		}
		m.oneUse = one(6)
	}
	if one(6) && !slices.Contains([]string{"timestamp", "search_after", "pit"}, m.pattern) {
		m.details = 2 + rnd.IntN(5)
	}
	m.pickFaults(one)
	m.pickLadder(one)
	m.probe = one(4) && m.pattern != "none" && (m.key || m.details > 0) // without keys a page that comes back shorter is another page
	if (m.pattern == "offset" || m.pattern == "page") && one(3) {
		m.parallel = 2 + rnd.IntN(4)
	}
	m.cuts = one(2)
	if m.pattern == "hook" {
		m.hook = modelHook
	}
	return m
}

const modelHook = `function next(page) {
  const token = page.body.next
  return token ? {token} : {end: "no token"}
}
`

// tokens reports whether the API gives out tokens.
func (m *model) tokens() bool {
	return slices.Contains([]string{"cursor", "link body", "link header", "hook"}, m.pattern)
}

func (m *model) offers(w string) bool { return slices.Contains(m.witnesses, w) }

func (m *model) pickWitnesses(one func(int) bool) {
	m.totalKind = "exact"
	for _, w := range []string{"total", "remaining", "total_pages", "more", "done"} {
		odds := map[string]int{"total": 1, "remaining": 5, "total_pages": 6, "more": 3, "done": 6}[w]
		if !one(odds) || w == "total_pages" && (m.pattern != "page") || w == "done" && m.offers("more") ||
			m.pattern == "pit" && w != "total" || m.pattern == "none" && w != "total" {
			continue
		}
		m.witnesses = append(m.witnesses, w)
	}
}

// pickFaults chooses what may go wrong. What loses records without a trace is only let in where an exact
// total tells.
func (m *model) pickFaults(one func(int) bool) {
	m.odds = 2 + m.rnd.IntN(10)
	m.faults = []string{"throttled", "500", "html", "cut", "reset"}
	if m.pattern != "timestamp" || !m.inclusive { // a short page of one time is the end
		m.faults = append(m.faults, "short")
	}
	if one(5) { // honest, apart from the network
		if one(2) {
			m.witnesses = slices.DeleteFunc(m.witnesses, func(w string) bool { return w == "total" })
		} else {
			m.totalKind = []string{"exact", "at_least", "estimate"}[m.rnd.IntN(3)]
		}
		m.key = !one(3) || m.pattern == "timestamp" || m.details > 0
		return
	}
	m.faults = append(m.faults, "lost", "cycle self", "cycle back", "same", "empty", "expired", "session lost", "flag", "no total", "total high", "total low")
	m.faults = slices.DeleteFunc(m.faults, func(f string) bool { return one(3) })
	if slices.Contains(m.faults, "total low") { // beside it nothing tells what is lost
		m.faults = slices.DeleteFunc(m.faults, func(f string) bool {
			return slices.Contains([]string{"lost", "cycle back", "same", "empty", "flag", "expired"}, f)
		})
	}
}

func (m *model) pickLadder(one func(int) bool) {
	if m.pattern == "none" || !m.key || one(3) {
		return
	}
	kinds := []string{"{type: restart}"}
	switch m.pattern {
	case "cursor", "link body", "link header", "hook":
		kinds = append(kinds, "{type: offset, send: query.fo}", "{token: body.fresh}")
		if m.details == 0 {
			kinds = append(kinds, "{type: search_after, next: last.id, send: query.fa}", "{type: timestamp, next: last.at, send: query.ft}")
		}
	case "search_after":
		kinds = append(kinds, "{type: search_after, next: last.id, send: query.fa}")
	case "timestamp":
		kinds = append(kinds, "{type: search_after, next: last.id, send: query.fa}", "{type: timestamp, next: last.at, send: query.ft}")
	}
	for range 1 + m.rnd.IntN(3) {
		k := kinds[m.rnd.IntN(len(kinds))]
		if !slices.Contains(m.ladder, k) && !(strings.Contains(k, "fresh") && strings.HasPrefix(m.pattern, "link")) {
			m.ladder = append(m.ladder, k)
		}
	}
	if i := slices.Index(m.ladder, "{type: restart}"); i >= 0 {
		m.ladder = append(slices.Delete(m.ladder, i, i+1), "{type: restart}")
	}
}

// connector writes the YAML below `http`.
func (m *model) connector() string {
	var pg []string
	add := func(format string, args ...any) { pg = append(pg, fmt.Sprintf(format, args...)) }
	typ, path, query, post := m.pattern, "/list", "", ""
	switch m.pattern {
	case "none":
	case "offset", "page":
		add("send: query.%s", m.pattern)
		if m.base != map[string]int{"offset": 0, "page": 1}[m.pattern] {
			add("start: %d", m.base)
		}
	case "cursor":
		add("next: body.next")
		if m.shape == "object" {
			add("send: query.*")
		} else {
			add("send: query.tok")
		}
	case "link body":
		typ = "link"
		add("next: body.next")
	case "link header":
		typ = "link"
	case "search_after":
		add("next: last.id, send: query.after")
	case "timestamp":
		add("next: last.at, send: query.since")
	case "hook":
		add("send: query.tok")
	case "pit":
		typ, post = "search_after", `, method: POST, body: {pit: {id: "${session.id}"}}`
		add("next: body.sort, send: body.after")
	}
	pg = append([]string{"type: " + typ}, pg...)
	if m.limit > 0 && m.pattern != "none" {
		add("limit: {send: query.limit, value: %d}", m.limit)
	}
	for _, w := range m.witnesses {
		ref := map[string]string{"total": "body.total", "remaining": "body.left", "total_pages": "body.pages", "more": "body.more", "done": "body.done"}[w]
		if w == "total" && m.totalKind != "exact" {
			ref = "{from: body.total, kind: " + m.totalKind + "}"
		}
		add("%s: %s", w, ref)
	}
	var token []string
	if m.ttl > 0 {
		token = append(token, "ttl: 95s")
	}
	if m.oneUse {
		token = append(token, "one_use: true")
	}
	if len(token) > 0 {
		add("token: {%s}", strings.Join(token, ", "))
	}
	if len(m.ladder) > 0 {
		add("fallback: [%s]", strings.Join(m.ladder, ", "))
	}
	if m.probe {
		add("on_end: {unconfirmed: probe}")
	}
	if m.parallel > 0 {
		add("parallel: %d", m.parallel)
	}
	var b strings.Builder
	parts := ""
	if len(m.sizes) > 1 {
		query = `, query: {p: "${partition.p}"}`
		list := make([]string, len(m.sizes))
		for i := range list {
			list[i] = strconv.Itoa(i)
		}
		parts = "    partitions: [{values: {p: [" + strings.Join(list, ", ") + "]}}]\n"
		if m.seed%3 != 0 {
			parts += "    chains: {concurrency: 1}\n"
		}
	}
	records := "path: items"
	if m.key && m.details == 0 {
		records += ", key: id"
	}
	fmt.Fprintf(&b, "streams:\n  s:\n    request: {path: %s%s%s}\n    records: {%s}\n", path, query, post, records)
	if m.details > 0 {
		fmt.Fprintf(&b, "    details: {request: {method: POST, path: /things, body: {ids: \"${ids}\"}}, batch: %d, records: {path: items, key: id}}\n", m.details)
	}
	fmt.Fprintf(&b, "    pagination: {%s}\n%s", strings.Join(pg, ", "), parts)
	rules := `{status: 410, is: token_expired}, {status: 200, when: "${body.errors?.length > 0}", is: token_expired}`
	if m.pattern == "pit" {
		rules = "{status: 404, is: session_expired}"
		refresh := ""
		if m.seed%2 == 0 {
			refresh = ", refresh: body.pit"
		}
		fmt.Fprintf(&b, "    session: {open: {method: POST, path: /open}, id: body.id, close: {method: POST, path: /close}%s}\n", refresh)
	}
	fmt.Fprintf(&b, "    http: {responses: [%s], retry: {attempts: 12, initial: 1s, max: 5s}}\n", rules)
	return b.String()
}

// faultAt is what goes wrong with an answer, "" for nothing: the same place is spared from the fifth
// visit on, so that a client that goes on gets through.
func (m *model) faultAt(roll uint64, visit int) string {
	if len(m.faults) == 0 || visit > 4 || roll%uint64(m.odds) != 0 {
		return ""
	}
	return m.faults[roll>>20%uint64(len(m.faults))]
}

// emptiesAt is how many empty pages come before the record at an index.
func (m *model) emptiesAt(at int) int {
	if !m.empties {
		return 0
	}
	return (at*5 + int(m.seed)) % 3
}

// cut says how the next run is cut short.
func (m *model) cut() modelRun {
	if !m.cuts {
		return modelRun{}
	}
	switch m.rnd.IntN(6) {
	case 0, 1:
		return modelRun{pages: 1 + m.rnd.Int64N(4)}
	case 2:
		return modelRun{records: 1 + m.rnd.Int64N(20)}
	case 3:
		return modelRun{stopAt: 1 + m.rnd.IntN(8)}
	case 4:
		return modelRun{killAt: 1 + m.rnd.IntN(8)}
	}
	return modelRun{}
}

// mayStay reports whether a walk may be unable to end although the API is well: its token is dead or
// leads to the wrong place, records lie behind it that a fault has passed over, or a total has lied; and
// nothing that was declared leads back. Where nothing was passed over the runs say that they get no
// further.
func (m *model) mayStay(rep *runtime.Report, got map[int][]int) bool {
	if slices.Contains(m.ladder, "{type: restart}") {
		return false
	}
	for c, ids := range got {
		if sorted := slices.Sorted(slices.Values(ids)); len(ids) > 0 && sorted[len(ids)-1] != c*chainStep+len(ids) {
			return true // a hole
		}
	}
	return rep.Streams[0].Events[runtime.NoticePoisoned] > 0
}

func (m *model) has(id int) bool {
	c := id / chainStep
	return id > 0 && c < len(m.sizes) && id%chainStep >= 1 && id%chainStep <= m.sizes[c]
}

// record is a record as the API writes it.
func (m *model) record(id int) string {
	return fmt.Sprintf(`{"id":%d,"at":%q,"n":%d.50}`, id, m.time(id%chainStep-1), id)
}

func (m *model) render(ids []int) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = m.record(id)
	}
	return strings.Join(parts, ",")
}

func (m *model) time(i int) string {
	return time.Date(2026, 1, 1, 0, 0, i/m.ties, 0, time.UTC).Format(time.RFC3339)
}

// since is the index of the first record behind a time, or at it.
func (m *model) since(chain int, at string) int {
	i := 0
	for i < m.sizes[chain] && (m.time(i) < at || !m.inclusive && m.time(i) == at) {
		i++
	}
	return i
}

func (m *model) describe() string {
	return fmt.Sprintf("pattern %s, chains %v, pages of %d, shape %s, salted %v, end %s, empties %v, bare %v, renews %v, slow %d, faults %v at 1 of %d, cuts %v\n%s\n%s",
		m.pattern, m.sizes, m.size, m.shape, m.salted, m.end, m.empties, m.bare, m.renews, m.slow, m.faults, m.odds, m.cuts, m.connector(), strings.Join(m.story, "\n"))
}
