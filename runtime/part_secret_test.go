package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
)

// What is told of a run whose tokens are secret does not hold them: trace, report, events, journal, and
// the checkpoint as it is shown; the next run goes on all the same.
func TestSecretTokensAreNotShown(t *testing.T) {
	const mark = "Tk/9+secret=" // in every token
	for name, c := range map[string]struct{ next, pagination, hook string }{
		"cursor":    {`"%s"`, "{type: cursor, next: body.next, send: query.c, token: {secret: true}}", ""},
		"object":    {`{"at":"%s","n":1}`, "{type: cursor, next: body.next, send: {query.c: \"${page.token.at}\"}, token: {secret: true}}", ""},
		"malformed": {`"%s"`, "{type: cursor, next: body.next, send: query.c, token: {secret: true, match: '[12]$'}}", ""},
		"refused":   {`"%s"`, "{type: cursor, next: body.next, send: query.c, token: {secret: true}}", ""},
		"link":      {`"/list?c=%s"`, "{type: link, next: body.next, token: {secret: true}}", ""},
		"hook":      {`"%s"`, "{type: hook, send: query.c, token: {secret: true}}", "function next(page) { return page.body.next ? {token: page.body.next} : {end: 'last token was ' + page.token} }"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				asked++
				var n int
				if at := q.URL.Query().Get("c"); at != "" {
					if _, err := fmt.Sscanf(strings.TrimPrefix(at, mark), "%d", &n); err != nil {
						t.Errorf("the token %q is sent", at)
					}
				}
				if n == 3 || name == "refused" && n == 2 {
					if name == "refused" {
						w.WriteHeader(http.StatusBadRequest)
					}
					answer(w, `{"items":[{"id":%d}],"error":"no %s"}`, n, q.URL.RawQuery)
					return
				}
				answer(w, `{"items":[{"id":%d}],"next":%s}`, n, fmt.Sprintf(c.next, fmt.Sprint(map[bool]string{true: strings.NewReplacer("/", "%2f", "+", "%2B", "=", "%3d").Replace(mark), false: mark}[name == "link"], n+1)))
			}, "streams:\n  s:\n    request: {path: /list}\n    records: {path: items}\n    pagination: "+c.pagination+"\n")
			if c.hook != "" {
				if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(c.hook), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f, err := os.Create(filepath.Join(r.dir, "trace.har"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var reports []*runtime.Report
			for _, pages := range []int64{2, 0} {
				redact := new(transport.Redactor)
				har, err := transport.NewHAR(f, "test", redact)
				if err != nil {
					t.Fatal(err)
				}
				reports = append(reports, r.run(func(j *runtime.Job) { j.MaxPages, j.Redact, j.Exchange = pages, redact, har.Observe }))
			}
			want(t, reports[0], "truncated limit")
			var shown strings.Builder
			trace, _ := os.ReadFile(f.Name())
			shown.Write(trace)
			if n := strings.Count(string(trace), `"startedDateTime"`); n != asked-2 {
				t.Errorf("the trace of the second run has %d of %d exchanges", n, asked-2)
			}
			for _, rep := range reports {
				b, _ := json.Marshal(rep)
				shown.Write(b)
			}
			for _, e := range r.events {
				b, _ := json.Marshal(e)
				shown.Write(b)
			}
			db, err := store.Open(context.Background(), filepath.Join(r.dir, "state.db"), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			key := engine.StreamKey{Connector: "test", Stream: "s"}
			if err := db.Runs(context.Background(), "test", 10, func(run engine.Run) error {
				return db.Pages(context.Background(), key, run.ID, func(e engine.PageEntry) error {
					b, err := json.Marshal(e)
					shown.Write(b)
					return err
				})
			}); err != nil {
				t.Fatal(err)
			}
			if err := db.Progress(context.Background(), key, func(p store.Progress) error {
				at, err := runtime.ReadCheckpoint(p.State)
				if err == nil && at.Position != nil && string(at.Position) != `"***"` {
					t.Errorf("the position is shown as %s", at.Position)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{"secret", "Tk/9", "Tk%2"} {
				if text := strings.ReplaceAll(shown.String(), "the token is secret", ""); strings.Contains(text, form) {
					i := strings.Index(text, form)
					t.Errorf("%s is shown: …%s…", form, text[max(0, i-80):min(len(text), i+80)])
				}
			}
		})
	}
}

// A link that carries a secret of the configuration is kept as it is and shown without it, and so is the
// reason that a hook gives.
func TestASecretInAPositionIsNotShown(t *testing.T) {
	const secret = "hunter2-secret-value"
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("p") == "2" {
			answer(w, `{"items":[]}`)
			return
		}
		answer(w, `{"items":[{"id":1}],"next":"/list?p=2&key=%s"}`, secret)
	}, "streams:\n  s:\n    request: {path: /list}\n    records: {path: items}\n    pagination: {type: link, next: body.next}\n")
	if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte("function next(page) { if (page.token) return {end: 'bad ' + page.token} }"), 0o644); err != nil {
		t.Fatal(err)
	}
	redact := new(transport.Redactor)
	redact.Add(secret)
	position := func() (shown, state string) {
		db, err := store.Open(context.Background(), filepath.Join(r.dir, "state.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		key := engine.StreamKey{Connector: "test", Stream: "s"}
		if err := db.Progress(context.Background(), key, func(p store.Progress) error {
			at, err := runtime.ReadCheckpoint(p.State)
			shown, state = string(at.Position), string(p.State)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Runs(context.Background(), "test", 10, func(run engine.Run) error {
			return db.Pages(context.Background(), key, run.ID, func(e engine.PageEntry) error {
				if said := string(e.Evidence); strings.Contains(said, secret) {
					t.Errorf("the journal holds %s", said)
				}
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		return shown, state
	}
	want(t, r.run(func(j *runtime.Job) { j.MaxPages, j.Redact = 1, redact }), "truncated limit")
	if shown, state := position(); !strings.HasSuffix(shown, `/list?p=2&key=***"`) || !strings.Contains(state, secret) {
		t.Errorf("the position is shown as %s, and is %s", shown, state)
	}
	want(t, r.run(func(j *runtime.Job) { j.Redact = redact }), "complete")
	if last := r.asked[len(r.asked)-1]; last != "GET /list?p=2&key="+secret {
		t.Errorf("asked for %s", last)
	}
	position()
}

// TestAShortSecretIsWarnedOf warns of a secret that is too short to be found in texts, without its value.
func TestAShortSecretIsWarnedOf(t *testing.T) {
	for secret, says := range map[string]string{
		"7": "config.pin is a secret of 1 character: too short to be hidden", "qx": "config.pin is a secret of 2 characters: too short to be hidden", "ü": "config.pin is a secret of 1 character:",
		"qxz": "", "": "",
	} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `{"items":[1]}`) },
			"streams:\n  s:\n    request: {path: /l, headers: {X-Pin: \"${config.pin}\"}}\n    records: {path: items}\n    pagination: {type: none}\n")
		text, err := os.ReadFile(filepath.Join(r.dir, "connector.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("config:\n"), []byte("config:\n  pin: {type: string, secret: true}\n  other: {type: string, default: x}\n"), 1)
		if err := os.WriteFile(filepath.Join(r.dir, "connector.yaml"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		want(t, r.run(func(j *runtime.Job) {
			j.Set["pin"] = secret
			j.Log = slog.New(slog.NewTextHandler(&log, nil))
		}), "complete")
		warned := strings.Count(log.String(), "too short to be hidden")
		if !strings.Contains(log.String(), says) || warned != map[bool]int{true: 1}[says != ""] || strings.Contains(log.String(), "qx") {
			t.Errorf("%q: %s", secret, log.String())
		}
	}
}
