package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// entriesAPI lists entries by a cursor, four a page, and gives the things that they are of by a batch of
// ids. Every answer writes a thing with other bytes.
type entriesAPI struct {
	version []int        // by id, from 1; 0: there is none
	list    string       // an entry: id, version
	thing   string       // a thing: id, version, number of the answer
	gone    map[int]bool // listed, and not returned
	before  func(asked int)

	mu      sync.Mutex
	asked   int
	ids     []int // that were asked for
	expired bool  // the cursor 8 was refused
	refuse  bool  // and is to be
}

func (a *entriesAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	a.asked++
	n, before := a.asked, a.before
	a.mu.Unlock()
	if before != nil {
		before(n)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	if q.URL.Path == "/things" {
		var body struct{ IDs []int }
		decode(q, &body)
		a.ids = append(a.ids, body.IDs...)
		for _, id := range body.IDs {
			if !a.gone[id] {
				out = append(out, fmt.Sprintf(a.thing, id, a.version[id], n))
			}
		}
		answer(w, `{"things":[%s]}`, strings.Join(out, ","))
		return
	}
	since, _ := strconv.Atoi(q.URL.Query().Get("since"))
	at, _ := strconv.Atoi(q.URL.Query().Get("c"))
	if at == 8 && a.refuse && !a.expired {
		a.expired = true
		w.WriteHeader(http.StatusGone)
		return
	}
	var ids []int
	for id, v := range a.version {
		if v > 0 && v >= since {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(i, j int) int { return a.version[i] - a.version[j] })
	page := ids[min(at, len(ids)):min(at+4, len(ids))]
	for _, id := range page {
		out = append(out, fmt.Sprintf(a.list, id, a.version[id]))
	}
	next := ""
	if at+4 < len(ids) {
		next = strconv.Itoa(at + 4)
	}
	answer(w, `{"next":%q,"total":%d,"items":[%s]}`, next, len(ids), strings.Join(out, ","))
}

const entriesStream = `
streams:
  s:
    request: {path: /entries%s}
    records: {path: items%s}
    details: {request: {method: POST, path: /things, body: {ids: "${ids}"}}, batch: %d, id: %s, records: {path: things%s}}
    pagination: {type: cursor, next: body.next, send: query.c, total: body.total%s}
    http: {responses: [{status: 410, is: token_expired}]}
%s`

const since, overlapping = `, query: {since: "${watermark}"}`, "    incremental: {watermark: max.v, type: number, order: asc, overlap: 3}\n"

// versions are the delivered things as id@version, sorted.
func (r *rig) versions() string {
	ids, vs := r.ids("s", "id"), r.ids("s", "v")
	for i := range ids {
		ids[i] += "@" + vs[i]
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// TestKeyOfEntries delivers each version of each thing once over runs that overlap, wherever the key
// stands and whether or not the entries tell the version.
func TestKeyOfEntries(t *testing.T) {
	const bare, told, deep = `{"id":%[1]d}`, `{"id":%[1]d,"v":%[2]d}`, `{"id":%[1]d,"ref":{"n":%[1]d}}`
	const thing, still = `{"id":%[1]d,"v":%[2]d,"answer":%[3]d}`, `{"id":%[1]d,"v":%[2]d}`
	for _, c := range []struct{ name, list, id, thing, keys string }{
		{"bare", bare, "id", thing, "list details both"},
		{"told", told, "id", thing, "list details both"},
		{"deep", deep, "ref.n", thing, "details both"},
		{"nothing tells which thing is whose", deep, "ref.n", still, "list"},
	} {
		for _, where := range strings.Fields(c.keys) {
			for _, batch := range []int{1, 3, 100} {
				t.Run(fmt.Sprint(c.name, " ", where, " ", batch), func(t *testing.T) {
					inList, inDetails := ", key: id", ", key: id"
					switch where {
					case "list":
						inDetails = ""
					case "details":
						inList = ""
					}
					a := &entriesAPI{version: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, list: c.list, thing: c.thing}
					r := newRig(t, a.ServeHTTP, fmt.Sprintf(entriesStream, since, inList, batch, c.id, inDetails, "", overlapping))
					want(t, r.run(), "complete")
					a.version[9] = 12
					a.version = append(a.version, 13)
					rep := r.run()
					want(t, rep, "complete")
					if got := r.versions(); got != "10@10 11@13 1@1 2@2 3@3 4@4 5@5 6@6 7@7 8@8 9@12 9@9" {
						t.Errorf("delivered %s", got)
					}
					if s := rep.Streams[0]; s.Received != 5 || s.Duplicates != 3 || s.Records != 2 || s.Total == nil || *s.Total != 5 {
						t.Errorf("the second run: %+v", s)
					}
					if c.name == "told" && where != "details" && len(a.ids) != 12 {
						t.Errorf("asked for %v: what is known is not fetched", a.ids)
					}
					want(t, r.run(), "complete")
					if got := len(r.ids("s", "id")); got != 12 {
						t.Errorf("a third run delivered %d more", got-12)
					}
				})
			}
		}
	}
}

// TestEntriesFromTheBeginning walks the list again after its token is refused, and is killed before each
// of its requests: each thing comes once, and a page's things together.
func TestEntriesFromTheBeginning(t *testing.T) {
	for kill := 0; ; kill++ {
		a := &entriesAPI{version: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, list: `{"id":%[1]d}`, thing: `{"id":%[1]d,"v":%[2]d,"answer":%[3]d}`, refuse: true}
		r := newRig(t, a.ServeHTTP, fmt.Sprintf(entriesStream, "", ", key: id", 3, "id", "", ", fallback: {type: restart}", ""))
		ctx, cancel := context.WithCancel(context.Background())
		a.before = func(asked int) {
			if asked == kill {
				cancel()
			}
		}
		rep := r.runIn(ctx)
		over := rep.Verdict == runtime.Complete
		if !over {
			want(t, rep, "interrupted interrupted")
			if n := len(r.ids("s", "id")); n%4 != 0 {
				t.Fatalf("killed at %d: %d things: a page is delivered whole", kill, n)
			}
			rep = r.run()
		}
		cancel()
		want(t, rep, "complete")
		r.count("s", "id", 14)
		if s := rep.Streams[0]; kill == 0 && (s.Received != 22 || s.Duplicates != 8 || s.Records != 14 || s.Attested != "proved" || len(a.ids) != 14) {
			t.Fatalf("%+v; asked for %v", s, a.ids)
		}
		if over && kill > 0 {
			return
		}
	}
}

// TestEntriesInParts delivers each thing once in runs that a limit ends inside pages and batches.
func TestEntriesInParts(t *testing.T) {
	for query, incremental := range map[string]string{"": "", since: overlapping} {
		for limit := int64(1); limit < 7; limit++ {
			a := &entriesAPI{version: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, list: `{"id":%[1]d}`, thing: `{"id":%[1]d,"v":%[2]d,"answer":%[3]d}`}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(entriesStream, query, ", key: id", 3, "id", "", "", incremental))
			for range 20 {
				rep := r.run(func(j *runtime.Job) { j.MaxRecords = limit })
				if rep.Verdict == runtime.Complete {
					break
				}
				want(t, rep, "truncated limit")
			}
			r.count("s", "id", 14)
		}
	}
}

// TestEntriesWithoutThings asks once in a walk for what is not returned, and again in the next.
func TestEntriesWithoutThings(t *testing.T) {
	a := &entriesAPI{version: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, list: `{"id":%[1]d,"v":%[2]d}`, thing: `{"id":%[1]d,"v":%[2]d}`, gone: map[int]bool{3: true, 9: true}, refuse: true}
	r := newRig(t, a.ServeHTTP, fmt.Sprintf(entriesStream, since, ", key: id", 3, "id", "", ", fallback: {type: restart}", overlapping))
	rep := r.run()
	want(t, rep, "complete")
	if s := rep.Streams[0]; s.Events[runtime.NoticeDetailsMissing] != 2 || s.Records != 8 || len(a.ids) != 10 {
		t.Errorf("%+v; asked for %v", s, a.ids)
	}
	a.gone, a.ids = nil, nil
	want(t, r.run(), "complete")
	if got := r.versions(); !strings.Contains(got, "9@9") || len(r.ids("s", "id")) != 9 || len(a.ids) != 1 {
		t.Errorf("delivered %s; asked for %v", got, a.ids)
	}
}

// TestKeyOfDetails drops what comes twice on a page, whichever batches it is in, and keeps its first place.
func TestKeyOfDetails(t *testing.T) {
	for _, batch := range []int{1, 2, 3, 100} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/things" {
				answer(w, `{"items":[1,2,1,3,2,4]}`)
				return
			}
			var body struct{ IDs []int }
			decode(q, &body)
			var out []string
			for _, id := range slices.Backward(body.IDs) {
				out = append(out, fmt.Sprintf(`{"id":%d}`, id))
			}
			answer(w, `[%s]`, strings.Join(out, ","))
		}, fmt.Sprintf(`
streams:
  s:
    request: {path: /ids}
    records: {path: items}
    details: {request: {method: POST, path: /things, body: {ids: "${ids}"}}, batch: %d, records: {path: $, key: id}}
`, batch))
		rep := r.run()
		want(t, rep, "complete")
		if got := strings.Join(r.ids("s", "id"), ""); got != "1234" || rep.Streams[0].Received != 6 || rep.Streams[0].Duplicates != 2 {
			t.Errorf("batch %d: delivered %s, %+v", batch, got, rep.Streams[0])
		}
	}
}
