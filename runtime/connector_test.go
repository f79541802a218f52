package runtime_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

// TestParseTellsAll tells what is wrong with the YAML, its expressions and the hook at once, in order and
// each once.
func TestParseTellsAll(t *testing.T) {
	for _, c := range []struct{ name, yaml, hook, want string }{
		{"expressions beside keys", `connector: a
format: 1
http: {base_url: "http://a.invalid", headers: {X: "${2 *}"}}
streams:
  a: {request: {path: /x, query: {q: "${1 +}", r: "${nope + 1}", w: "${watermark + nope}"}}, records: {keyy: id}}
  b: {request: {path: /y}, http: {timeout: 5s}}
`, "", `c.yaml:3:57: syntax error: unexpected end of input
c.yaml:5:44: syntax error: unexpected end of input
c.yaml:5:54: ` + "`nope` is not defined here; available: " + requestNames + `
c.yaml:5:72: ` + "`watermark` is never set: the stream has no `incremental`" + `
c.yaml:5:84: ` + "`nope` is not defined here; available: " + requestNames + `
c.yaml:5:104: ` + "unknown key `keyy`; did you mean `key`?"},
		{"the hook beside keys", `connector: a
format: 1
http: {base_url: "http://a.invalid"}
streams:
  a: {request: {path: /x, query: {q: "${1 +}"}}, recordss: {}}
`, "function record(r) {\n  return r +;\n}\n", `c.yaml:5:44: syntax error: unexpected end of input
c.yaml:5:50: ` + "unknown key `recordss`; did you mean `records`?" + `
hook.js:2:13: syntax error: unexpected token ;`},
		{"functions beside expressions", `connector: a
format: 1
http: {base_url: "http://a.invalid"}
streams:
  a: {request: {path: /x, query: {q: "${1 +}"}}, hook: {record: gone}}
`, "function record(r) { return r }\n", `c.yaml:5:3: the hook file has no function ` + "`gone`" + ` (hook.record); add ` + "`function gone(rec, ctx) { … }`" + ` to it, or name one that is there
c.yaml:5:44: syntax error: unexpected end of input`},
		{"a hook that is not there", `connector: a
format: 1
hook: other.js
http: {base_url: "http://a.invalid"}
streams:
  a: {request: {path: /x}, pagination: {type: hook, send: query.p}}
`, "", "c.yaml:3:7: `hook`: there is no file `other.js` beside the connector"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := runtime.Parse("c.yaml", []byte(c.yaml), func(name string) (string, string, error) {
				if c.hook == "" || name != "hook.js" {
					return "", "", fs.ErrNotExist
				}
				return name, c.hook, nil
			}, script.Options{})
			if err == nil {
				err = errors.New("nothing")
			}
			if err.Error() != c.want {
				t.Errorf("\n got %s\nwant %s", err, c.want)
			}
		})
	}
}

const requestNames = "config, watermark, partition, window, page, session, memo, now, run, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid"
