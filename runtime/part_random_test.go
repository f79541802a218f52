package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

// forest is a random tree of streams: each has chains by values, by a parent's records, by windows, or
// by several of these, and a way of paging. Every record's id says where it belongs.
type forest struct{ streams []*grown }

// grown is one stream of a forest.
type grown struct {
	name     string
	parent   *grown
	values   int // partition values, 0 without
	windows  int // hours of windows, 0 without
	limit    int // page size
	most     int // cap, 0 without
	paging   string
	parallel int
	counts   func(chain string) int // records of a chain; with windows of an hour
}

func grow(rnd *rand.Rand) *forest {
	f := &forest{}
	seed := rnd.Uint64()
	for i := range 2 + rnd.IntN(4) {
		g := &grown{name: "s" + strconv.Itoa(i), limit: 1 + rnd.IntN(5), paging: []string{"offset", "page", "cursor"}[rnd.IntN(3)], parallel: 1 + rnd.IntN(2)*3}
		if i > 0 && rnd.IntN(3) > 0 {
			g.parent = f.streams[rnd.IntN(i)]
		}
		if rnd.IntN(2) == 0 {
			g.values = 1 + rnd.IntN(4)
		}
		if rnd.IntN(3) == 0 {
			g.windows, g.paging = 1+rnd.IntN(5), "offset"
			if rnd.IntN(2) == 0 {
				g.most = g.limit * (9/g.limit + 1 + rnd.IntN(2)) // an hour fits
			}
		}
		top := 9
		for p := g.parent; p != nil; p = p.parent {
			top = 2 // generations multiply
		}
		g.counts = func(chain string) int {
			h := seed
			for _, b := range []byte(g.name + chain) {
				h = (h ^ uint64(b)) * 1099511628211
			}
			return int(h>>33) % (top + 1)
		}
		f.streams = append(f.streams, g)
	}
	return f
}

var forestDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// chains are the values under which the stream's records are listed; windows are not among them.
func (g *grown) chains() []string {
	list := []string{""}
	if g.parent != nil {
		list = g.parent.ids()
	}
	if g.values == 0 {
		return list
	}
	var out []string
	for _, c := range list {
		for v := range g.values {
			out = append(out, c+"/"+strconv.Itoa(v))
		}
	}
	return out
}

// ids are all records of the stream.
func (g *grown) ids() []string {
	var out []string
	for _, c := range g.chains() {
		for h := range max(1, g.windows) {
			out = append(out, g.list(c, h, h+1)...)
		}
	}
	return out
}

// list is the records of a chain between two hours.
func (g *grown) list(chain string, from, to int) []string {
	var out []string
	for h := from; h < to; h++ {
		key := chain
		if g.windows > 0 {
			key += "@" + strconv.Itoa(h)
		}
		for i := range g.counts(key) {
			out = append(out, fmt.Sprintf("%s%s.%d", g.name, key, i))
		}
	}
	return out
}

