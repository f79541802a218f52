package runtime_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHookIsNamed: what a hook said is told as the hook's, also where another witness contradicts it.
func TestHookIsNamed(t *testing.T) {
	for hook, says := range map[string]string{
		`return page.index < 1 ? {token: "x"} : {end: "enough"}`:        `the hook ended the walk on page 2 ("enough") although the API says 30 records`,
		`return page.index < 1 ? {token: "x"} : {fail: "out of sorts"}`: "the hook gave no token on page 2: out of sorts",
	} {
		r := newRig(t, cursorAPI(30, 10, nil), `
streams:
  s:
    request: {path: /items}
    records: {path: items, key: id}
    pagination: {type: hook, send: query.cursor, total: body.total}
`)
		if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte("function next(page) { "+hook+" }"), 0o600); err != nil {
			t.Fatal(err)
		}
		report := r.run()
		want(t, report, "incomplete next_token_missing")
		if !strings.Contains(report.Message, says) {
			t.Errorf("%s: %s", hook, report.Message)
		}
	}
}
