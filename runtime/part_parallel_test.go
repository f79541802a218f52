package runtime_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// demoRig is a rig whose API is the demo.
func demoRig(t *testing.T, streams string) (*rig, *demo.World) {
	t.Helper()
	api := demo.New(demo.Options{})
	r := newRig(t, api.ServeHTTP, streams)
	return r, api.World("")
}

// lines are the stream's records as delivered, in order.
func (r *rig) lines(stream string) []string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, stream+".jsonl"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(b)))
}

// everyone fails unless the stream's file holds each record of the world once.
func (r *rig) everyone(stream string, w *demo.World) {
	r.t.Helper()
	var wanted []string
	for _, rec := range w.Records() {
		wanted = append(wanted, string(rec)+"\n")
	}
	got := r.lines(stream)
	slices.Sort(wanted)
	slices.Sort(got)
	if !slices.Equal(got, wanted) {
		r.t.Fatalf("%s: %d lines, %d distinct; want %d", stream, len(got), len(slices.Compact(got)), len(wanted))
	}
}

const parallelStream = `
streams:
  s:
    request: {path: /%s, query: {fault: %q}}
    records: {path: items%s}
    pagination: {type: %s, send: query.%s, limit: {send: query.%s, value: 10}%s, parallel: %d}
    http: {retry: {attempts: 2, initial: 1ms, max: 2ms, jitter: none}, timeout: 2s}
`

// TestParallelIsTheSame drains the same list with every fault in the middle of a batch of pages in
// flight: the records, the verdict and the reason are those of one page at a time. An answer that fails
// is asked for once more, alone: so what fails for good is marked with a star.
func TestParallelIsTheSame(t *testing.T) {
	faults := []string{
		"", "500@7", "500@7*", "429:none@7", "403@7*", "404@7*", "reset@7*", "reset:mid@7", "cut@7", "cut:chunked@7", "cut@7*", "garbage@7", "html@7", "html@7*", "blank@7", "utf8@7", "bom@7",
		"hidden:429@7", "okfalse:ratelimited@7", "multi:429@7", "redirect:307@7", "same@7", "same@7*", "clamp", "empty@7", "empty@7*", "short@7", "short@7*", "max:5", "cap:70",
		"total:high", "total:low", "total:shrinking", "total:changing", "total:estimate", "total:null", "total:absent", "total:string", "total:zero", "total:low@7", "total:high@7",
		"more:lie@7", "more:true", "more:false@7", "more:text", "more:yes@7", "more:absent", "insert:3@7", "update:5@7", "slow:1ms@7", "latency:20ms@7",
	}
	type shape struct{ name, path, typ, at, size, witness, key string }
	shapes := []shape{
		{"offset, total", "offset", "offset", "offset", "limit", ", total: body.total", ", key: id"},
		{"offset, empty page", "offset", "offset", "offset", "limit", "", ""},
		{"offset, more", "offset", "offset", "offset", "limit", ", more: body.has_more, decides: more", ", key: id"},
		{"page, total", "page", "page", "page", "per_page", ", total: body.total", ", key: id"},
		{"page, total_pages", "page", "page", "page", "per_page", ", total_pages: body.total_pages", ""},
	}
	if testing.Short() {
		shapes = shapes[:1]
	}
	for i, sh := range shapes {
		t.Run(sh.name, func(t *testing.T) {
			t.Parallel()
			for j, fault := range faults {
				if i > 0 && (i+j)%4 != 0 {
					continue // the first shape meets every fault, the others a quarter each
				}
				alone := ""
				for _, n := range []int{1, 4, 8, 32} {
					if i > 0 && n == 8 {
						continue
					}
					api := demo.New(demo.Options{Records: 143})
					r := newRig(t, api.ServeHTTP, fmt.Sprintf(parallelStream, sh.path, fault, sh.key, sh.typ, sh.at, sh.size, sh.witness, n))
					rep := r.run()
					got := fmt.Sprintf("%s %s: %s\n%s", rep.Verdict, rep.Reason, rep.Attested, strings.Join(r.lines("s"), ""))
					r.server.Close()
					if n == 1 {
						alone = got
						continue
					}
					if got != alone {
						t.Errorf("%s with %d in flight:\n%.60s, %d lines\nalone:\n%.60s, %d lines\n%s", fault, n, got, strings.Count(got, "\n"), alone, strings.Count(alone, "\n"), rep.Message)
					}
				}
			}
		})
	}
}

// TestParallelAsksAhead sees the pages in flight, and none past a total that is known.
func TestParallelAsksAhead(t *testing.T) {
	for _, n := range []int{1, 4, 8} {
		api := demo.New(demo.Options{Records: 1000})
		r := newRig(t, api.ServeHTTP, fmt.Sprintf(parallelStream, "offset", "latency:10ms", ", key: id", "offset", "offset", "limit", ", total: body.total", n))
		want(t, r.run(), "complete")
		r.everyone("s", api.World(""))
		st := api.World("").Stats()
		if st.MaxConcurrent > n {
			t.Errorf("%d requests at a time, parallel is %d", st.MaxConcurrent, n)
		}
		if n > 1 && st.MaxConcurrent < 2 {
			t.Errorf("parallel %d, and never two requests at a time", n)
		}
		if got := r.requests(); got != 100 {
			t.Errorf("parallel %d: %d requests for 100 pages", n, got)
		}
	}
}

