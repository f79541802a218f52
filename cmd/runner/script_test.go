package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/store"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts of testdata/cli")

// scripted is the connector api.yaml that the scripts share: a few streams of the demo API, at $API.
const scripted = `
connector: api
format: 1
config:
  base_url: {type: url, required: true, env: API}
  faults:   {type: string}
  run:      {type: string}
  records:  {type: integer}
http:
  base_url: ${config.base_url}
  query: {fault: "${config.faults}", run: "${config.run}", records: "${config.records}"}
  retry: {initial: 10ms}
streams:
  offset:
    request: {path: /offset}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 500}, total: body.total}
  page:
    request: {path: /page}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, limit: {send: query.per_page, value: 500}, total_pages: body.total_pages, total: body.total}
  cursor:
    request: {path: /cursor, query: {limit: 500}}
    records: {path: items, key: id}
    pagination:
      type: cursor
      next: body.next_cursor
      send: query.cursor
      more: body.has_more
      total: body.total
      fallback: [{type: offset, send: query.offset}, {type: restart}]
  link_header:
    request: {path: /link-header, query: {per_page: 500}}
    records: {path: $, key: id}
    pagination: {type: link, total: header.X-Total-Count}
  point_in_time:
    session:
      open: {method: POST, path: "/indicators/_pit", query: {keep_alive: 5m}}
      id: body.id
      refresh: body.pit_id
      close: {method: DELETE, path: /_pit, body: {id: "${session.id}"}}
    request: {method: POST, path: /_search, body: {size: 500, sort: [{updated: asc}, {_id: asc}], pit: {id: "${session.id}", keep_alive: 5m}}}
    records: {path: "hits.hits[*]", key: _id}
    pagination: {type: search_after, next: "body.hits.hits[-1].sort", send: body.search_after}
  types:
    request: {path: /offset, query: {type: "${partition.type}"}}
    records: {path: items, key: id}
    partitions: [{values: {type: [ipv4, ipv6, domain, url, email, sha256]}}]
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 500}, total: body.total}
`

// TestCommandLine runs the scripts of testdata/cli, beside api.yaml. $API is the demo API, $DOOR an API that lets
// nobody in. Beside testscript's own commands they know `exit CODE runner …`, `loop FILE runner step …`,
// `hold STATE CONNECTOR STREAM`, `fill FILE BYTES` and `same A B`.
func TestCommandLine(t *testing.T) {
	api, err := demo.Start(context.Background(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() }) // the scripts run beside each other, behind this function's end
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"the key sesame-4711 is not known"}`)
	}))
	t.Cleanup(door.Close)
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/cli",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("API", api.URL)
			e.Setenv("DOOR", door.URL)
			e.Setenv("TERM", "dumb")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // a command under the race detector waits a second at its end
			return os.WriteFile(filepath.Join(e.WorkDir, "api.yaml"), []byte(scripted), 0o600)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": cmdExit, "loop": cmdLoop, "hold": cmdHold, "fill": cmdFill, "same": cmdSame,
		},
	})
}

// cmdExit runs a command and holds its exit code to the first argument.
func cmdExit(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := codeOf(ts, ts.Exec(args[1], args[2:]...)); got != want {
		ts.Fatalf("exit %d, want %d", got, want)
	}
}

func codeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Check(err)
	return -1
}

// cmdLoop calls `runner step …` with `next` of the call before until there is none, and writes the
// records to a file, one a line.
func cmdLoop(ts *testscript.TestScript, _ bool, args []string) {
	var out strings.Builder
	position := "null"
	for range 100 {
		ts.Check(ts.Exec(args[1], append(slices.Clone(args[2:]), "--position", position)...))
		line := ts.ReadFile("stdout")
		var page struct {
			Records []json.RawMessage
			Next    json.RawMessage
		}
		ts.Check(json.Unmarshal([]byte(line), &page))
		if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, `{"records":[`) {
			ts.Fatalf("not one line of JSON: %.80s", line)
		}
		for _, r := range page.Records {
			out.Write(append(r, '\n'))
		}
		if page.Next == nil {
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out.String()), 0o600))
			return
		}
		position = string(page.Next)
	}
	ts.Fatalf("no end after 100 pages")
}

// cmdHold takes a stream as a run in this process would, until the script ends.
func cmdHold(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	db, err := store.Open(ctx, ts.MkAbs(args[0]), store.Options{TTL: time.Hour})
	ts.Check(err)
	_, err = db.Acquire(ctx, engine.StreamKey{Connector: args[1], Stream: args[2]}, store.Self(time.Now()))
	ts.Check(err)
	ts.Defer(func() { db.Close() })
}

// cmdFill writes a file of so many bytes that are no database.
func cmdFill(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat("no database\n", n/12+1))[:n], 0o600))
}

// cmdSame compares two files of records, whatever their order.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	lines := func(file string) []string {
		l := strings.Split(strings.TrimSpace(ts.ReadFile(file)), "\n")
		slices.Sort(l)
		return l
	}
	a, b := lines(args[0]), lines(args[1])
	if slices.Equal(a, b) == neg {
		ts.Fatalf("%s has %d records, %s has %d", args[0], len(a), args[1], len(b))
	}
}
