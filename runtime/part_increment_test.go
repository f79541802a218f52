package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// logAPI lists entries in an order of the test's choice. A request gives the smallest stamp that it
// wants and the place to begin at; both are told by the test how to compare.
type logAPI struct {
	mu      sync.Mutex
	entries []entry
	size    int
	atLeast func(stamp, since string) bool
	fail    func(n int) int // status of the n-th request, 0: fine
	n       int
	sinces  []string // of first pages
}

type entry struct{ chain, id, stamp string } // stamp is JSON

func (a *logAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n++
	v := q.URL.Query()
	if a.fail != nil {
		if status := a.fail(a.n); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	at, _ := strconv.Atoi(v.Get("offset"))
	if at == 0 {
		a.sinces = append(a.sinces, v.Get("since"))
	}
	var list []entry
	for _, e := range a.entries {
		if (v.Get("chain") == "" || v.Get("chain") == e.chain) && (!v.Has("since") || a.atLeast(e.stamp, v.Get("since"))) {
			list = append(list, e)
		}
	}
	var b strings.Builder
	last := ""
	for i := at; i < min(len(list), at+a.size); i++ {
		if i > at {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%q,"s":%s}`, list[i].id, list[i].stamp)
		last = list[i].stamp
	}
	w.Header().Set("X-Last", strings.Trim(last, `"`))
	answer(w, `{"total":%d,"items":[%s]}`, len(list), b.String())
}

const logStream = `
streams:
  s:
    request: {path: /list, query: {since: "${watermark}"}}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}
    incremental: {%s}
`

func byText(stamp, since string) bool { return strings.Trim(stamp, `"`) >= since }

func byNumber(stamp, since string) bool {
	a, _ := strconv.ParseFloat(strings.Trim(stamp, `"`), 64)
	b, _ := strconv.ParseFloat(since, 64)
	return a >= b
}

func byTime(stamp, since string) bool {
	a, _ := time.Parse(time.RFC3339, strings.Trim(stamp, `"`))
	b, _ := time.Parse(time.RFC3339, since)
	return !a.Before(b)
}

// TestWatermarkKinds reads watermarks of every type and format, and writes them as the format says: what
// the second run asks for, and that nothing is missing or doubled at the boundary.
func TestWatermarkKinds(t *testing.T) {
	for _, c := range []struct {
		name, incremental string
		stamps            []string // in order; the last two runs get one more each
		compare           func(a, b string) bool
		first, second     string // what the requests of the first and second run filter by
	}{
		{"number", "watermark: max.s, type: number, order: asc", []string{"8", "9", "10", "999", "1000", "1000"}, byNumber, "", "1000"},
		{"number in a string", "watermark: max.s, type: number, start: 5", []string{`"8"`, `"9"`, `"10"`, `"999"`, `"1000"`}, byNumber, "5", "1000"},
		{"number, overlap", "watermark: max.s, type: number, order: asc, overlap: 100", []string{"900", "950", "999", "1000"}, byNumber, "", "900"},
		{"big number", "watermark: max.s, type: number", []string{"9007199254740992", "9007199254740993"}, byText, "", "9007199254740993"},
		{"string", "watermark: max.s, type: string", []string{`"a1"`, `"a1"`, `"a3"`, `"b"`}, byText, "", "b"},
		{"rfc3339 as received", "watermark: max.s, type: time, order: asc", []string{`"2026-01-01T00:00:00.000Z"`, `"2026-01-02T00:00:00.120Z"`}, byText, "", "2026-01-02T00:00:00.120Z"},
		{"offsets of zones", "watermark: max.s, type: time", []string{`"2026-01-01T02:00:00+03:00"`, `"2026-01-01T00:00:00+01:00"`, `"2026-01-01T01:30:00+02:00"`}, byTime, "", "2026-01-01T01:30:00+02:00"},
		{"overlap", "watermark: max.s, type: time, order: asc, overlap: 90m, start: 2025-12-31T22:00:00Z", []string{`"2026-01-01T00:00:00Z"`, `"2026-01-01T01:00:00Z"`, `"2026-01-01T02:00:00Z"`}, byText, "2025-12-31T22:00:00Z", "2026-01-01T00:30:00Z"},
		{"epoch", "watermark: max.s, type: time, format: epoch, start: 2026-01-01", []string{"1767225600", "1767225601"}, byNumber, "1767225600", "1767225601"},
		{"epoch of fractions", "watermark: max.s, type: time, format: epoch, order: asc", []string{"1767225600.25", "1767225601.5", "1767225601.75"}, byNumber, "", "1767225601"},
		{"epoch_ms", "watermark: max.s, type: time, format: epoch_ms, overlap: 1s", []string{"1767225600000", "1767225601500"}, byNumber, "", "1767225600500"},
		{"layout", "watermark: max.s, type: time, format: '2006-01-02 15:04:05', overlap: 1m", []string{`"2026-01-01 00:00:00"`, `"2026-01-01 00:05:00"`}, byText, "", "2026-01-01 00:04:00"},
		{"header", "watermark: header.X-Last, type: time, order: asc", []string{`"2026-01-01T00:00:00.000001Z"`, `"2026-01-01T00:00:00.000002Z"`, `"2026-01-01T00:00:00.000003Z"`, `"2026-01-01T00:00:00.000003Z"`}, byText, "", "2026-01-01T00:00:00.000003Z"},
		{"last record", "watermark: last.s, type: number, order: asc", []string{"1", "2", "3", "4", "5"}, byNumber, "", "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &logAPI{size: 3, atLeast: c.compare}
			for i, s := range c.stamps {
				a.entries = append(a.entries, entry{"", strconv.Itoa(i + 1), s})
			}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(logStream, c.incremental))
			want(t, r.run(), "complete")
			r.count("s", "id", len(c.stamps))
			if a.sinces[0] != c.first {
				t.Errorf("the first run asks from %q, want %q", a.sinces[0], c.first)
			}
			n := len(a.sinces)
			want(t, r.run(), "complete")
			if a.sinces[n] != c.second {
				t.Errorf("the second run asks from %q, want %q", a.sinces[n], c.second)
			}
			a.entries = append(a.entries, entry{"", strconv.Itoa(len(c.stamps) + 1), c.stamps[len(c.stamps)-1]}) // a tie with the last
			want(t, r.run(), "complete")
			want(t, r.run(), "complete")
			r.count("s", "id", len(c.stamps)+1)
		})
	}
}

