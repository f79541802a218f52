package runtime_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// groupsAPI lists six records of each group, two to a page; of a window those of its hour.
func groupsAPI(w http.ResponseWriter, q *http.Request) {
	g, from := q.URL.Query().Get("g"), q.URL.Query().Get("from")
	off, _ := strconv.Atoi(q.URL.Query().Get("offset"))
	if from == "" {
		from = "2026-07-01T00:00:00Z"
	}
	var rows []string
	for i := off; i < min(off+2, 6); i++ {
		rows = append(rows, fmt.Sprintf(`{"id":"%s%s%d","at":%q}`, g, from, i, from))
	}
	answer(w, `{"items":[%s],"total":6}`, strings.Join(rows, ","))
}

const groupStream = `
streams:
  s:
    request: {path: /list, query: {g: "${partition.g}"%s}}
    partitions: [{values: {g: "${config.org.split(',')}"}}%s] # the config says which
    chains: {concurrency: 1}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
%s`

// TestListsChangeInMidWalk changes the list of partition values while a walk is under way: chains whose
// values stay go on where they are, new ones are added, those that vanished are noted and let go, and go on
// where they were when they come back. Nothing is asked for twice.
func TestListsChangeInMidWalk(t *testing.T) {
	const window = `, {window: {from: 2026-06-30T22:00:00Z, to: 2026-07-01, every: 1h}}`
	const incremental = "    incremental: {watermark: max.at, type: time, start: 2026-06-30T00:00:00Z}\n"
	for _, c := range []struct {
		name        string
		parts, more string
		steps       []string // lists, run after run of one page, the last one to the end
		requests    int
		groups      string // that are read whole
		gone        int
	}{
		{"longer", "", "", []string{"p,q", "p,q,z"}, 9, "pqz", 0},
		{"other order", "", "", []string{"p,q", "q,p"}, 6, "pq", 0},
		{"shorter", "", "", []string{"p,q", "q"}, 4, "q", 1},
		{"another", "", "", []string{"p", "q"}, 4, "q", 1},
		{"back again", "", "", []string{"p,q", "q", "q,p"}, 6, "pq", 1},
		{"none and back again", "", "", []string{"p", "q", "p,z"}, 7, "pz", 2},
		{"incremental", "", incremental, []string{"p,q", "q", "z,q,p"}, 9, "pqz", 1},
		{"windows, longer", window, "", []string{"p,q", "p,q,z"}, 18, "pqz", 0},
		{"windows, back again", window, incremental, []string{"p,q", "q", "z,q,p"}, 18, "pqz", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			query := ""
			if c.parts != "" {
				query = `, from: "${window.from}"`
			}
			r := newRig(t, groupsAPI, fmt.Sprintf(groupStream, query, c.parts, c.more))
			for i, list := range c.steps {
				set := func(j *runtime.Job) {
					j.Set["org"] = list
					if i < len(c.steps)-1 {
						j.MaxPages = 1
					}
				}
				rep := r.run(set)
				if i == len(c.steps)-1 {
					want(t, rep, "complete")
				} else {
					want(t, rep, "truncated limit")
				}
			}
			if r.requests() != c.requests {
				t.Errorf("%d requests, want %d: %v", r.requests(), c.requests, r.asked)
			}
			if got := r.noticed(runtime.NoticePartitionGone); got != c.gone {
				t.Errorf("%d partitions gone, want %d", got, c.gone)
			}
			if r.noticed(runtime.NoticeTokenDropped) != 0 {
				t.Error("the walk began anew")
			}
			ids := r.ids("s", "id")
			slices.Sort(ids)
			if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
				t.Errorf("%d records, %d of them twice", len(ids), len(ids)-n)
			}
			each := 6
			if c.parts != "" {
				each = 12
			}
			for _, g := range c.groups {
				n := 0
				for _, id := range ids {
					if id[0] == byte(g) {
						n++
					}
				}
				if n != each {
					t.Errorf("%d records of %c, want %d", n, g, each)
				}
			}
		})
	}
}

// TestListsThatAreMoreThanLists begins the walk anew where a value of the configuration that makes the list
// is also a part of the requests, or may be.
func TestListsThatAreMoreThanLists(t *testing.T) {
	for name, c := range map[string]struct{ query, more, hook string }{
		"in a request":    {`, of: "${config.org}"`, "", ""},
		"by another name": {`, of: "${config['org']}"`, "", ""},
		"as a whole":      {`, of: "${Object.keys(config).length}"`, "", ""},
		"in a hook":       {"", "", "function request(req, ctx) { const {config} = ctx; return req }"},
		"in a header":     {"", "    http: {headers: {X-Org: \"${config.org}\"}}\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, groupsAPI, fmt.Sprintf(groupStream, c.query, "", c.more))
			if c.hook != "" {
				if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(c.hook), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want(t, r.run(func(j *runtime.Job) { j.Set["org"], j.MaxPages = "p,q", 1 }), "truncated limit")
			want(t, r.run(func(j *runtime.Job) { j.Set["org"] = "p,q,z" }), "complete")
			if r.noticed(runtime.NoticeTokenDropped) != 1 {
				t.Error("the walk went on")
			}
		})
	}
}

// TestAFailingPartitionIsTakenOut completes a stream again whose one partition fails for good, once it is
// in the list no more.
func TestAFailingPartitionIsTakenOut(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("g") == "bad" {
			w.WriteHeader(403)
			return
		}
		groupsAPI(w, q)
	}, fmt.Sprintf(groupStream, "", "", ""))
	want(t, r.run(func(j *runtime.Job) { j.Set["org"] = "p,bad,q" }), "failed http_403")
	want(t, r.run(func(j *runtime.Job) { j.Set["org"] = "p,q" }), "complete")
	if r.requests() != 7 || r.noticed(runtime.NoticePartitionGone) != 1 {
		t.Errorf("%v, %d gone", r.asked, r.noticed(runtime.NoticePartitionGone))
	}
}
