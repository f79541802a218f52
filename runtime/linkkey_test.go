package runtime_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestKeyInLinks: an API repeats the key of a request in its next links. The checkpoint and the kept link
// hold none of it, and a link is followed with the key as it is then: after a rotation the walk goes on.
func TestKeyInLinks(t *testing.T) {
	for name, c := range map[string]struct{ http, request, hook string }{
		"connector's query": {`query: {key: "${config.key}", sig: a}`, "{path: /list}", ""},
		"stream's query":    {"", `{path: /list, query: {key: "${config.key}", sig: a}}`, ""},
		"auth":              {`auth: {type: api_key, in: query, name: key, value: "${config.key}"}`, "{path: /list, query: {sig: a}}", ""},
		"hook":              {`query: {key: "${config.key}", sig: a}`, "{path: /list}", `function next(p) { if (p.token && !/key=k%2F/.test(p.token)) return {fail: p.token}; return p.body.next ? {token: p.body.next} : undefined }`},
	} {
		t.Run(name, func(t *testing.T) {
			valid := "k/OLDKEYCANARY&"
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at := q.URL.Query()
				n, _ := strconv.Atoi(at.Get("n"))
				if at.Get("key") != valid || len(at["key"]) != 1 || n > 0 && at.Get("sig") != fmt.Sprint("s", n) {
					w.WriteHeader(http.StatusForbidden)
					fmt.Fprintf(w, `{"error":"no %s"}`, q.URL.RawQuery)
					return
				}
				link := fmt.Sprintf(`"/list?key=%s&n=%d&sig=s%d#top"`, strings.NewReplacer("/", "%2F", "&", "%26").Replace(at.Get("key")), n+1, n+1)
				if n == 3 || n == 7 {
					answer(w, `{"items":[{"id":%d}],"next":null,"delta":%s}`, n+1, link)
					return
				}
				answer(w, `{"items":[{"id":%d}],"next":%s}`, n+1, link)
			}, "streams:\n  s:\n    request: "+c.request+"\n    records: {path: items, key: id}\n    pagination: {type: link, next: body.next, keep: body.delta}\n    http: {"+c.http+"}\n")
			file := filepath.Join(r.dir, "connector.yaml")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(b), "config:\n", "config:\n  key: {type: string, secret: true, required: true}\n", 1)
			if c.hook != "" {
				if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(c.hook), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(pages int64) *runtime.Report {
				rep := r.run(func(j *runtime.Job) {
					j.Set = map[string]string{"base_url": r.server.URL, "key": valid}
					j.MaxPages = pages
				})
				state, err := os.ReadFile(filepath.Join(r.dir, "state.db"))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(state), "KEYCANARY") || strings.Contains(fmt.Sprint(r.events, rep.Message), "KEYCANARY") {
					t.Errorf("the key is kept or told: %s", rep.Message)
				}
				return rep
			}
			want(t, run(2), "truncated limit")
			valid = "k/NEWKEYCANARY&"
			want(t, run(0), "complete")
			r.count("s", "id", 4)
			valid = "k/THIRDKEYCANARY&"
			want(t, run(0), "complete") // from the kept link
			r.count("s", "id", 8)
		})
	}
}