// TestNextRun says where the run after one goes on, for each order and each way in which a run can end:
// what it asks for first, and that all records are there once in the end.
func TestNextRun(t *testing.T) {
	const n = 11 // entries 10, 20, … 110; pages of three
	for _, c := range []struct {
		order, how string
		since      string // of the next run's new walk, "on" when it goes on from its checkpoint
	}{
		{"asc", "complete", "110"}, {"asc", "failed", "on"}, {"asc", "limit", "on"}, {"asc", "stopped", "on"},
		{"desc", "complete", "110"}, {"desc", "failed", "on"}, {"desc", "limit", "on"}, {"desc", "stopped", "on"},
		{"none", "complete", "110"}, {"none", "failed", "on"}, {"none", "limit", "on"}, {"none", "stopped", "on"},
	} {
		t.Run(c.order+" "+c.how, func(t *testing.T) {
			a := &logAPI{size: 3, atLeast: byNumber}
			for i := range n {
				a.entries = append(a.entries, entry{"", strconv.Itoa(i + 1), strconv.Itoa(10 * (i + 1))})
			}
			if c.order == "desc" {
				slices.Reverse(a.entries)
			}
			if c.order == "none" {
				a.entries[2], a.entries[9] = a.entries[9], a.entries[2]
			}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(logStream, "watermark: max.s, type: number, order: "+c.order))
			stop := make(chan struct{})
			a.fail = func(n int) int {
				if n == 3 && c.how == "stopped" {
					close(stop)
				}
				if n == 3 && c.how == "failed" {
					return 403
				}
				return 0
			}
			wanted := map[string]string{"complete": "complete", "failed": "failed http_403", "limit": "truncated limit", "stopped": "interrupted interrupted"}[c.how]
			want(t, r.run(func(j *runtime.Job) {
				if c.how == "limit" {
					j.MaxRecords = 7
				}
				j.Stop = stop
			}), wanted)
			a.fail = nil
			walks := len(a.sinces)
			want(t, r.run(), "complete")
			switch {
			case c.since == "on" && len(a.sinces) != walks:
				t.Errorf("the walk begins anew, from %q", a.sinces[walks])
			case c.since != "on" && (len(a.sinces) == walks || a.sinces[walks] != c.since):
				t.Errorf("the next walk begins at %q, want %q", a.sinces[walks:], c.since)
			}
			r.count("s", "id", n)
			for i := n; i < n+4; i++ { // late and new ones
				e := entry{"", strconv.Itoa(i + 1), strconv.Itoa(110 + 10*(i-n))}
				if c.order == "desc" {
					a.entries = slices.Insert(a.entries, 0, e)
				} else {
					a.entries = append(a.entries, e)
				}
			}
			want(t, r.run(), "complete")
			r.count("s", "id", n+4)
		})
	}
}

