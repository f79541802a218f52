package runtime_test

import (
	"context"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// anomaliHook finds the next position in meta.next, whatever it is called there, or else in the last
// object: the shape of Anomali ThreatStream in under ten lines.
const anomaliHook = `function next(page) {
  const url = page.body.meta.next, last = page.records.last
  if (!last) return {end: "no objects"}
  if (page.body.meta.total_count <= page.records.count) return {end: "nothing remains"}
  return {token: url && (param(url, "search_after") || param(url, "update_id__gt")) || last.update_id}
}`

// TestAnomaliHook drains the demo API in each way in which it names the next position, and in none.
func TestAnomaliHook(t *testing.T) {
	api, err := demo.Start(context.Background(), demo.Options{Records: 1234})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	to, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, style := range []string{"search_after", "update_id__gt", "from_update_id", "none"} {
		t.Run(style, func(t *testing.T) {
			r := newRig(t, httputil.NewSingleHostReverseProxy(to).ServeHTTP, `
streams:
  s:
    request: {path: /api/v2/intelligence/, query: {order_by: update_id, limit: 100, style: `+style+`}}
    records: {path: objects, key: id}
    pagination: {type: hook, send: query.update_id__gt}
`)
			if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(anomaliHook), 0o644); err != nil {
				t.Fatal(err)
			}
			rep := r.run()
			want(t, rep, runtime.Complete)
			seen := map[string]bool{}
			for _, id := range r.ids("s", "id") {
				if seen[id] {
					t.Fatalf("%s came twice", id)
				}
				seen[id] = true
			}
			if expected := api.Records(""); len(seen) != len(expected) || rep.Streams[0].Pages != 13 {
				t.Errorf("%d records in %d pages, want %d in 13", len(seen), rep.Streams[0].Pages, len(expected))
			}
		})
	}
}
