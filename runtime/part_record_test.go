package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// keyed is a sink that remembers the records' keys.
type keyed struct {
	runtime.Sink
	keys []string
}

func (k *keyed) Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error {
	if keys != nil && len(keys) != len(records) {
		return fmt.Errorf("%d keys of %d records", len(keys), len(records))
	}
	k.keys = append(k.keys, keys...)
	return k.Sink.Write(ctx, stream, chain, records, keys)
}

// The hook's record() may give any number of records for one, with every key that may stand beside it,
// and a limit may cut a page between them: each is delivered once.
func TestARecordBecomesSeveralOrNone(t *testing.T) {
	hooks := []struct{ name, body string }{
		{"two of each", `return [rec, {id: rec.id + 100, at: rec.at}, {x: rec.id}]`},
		{"none", `return rec.id % 2 ? null : []`},
		{"the first is dropped", `return rec.id === 1 ? null : rec`},
		{"the odd are dropped, the even doubled", `return rec.id % 2 ? null : [rec, {id: rec.id + 100, at: rec.at}]`},
		{"all of the first", `return rec.id === 1 ? [1, 101, 2, 102, 3].map(id => ({id, at: 1})) : []`},
	}
	streams := []struct{ name, text string }{
		{"none", "records: {path: items}"},
		{"key", "records: {path: items, key: id}"},
		{"filter", "records: {path: items, key: id, filter: \"${record.id !== 2}\"}"},
		{"set", "records: {path: items, key: id, set: {x: 1}, drop: [y]}"},
		{"watermark", "records: {path: items, key: id}\n    incremental: {watermark: max.at, type: number, start: 0, order: asc}"},
		{"details", "records: {path: items}\n    details: {request: {path: /details, query: {ids: \"${ids}\"}}, batch: 2, id: id, records: {path: items, key: id}}"},
		{"restart", "records: {path: items, key: id}\n"},
	}
	api := func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/details" {
			var b []string
			for _, id := range q.URL.Query()["ids"] {
				b = append(b, fmt.Sprintf(`{"id":%s,"at":%[1]s}`, id))
			}
			slices.Reverse(b)
			answer(w, `{"items":[%s]}`, strings.Join(b, ","))
			return
		}
		if q.URL.Query().Get("p") == "2" {
			answer(w, `{"items":[{"id":3,"at":3},{"id":4,"at":4},{"id":5,"at":5}]}`)
			return
		}
		answer(w, `{"items":[{"id":1,"at":1},{"id":2,"at":2},{"id":3,"at":3}],"next":"2"}`)
	}
	for _, st := range streams {
		for _, hook := range hooks {
			t.Run(st.name+"/"+hook.name, func(t *testing.T) {
				pagination := "    pagination: {type: cursor, next: body.next, send: query.p}\n"
				if st.name == "restart" {
					pagination = "    pagination: {type: cursor, next: body.next, send: query.p, fallback: [{type: restart}]}\n"
				}
				lines := func(limit int64, keys bool) []string {
					r := newRig(t, api, "streams:\n  s:\n    request: {path: /list}\n    "+st.text+"\n"+pagination)
					if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte("function record(rec, ctx) { "+hook.body+" }\n"), 0o644); err != nil {
						t.Fatal(err)
					}
					k := &keyed{}
					for n := 0; ; n++ {
						rep := r.run(func(j *runtime.Job) {
							j.MaxRecords = limit
							if k.Sink = j.Sink; keys {
								j.Sink = k
							}
						})
						if rep.Verdict == runtime.Complete {
							break
						}
						want(t, rep, "truncated limit")
						if n > 40 {
							t.Fatal("the limited runs do not come to an end")
						}
					}
					b, err := os.ReadFile(filepath.Join(r.dir, "s.jsonl"))
					if err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
					return slices.Collect(strings.Lines(string(b)))
				}
				whole := lines(0, false)
				if got := lines(0, true); !slices.Equal(got, whole) {
					t.Errorf("with keys\n got %q\nwant %q", got, whole)
				}
				if got := lines(3, true); !slices.Equal(got, whole) {
					t.Errorf("at most three a run\n got %q\nwant %q", got, whole)
				}
			})
		}
	}
}

func TestRecordsOfAnArrayInOrder(t *testing.T) {
	formatCase{
		streams: "streams:\n  s:\n    request: {path: /l}\n    records: {path: items, key: id}\n    pagination: {type: none}\n",
		hook:    `function record(rec, ctx) { return [rec, {id: rec.id + 100}] }`,
		say:     []exchange{{body: `{"items":[{"id":1},{"id":2}]}`}},
		verdict: "complete", records: "{\"id\":1}\n{\"id\":101}\n{\"id\":2}\n{\"id\":102}",
	}.run(t)
}