// TestParallelWithLimits ends exactly where one page at a time would, and goes on there.
func TestParallelWithLimits(t *testing.T) {
	for _, set := range []func(*runtime.Job){
		func(j *runtime.Job) { j.MaxPages = 3 },
		func(j *runtime.Job) { j.MaxRecords = 34 },
	} {
		api := demo.New(demo.Options{Records: 143})
		r := newRig(t, api.ServeHTTP, fmt.Sprintf(parallelStream, "offset", "", ", key: id", "offset", "offset", "limit", ", total: body.total", 8))
		rep := r.run(set)
		want(t, rep, "truncated limit")
		if n := len(r.lines("s")); n != 30 && n != 34 {
			t.Errorf("%d records", n)
		}
		if st := api.World("").Stats(); st.MaxConcurrent > 1 {
			t.Error("a limit is exact one page at a time")
		}
		want(t, r.run(), "complete")
		r.everyone("s", api.World(""))
	}
}

// TestParallelWithAHook reads the same list one page at a time and with pages in flight, where what a page
// leaves behind it changes the next one's request, class, records or position.
func TestParallelWithAHook(t *testing.T) {
	const list = "streams:\n  s:\n    request: {path: /l, query: {o: \"${page.offset}\"}}\n    records: {path: items}\n    pagination: {type: %s, send: query.at, limit: {value: 3}, total: body.total, parallel: %d}\n"
	for _, c := range []struct {
		name, typ, hook string
		short           int // that page brings less than asked
	}{
		{"a memo that grows", "offset", "function next(page) { return {memo: (page.memo || 0) + page.records.count} }\n" +
			"function record(rec, ctx) { return {id: rec.id, before: ctx.memo, sent: rec.m} }\nfunction request(req, ctx) { req.query.m = String(ctx.memo); return req }", 0},
		{"a memo that stays", "offset", "function next(page) { return {memo: 'x'} }\nfunction request(req, ctx) { req.query.m = ctx.memo; return req }", 0},
		{"a memo that changes late", "page", "function next(page) { return {memo: page.index > 5 ? 'late' : 'early'} }\nfunction record(rec, ctx) { return {id: rec.id, before: ctx.memo} }", 0},
		{"a token that jumps", "offset", "function next(page) { if (page.index === 4) return {token: 21} }", 0},
		{"a wait", "offset", "function next(page) { if (page.index === 4) return {wait: '1ms'} }", 0},
		{"the count in next()", "page", "function next(page) { return {memo: page.received > 9} }\nfunction record(rec, ctx) { return {id: rec.id, before: ctx.memo} }", 0},
		{"the count in classify()", "page", "function classify(resp) { if (resp.received === 14) return 'end' }", 3},
		{"the count in a request", "page", "", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			alone := ""
			for _, n := range []int{1, 4} {
				api := func(w http.ResponseWriter, q *http.Request) {
					at, _ := strconv.Atoi(q.URL.Query().Get("at"))
					k, size := at/3+1, 3
					if c.typ == "page" {
						k, at = at, 3*(at-1)
					}
					if k == c.short {
						size = 2
					}
					var recs []string
					for i := at; i < min(at+size, 30); i++ {
						recs = append(recs, fmt.Sprintf(`{"id":%d,"m":%q,"o":%q}`, i, q.URL.Query().Get("m"), q.URL.Query().Get("o")))
					}
					answer(w, `{"items":[%s],"total":30}`, strings.Join(recs, ","))
				}
				r := newRig(t, api, fmt.Sprintf(list, c.typ, n))
				r.hook(c.hook)
				rep := r.run()
				got := rep.Verdict + " " + rep.Reason + " " + string(rep.Attested) + "\n" + strings.Join(r.lines("s"), "")
				r.server.Close()
				switch {
				case n == 1:
					alone = got
				case got != alone:
					t.Errorf("%d in flight:\n%s\nalone:\n%s", n, got, alone)
				}
			}
		})
	}
}

// TestParallelBesideASlowPage holds one page back: those behind it go on, as many again as may be in
// flight, but no further than a page that may be the last.
func TestParallelBesideASlowPage(t *testing.T) {
	for _, c := range []struct{ total, reach int }{{200, 1 + 2*3 - 1}, {30, 3}} {
		var mu sync.Mutex
		now, most, farthest := 0, 0, 0
		reached := make(chan struct{})
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
			mu.Lock()
			if now++; now > most {
				most = now
			}
			if farthest = max(farthest, at/10); farthest == c.reach && at/10 == c.reach {
				close(reached)
			}
			mu.Unlock()
			defer func() { mu.Lock(); now--; mu.Unlock() }()
			switch {
			case at == 20 && c.total == 30:
				time.Sleep(100 * time.Millisecond) // the page behind the end comes first
			case at > 10:
				time.Sleep(30 * time.Millisecond) // the pages before are written
			}
			if at == 10 { // the second page
				select {
				case <-reached:
					time.Sleep(150 * time.Millisecond) // for requests that should not come
				case <-time.After(10 * time.Second):
					t.Errorf("beside a slow page no page beyond %d was asked for, want %d", farthest, c.reach)
				}
				mu.Lock()
				if farthest > c.reach {
					t.Errorf("of %d records page %d was asked for beside page 1, want %d at most", c.total, farthest, c.reach)
				}
				mu.Unlock()
			}
			var items []string
			for k := at; k < min(at+10, c.total); k++ {
				items = append(items, fmt.Sprintf(`{"id":%d}`, k))
			}
			fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
		}, "streams:\n  s:\n    request: {path: /l}\n    records: {path: items, key: id}\n    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, parallel: 3}\n")
		want(t, r.run(), "complete")
		if got := len(r.lines("s")); got != c.total {
			t.Errorf("%d records of %d", got, c.total)
		}
		if most > 3 {
			t.Errorf("%d requests at a time, parallel is 3", most)
		}
	}
}