func (g *grown) yaml() string {
	var b strings.Builder
	path := "/" + g.name
	query := ""
	fmt.Fprintf(&b, "  %s:\n", g.name)
	var parts []string
	if g.windows > 0 {
		parts = append(parts, fmt.Sprintf(`{window: {from: 2026-01-01, to: "%s", every: %dh, min: 1h}}`, forestDay.Add(time.Duration(g.windows)*time.Hour).Format(time.RFC3339), 1<<(g.windows/2)))
		query = `, from: "${window.from}", to: "${window.to}"`
	}
	chain := ""
	if g.parent != nil {
		parts = append(parts, fmt.Sprintf(`{stream: %s, take: {p_%s: id}}`, g.parent.name, g.name))
		chain = "${partition.p_" + g.name + "}"
	}
	if g.values > 0 {
		var list []string
		for v := range g.values {
			list = append(list, strconv.Itoa(v))
		}
		parts = append(parts, fmt.Sprintf(`{values: {v_%s: [%s]}}`, g.name, strings.Join(list, ", ")))
		chain += "/${partition.v_" + g.name + "}"
	}
	if len(parts) > 0 {
		fmt.Fprintf(&b, "    partitions: [%s]\n", strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "    request: {path: %s, query: {chain: %q%s}}\n    records: {path: items, key: id}\n", path, chain, query)
	fmt.Fprintf(&b, "    chains: {concurrency: %d}\n", 1+g.limit%3)
	parallel := ""
	if g.parallel > 1 && g.paging != "cursor" {
		parallel = fmt.Sprintf(", parallel: %d", g.parallel)
	}
	most := ""
	if g.most > 0 {
		most = fmt.Sprintf(", cap: %d", g.most)
	}
	switch g.paging {
	case "offset":
		fmt.Fprintf(&b, "    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: %d}, total: body.total%s%s}\n", g.limit, parallel, most)
	case "page":
		fmt.Fprintf(&b, "    pagination: {type: page, send: query.page, limit: {send: query.limit, value: %d}, total: body.total%s}\n", g.limit, parallel)
	default:
		fmt.Fprintf(&b, "    pagination: {type: cursor, next: body.next, send: query.cursor, limit: {send: query.limit, value: %d}, total: body.total}\n", g.limit)
	}
	return b.String()
}

func (f *forest) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	i, _ := strconv.Atoi(strings.TrimPrefix(q.URL.Path, "/s"))
	g := f.streams[i]
	v := q.URL.Query()
	from, to := 0, 1
	if g.windows > 0 {
		a, _ := time.Parse(time.RFC3339, v.Get("from"))
		b, _ := time.Parse(time.RFC3339, v.Get("to"))
		from, to = int(a.Sub(forestDay).Hours()), int(b.Sub(forestDay).Hours())
	}
	list := g.list(v.Get("chain"), from, to)
	limit, _ := strconv.Atoi(v.Get("limit"))
	at, _ := strconv.Atoi(v.Get("offset"))
	if p, err := strconv.Atoi(v.Get("page")); err == nil {
		at = (p - 1) * limit
	}
	if c, err := strconv.Atoi(v.Get("cursor")); err == nil {
		at = c
	}
	if g.most > 0 && at+limit > g.most {
		w.WriteHeader(400)
		return
	}
	end := min(len(list), at+limit)
	next := "null"
	if end < len(list) {
		next = strconv.Quote(strconv.Itoa(end))
	}
	var b strings.Builder
	for i := min(at, end); i < end; i++ {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%q}`, list[i])
	}
	answer(w, `{"total":%d,"items":[%s],"next":%s}`, len(list), b.String(), next)
}

// TestRandomForests drains random trees of partitions, windows and parents, killed and stopped at random
// places and gone on with: every record of every stream is there once, proved.
func TestRandomForests(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		f := grow(rnd)
		var text strings.Builder
		text.WriteString("\nstreams:\n")
		for _, g := range f.streams {
			text.WriteString(g.yaml())
		}
		total := 0
		for _, g := range f.streams {
			total += len(g.ids())
		}
		if total > 4000 {
			continue
		}
		var asked, killAt, stopAt atomic.Int64
		var kill, stop func()
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			switch n := asked.Add(1); n {
			case killAt.Load():
				kill()
			case stopAt.Load():
				stop()
			}
			f.ServeHTTP(w, q)
		}, text.String())
		runs := rnd.IntN(5)
		var last *runtime.Report
		for i := range runs + 1 {
			ctx, cancel := context.WithCancel(context.Background())
			halt := make(chan struct{})
			kill, stop = cancel, func() { close(halt) }
			asked.Store(0)
			killAt.Store(0)
			stopAt.Store(0)
			if i < runs {
				at := int64(1 + rnd.IntN(1+total/2))
				if rnd.IntN(2) == 0 {
					killAt.Store(at)
				} else {
					stopAt.Store(at)
				}
			}
			last = r.runIn(ctx, func(j *runtime.Job) { j.Chains, j.Stop = rnd.IntN(4), halt })
			cancel()
			if last.Verdict != runtime.Interrupted {
				break
			}
		}
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("seed %d: %s\n%s", seed, fmt.Sprintf(format, args...), text.String())
		}
		if last.Verdict != runtime.Complete {
			fail("%s", last.Message)
		}
		if runs == 0 && total > 0 && last.Attested != engine.Proved {
			fail("attested %s: %s", last.Attested, last.Message)
		}
		for _, g := range f.streams {
			got, wanted := r.ids(g.name, "id"), g.ids()
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				fail("%s: %d records, want %d", g.name, len(got), len(wanted))
			}
		}
		r.server.Close()
	}
}