// TestWatermarkPerChain moves each chain's own; a chain that fails for good does not hold up the others.
func TestWatermarkPerChain(t *testing.T) {
	a := &logAPI{size: 3, atLeast: byNumber}
	for _, chain := range []string{"a", "b", "c"} {
		for i := range 4 {
			a.entries = append(a.entries, entry{chain, chain + strconv.Itoa(i), strconv.Itoa(i + 1)})
		}
	}
	a.entries[11].stamp = "50"
	bad := true
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if bad && q.URL.Query().Get("chain") == "b" {
			w.WriteHeader(403)
			return
		}
		a.ServeHTTP(w, q)
	}, strings.Replace(fmt.Sprintf(logStream, "watermark: max.s, type: number, order: asc"), `query: {since`, `query: {chain: "${partition.chain}", since`, 1)+`
    partitions: [{values: {chain: [a, b, c]}}]
    chains: {concurrency: 1}
`)
	want(t, r.run(), "failed http_403")
	a.entries = append(a.entries, entry{"a", "a4", "5"}, entry{"c", "c4", "51"}, entry{"b", "b4", "5"})
	a.sinces = nil
	want(t, r.run(), "failed http_403")
	if strings.Join(a.sinces, " ") != "4 50" {
		t.Errorf("the second run asks from %q", a.sinces)
	}
	bad = false
	a.sinces = nil
	want(t, r.run(), "complete")
	if strings.Join(a.sinces, " ") != "5  51" {
		t.Errorf("the third run asks from %q", a.sinces)
	}
	got := r.ids("s", "id")
	if slices.Sort(got); len(got) != 15 || len(slices.Compact(got)) != 15 {
		t.Errorf("%d records %v, want 15", len(got), got)
	}
}

// TestOneTimeFillsAPage is said, with what to do, and nothing is delivered twice.
func TestOneTimeFillsAPage(t *testing.T) {
	a := &logAPI{size: 3, atLeast: byNumber}
	for i := range 8 {
		a.entries = append(a.entries, entry{"", strconv.Itoa(i + 1), strconv.Itoa(max(2, min(i, 3)))})
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { a.ServeHTTP(w, q) }, `
streams:
  s:
    request: {path: /list}
    records: {path: items, key: id}
    pagination: {type: timestamp, next: last.s, send: query.since, limit: {send: query.limit, value: 3}}
`)
	rep := r.run()
	want(t, rep, "incomplete timestamp_full")
	if !strings.Contains(rep.Message, "larger `limit`") {
		t.Errorf("no hint: %s", rep.Message)
	}
	if got := r.ids("s", "id"); len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("doubled: %v", got)
	}
}

// TestLateRecords come with an old time after the watermark has passed them: those within the overlap
// are found, a record that was updated comes again, one that was not does not.
func TestLateRecords(t *testing.T) {
	a := &logAPI{size: 3, atLeast: byNumber}
	for i := range 9 {
		a.entries = append(a.entries, entry{"", strconv.Itoa(i + 1), strconv.Itoa(10 * (i + 1))})
	}
	r := newRig(t, a.ServeHTTP, fmt.Sprintf(logStream, "watermark: max.s, type: number, order: asc, overlap: 25"))
	want(t, r.run(), "complete")
	a.entries = slices.Insert(a.entries, 7, entry{"", "late", "75"})
	a.entries = append(a.entries, entry{"", "10", "90"}, entry{"", "2", "95"})
	a.entries = slices.DeleteFunc(a.entries, func(e entry) bool { return e.id == "2" && e.stamp == "20" })
	want(t, r.run(), "complete")
	got := r.ids("s", "id")[9:]
	slices.Sort(got)
	if strings.Join(got, " ") != "10 2 late" {
		t.Errorf("the second run delivered %v", got)
	}
}
