package host_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

// treeConnector pages through organisations, their projects, what those hold by type and day, and jobs.
const treeConnector = `connector: tree
format: 1
config:
  base_url: {type: url, required: true}
  since: {type: time, default: -50h}
  key: {type: string, secret: true, default: nobody-may-see-this}
http:
  base_url: ${config.base_url}
  headers: {X-Key: "${config.key}"}
  retry: {attempts: 2, initial: 1ms}
  responses:
    - {status: 404, body_matches: no such job, is: session_expired}
streams:
  orgs:
    request: {path: /orgs}
    records: {path: items, filter: "${record.id !== 'closed'}", set: {slug: "${record.id + '-x'}"}}
    pagination: {type: page, send: query.page, more: body.more, decides: more}
  projects:
    request: {path: "/orgs/${partition.org}/projects"}
    records: {path: items, key: id}
    partitions: [{stream: orgs, take: {org: id, slug: slug}}]
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}
  items:
    request: {path: "/items", query: {org: "${partition.org}", slug: "${partition.slug}", project: "${partition.project}", type: "${partition.type}", from: "${window.from}", to: "${window.to}"}}
    records: {path: items, key: id}
    partitions:
      - {stream: projects, take: {project: id}}
      - {values: {type: [a, b]}}
      - {window: {from: "${config.since}", every: 24h}}
    pagination: {type: page, send: query.page, total_pages: body.pages}
  reports:
    session:
      open: {method: POST, path: /jobs}
      id: body.id
      wait: {request: {path: "/jobs/${session.id}"}, until: "${body.ready}", failed: "${body.bad === true}", every: 30ms, timeout: 1m}
      close: {method: DELETE, path: "/jobs/${session.id}"}
    request: {path: "/jobs/${session.id}/chunks/${partition.chunk}"}
    records: {path: items, key: id}
    partitions: [{session: body.chunks, as: chunk}, {values: {type: [a, b]}}]
    pagination: {type: page, send: query.page, more: body.more, decides: more}
  both:
    session:
      open: {method: POST, path: /jobs}
      id: body.id
      wait: {request: {path: "/jobs/${session.id}"}, until: "${body.ready}", every: 30ms, timeout: 1m}
      close: {method: DELETE, path: "/jobs/${session.id}"}
    request: {path: "/jobs/${session.id}/chunks/${partition.chunk}", query: {of: "${partition.org}"}}
    records: {path: items, key: id}
    partitions: [{stream: orgs, take: {org: id}}, {session: body.chunks, as: chunk}]
    pagination: {type: page, send: query.page, more: body.more, decides: more}
  listing:
    session:
      open: {method: POST, path: /jobs}
      id: body.id
      wait: {request: {path: "/jobs/${session.id}"}, until: "${body.ready}", every: 30ms, timeout: 1m}
      close: {method: DELETE, path: "/jobs/${session.id}"}
    request: {path: "/jobs/${session.id}/chunks/7"}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, more: body.more, decides: more}
`

// treeAPI is what treeConnector reads.
type treeAPI struct {
	*httptest.Server

	mu     sync.Mutex
	polls  int // until a job is ready
	opened int
	open   map[string]int // by job: how often it was asked
	lost   int            // a request for a chunk that loses its job, counted from 1; 0: none
	wrong  string         // path whose answer is 403
	busy   string         // path whose next answer is 503, twice
	fails  int
	asked  int
	later  bool // jobs are refused for two hours
}

func newTree(t *testing.T) *treeAPI {
	t.Helper()
	a := &treeAPI{open: map[string]int{}, polls: 2}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *treeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q, path := r.URL.Query(), strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	type m map[string]any
	switch {
	case a.wrong != "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, a.wrong):
		http.Error(w, `{"error":"no"}`, http.StatusForbidden)
		return
	case a.busy != "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, a.busy) && a.fails < 2:
		a.fails++
		http.Error(w, `{"error":"busy"}`, http.StatusServiceUnavailable)
		return
	}
	page, _ := strconv.Atoi(q.Get("page"))
	switch {
	case path[0] == "orgs" && len(path) == 1: // two a page, each page's last again on the next
		items, first := []m{}, 2*(page-1)
		for i := max(0, first-1); i < min(7, first+2); i++ {
			items = append(items, m{"id": []string{"org00", "o1", "organisation-2", "closed", "o4", "org05", "o6"}[i]})
		}
		answer(m{"items": items, "more": first+2 < 7})
	case path[0] == "orgs":
		items, offset := []m{}, 0
		offset, _ = strconv.Atoi(q.Get("offset"))
		total := len(path[1]) // a few of each
		for i := offset; i < min(total, offset+3); i++ {
			items = append(items, m{"id": i})
		}
		answer(m{"items": items, "total": total})
	case path[0] == "items":
		from, err := time.Parse(time.RFC3339, q.Get("from"))
		if err != nil || q.Get("slug") != q.Get("org")+"-x" {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		to, _ := time.Parse(time.RFC3339, q.Get("to"))
		id := fmt.Sprintf("%s/%s/%s/%s/%s", q.Get("org"), q.Get("project"), q.Get("type"), from.Format("2006-01-02T15"), to.Sub(from).Round(time.Hour))
		answer(m{"items": []m{{"id": id + "/" + q.Get("page")}}, "pages": 1 + len(q.Get("project"))%2})
	case r.Method == http.MethodPost && a.later:
		w.Header().Set("Retry-After", "7200")
		http.Error(w, "{}", http.StatusTooManyRequests)
	case r.Method == http.MethodPost:
		a.opened++
		id := "secret-job-" + strconv.Itoa(a.opened)
		a.open[id] = 0
		answer(m{"id": id, "ready": false})
	case r.Method == http.MethodDelete:
		delete(a.open, path[1])
		answer(m{})
	default:
		n, ok := a.open[path[1]]
		if len(path) == 4 {
			if a.asked++; a.asked == a.lost {
				delete(a.open, path[1])
				ok = false
			}
		}
		switch {
		case !ok:
			http.Error(w, `{"error":"no such job"}`, http.StatusNotFound)
		case len(path) == 2:
			a.open[path[1]]++
			answer(m{"ready": n >= a.polls, "chunks": []int{1, 2, 3, 5}})
		default:
			id := q.Get("of") + path[3] + "-" + q.Get("page")
			answer(m{"items": []m{{"id": id + "-1"}, {"id": id + "-2"}}, "more": page < 3})
		}
	}
}

// state is how many jobs were opened, and how many are open.
func (a *treeAPI) state() (opened, open int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.opened, len(a.open)
}

func treeFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "connectors/tree/connector.yaml"), treeConnector)
	write(t, filepath.Join(dir, "jobs.yaml"), "")
	return dir
}

func loadTree(t *testing.T) *runtime.Connector {
	t.Helper()
	c, err := runtime.Load(filepath.Join(treeFolder(t), "connectors/tree"), script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
