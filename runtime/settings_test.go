package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestSettingsByExpression: numbers, durations and lists of a connector may be computed from its
// configuration, more than once on a line, and in one text with others.
func TestSettingsByExpression(t *testing.T) {
	tries := 0
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.FormValue("l") != "4" {
			http.Error(w, "l="+q.FormValue("l"), http.StatusTeapot)
			return
		}
		if tries++; tries <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		o := 0
		fmt.Sscan(q.FormValue("o"), &o)
		fmt.Fprintf(w, `{"items":[{"id":%d},{"id":%d},{"id":%d},{"id":%d}]}`, o, o+1, o+2, o+3)
	}, `streams:
  items:
    request: {path: /}
    records: {path: items}
    pagination: {type: offset, send: query.o, limit: {send: query.l, value: "${config.base_url ? 2 * 2 : 1}"}, parallel: "${1 + 1}"}
    limits: {pages: "${config.base_url.length - config.base_url.length + 3}", duration: "${1 + 1}m"}
    http: {timeout: "${10 + 's'}", retry: {attempts: "${2 + 1}", initial: "${'1' + 'ms'}", max: 5ms}}
`)
	want(t, r.run(), "truncated limit")
	if got := r.ids("items", "id"); len(got) != 12 {
		t.Errorf("%d records: %v", len(got), got)
	}
}

// TestBaseURLFromConfig: an address that the configuration gives is told with the place that reads it.
func TestBaseURLFromConfig(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {}, "streams:\n  a:\n    request: {path: /a}\n    http: {base_url: \"${config.org}\"}\n")
	for _, u := range []string{"foo", "ftp://host/", "http://", "http://a b/"} {
		_, err := r.start(t.Context(), func(job *runtime.Job) { job.Set["org"] = u })
		if err == nil || !strings.Contains(err.Error(), "connector.yaml:12:22: `base_url` is `"+u+"`") {
			t.Errorf("%s: %v", u, err)
		}
	}
}
