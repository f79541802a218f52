package replay_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// A connector whose secrets stand everywhere: in the address, a header, a form, an answer.
const leaky = `connector: leaky
format: 1
config:
  base_url: {type: url, required: true}
  tenant: {type: string, default: t1}
  api_key: {type: string, required: true, secret: true}
  password: {type: string, required: true, secret: true}
http:
  base_url: ${config.base_url}
  headers: {X-Api-Key: "${config.api_key}", X-Tenant: "${config.tenant}"}
  query: {key: "${config.api_key}"}
  auth:
    type: login
    request: {method: POST, path: /login, body: {user: me, password: "${config.password}"}}
    token: body.session.token
    send: header.X-Session
streams:
  items:
    request: {path: /items}
    records: {path: items, key: id}
    pagination: {type: link, next: body.next, total: body.total}
`

const (
	realKey      = "k3y/with+signs=&"
	realPassword = `pass"word \ 1`
	realToken    = "session-token-from-the-server"
)

func leakyAPI(t *testing.T) *httptest.Server {
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "sid="+realToken)
		if r.URL.Path == "/login" {
			b, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(b), `pass\"word`) {
				t.Errorf("login with %s", b)
			}
			fmt.Fprintf(w, `{"session": {"token": %q, "user": "me"}}`, realToken)
			return
		}
		if r.Header.Get("X-Session") != realToken || r.URL.Query().Get("key") != realKey {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		page := r.URL.Query().Get("page")
		items, next := "", ""
		for i := range 5 {
			items += fmt.Sprintf(`%s{"id": "%s%d", "seen_by": %q}`, map[bool]string{true: ", "}[i > 0], page, i, realToken)
		}
		if page != "2" {
			next = fmt.Sprintf("%s/items?page=%s2&key=k3y%%2Fwith%%2Bsigns%%3D%%26", srv.URL, map[bool]string{true: ""}[page == "1"])
		}
		fmt.Fprintf(w, `{"total": 10, "items": [%s], "next": %q}`, items, next)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// job readies a run over a state and a sink of its own.
func job(t *testing.T, c *runtime.Connector, set map[string]string) *runtime.Job {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	out, err := sink.New(ctx, "null:", sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &runtime.Job{Connector: c, Set: set, Ledger: db, Sink: out, Owner: engine.Owner{ID: "test"}}
}

func TestRecordedWithoutSecrets(t *testing.T) {
	srv := leakyAPI(t)
	c, err := runtime.Parse("leaky.yaml", []byte(leaky), nil, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, keep := range []int{0, 2} {
		j := job(t, c, map[string]string{"base_url": srv.URL, "api_key": realKey, "password": realPassword})
		rec, err := replay.Record(j, nil)
		if err != nil {
			t.Fatal(err)
		}
		report, err := runtime.Run(context.Background(), j)
		if err != nil || report.Verdict != runtime.Complete || report.Attested != engine.Proved {
			t.Fatalf("%+v %v", report, err)
		}
		dir := t.TempDir()
		w, err := rec.Write(context.Background(), dir, report, keep)
		if err != nil {
			t.Fatal(err)
		}
		if w.Exchanges != 3 || w.Note != "" {
			t.Errorf("%+v", w)
		}
		text := read(t, w.File)
		for _, secret := range []string{realKey, "k3y%2F", "k3y/", realToken, `pass\"word`, "pass%22word", "Set-Cookie"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s stands in the case:\n%s", secret, text)
			}
		}
		want := map[int]string{0: `"total": 10,`, 2: `"total": 4,`}[keep]
		if !strings.Contains(text, want) || strings.Count(text, "\"seen_by\":") != map[int]int{0: 20, 2: 8}[keep] {
			t.Errorf("keep %d:\n%s", keep, text)
		}
		r, err := replay.Run(context.Background(), c, w.File)
		if err != nil || !r.OK() {
			t.Errorf("%v\n%s", err, r)
		}
		again, err := rec.Write(context.Background(), dir, report, keep)
		if err != nil || again.File == w.File {
			t.Errorf("%+v %v", again, err)
		}
	}
}

// TestRecordDemo records the ways of paging that the demo API has, whole and shortened.
func TestRecordDemo(t *testing.T) {
	srv, err := demo.Start(context.Background(), demo.Options{Records: 600})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	c, err := runtime.LoadFS(connectors.FS, "demo", script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for _, stream := range []string{"offset", "page", "object_token", "link_header", "delta", "timestamp", "point_in_time", "alerts", "issues", "types", "windows", "export", "csv", "oai", "oauth2"} {
		t.Run(stream, func(t *testing.T) {
			t.Parallel()
			for _, keep := range []int{0, 2} {
				j := job(t, c, map[string]string{"base_url": srv.URL})
				j.Streams = []string{stream}
				rec, err := replay.Record(j, nil)
				if err != nil {
					t.Fatal(err)
				}
				report, err := runtime.Run(context.Background(), j)
				if err != nil {
					t.Fatal(err)
				}
				w, err := rec.Write(context.Background(), t.TempDir(), report, keep)
				if err != nil {
					t.Fatal(err)
				}
				if w.Note != "" && stream != "windows" { // where a window is cut depends on what it holds
					t.Errorf("keep %d: %s", keep, w.Note)
				}
				if r, err := replay.Run(context.Background(), c, w.File); err != nil || !r.OK() || r.Report.Verdict != runtime.Complete {
					t.Errorf("keep %d: %v\n%s", keep, err, r)
				}
			}
		})
	}
}

func TestRecordNothing(t *testing.T) {
	c, err := runtime.Parse("leaky.yaml", []byte(leaky), nil, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := replay.Record(job(t, c, nil), nil); err == nil || !strings.Contains(err.Error(), "api_key") {
		t.Errorf("got %v", err)
	}
	rec, err := replay.Record(job(t, c, map[string]string{"base_url": "http://127.0.0.1:1", "api_key": "abc", "password": "abc"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "cases")
	if _, err := rec.Write(context.Background(), dir, &runtime.Report{}, 0); err == nil {
		t.Error("a case without requests was written")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder was made")
	}
}

// assertions is a connector whose token request is another each time.
const assertions = `connector: assertions
format: 1
config:
  base_url: {type: url, required: true}
  key: {type: string, required: true, secret: true}
http:
  base_url: ${config.base_url}
  auth: {type: jwt_bearer, token_url: /token, algorithm: HS256, issuer: me, private_key: "${config.key}"}
streams:
  items:
    request: {path: /items}
    pagination: {type: none}
`

func TestRecordWhatIsNewEachTime(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			fmt.Fprint(w, `{"access_token": "a-token-of-the-server", "expires_in": 60}`)
			return
		}
		fmt.Fprint(w, `[{"id": 1}]`)
	}))
	t.Cleanup(srv.Close)
	c, err := runtime.Parse("assertions.yaml", []byte(assertions), nil, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	j := job(t, c, map[string]string{"base_url": srv.URL, "key": "a-key-that-signs-assertions"})
	rec, err := replay.Record(j, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := runtime.Run(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	w, err := rec.Write(context.Background(), t.TempDir(), report, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, w.File)
	if !strings.Contains(text, "assertion=%3Cany%3E") || strings.Contains(text, "a-token-of") || strings.Contains(text, "a-key-that") {
		t.Error(text)
	}
	if r, err := replay.Run(context.Background(), c, w.File); err != nil || !r.OK() {
		t.Errorf("%v\n%s", err, r)
	}
}

// A token that the connector calls secret has a stand-in, with which the case can be played.
func TestRecordedWithoutSecretTokens(t *testing.T) {
	for name, c := range map[string]struct{ next, pagination string }{
		"text":   {`"s3cret/token+%d"`, "{type: cursor, next: body.next, send: query.c, token: {secret: true}}"},
		"number": {`771234567890%d`, "{type: cursor, next: body.next, send: query.c, token: {secret: true}}"},
		"link":   {`"/items?c=s3cret%%2ftoken%%2B%d\u0026x=1"`, "{type: link, next: body.next, token: {secret: true}}"},
		"path":   {`"/items/s3cret/%d"`, "{type: link, next: body.next, token: {secret: true}}"},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n++
				next := "null"
				if n%3 != 0 {
					next = fmt.Sprintf(c.next, n)
				}
				fmt.Fprintf(w, `{"items": [{"id": %d}], "next": %s}`, n, next)
			}))
			defer srv.Close()
			con, err := runtime.Parse("hidden.yaml", []byte("connector: hidden\nformat: 1\nconfig:\n  base_url: {type: url, required: true}\nhttp: {base_url: \"${config.base_url}\"}\n"+
				"streams:\n  s:\n    request: {path: /items}\n    records: {path: items, key: id}\n    pagination: "+c.pagination+"\n"), nil, script.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer con.Close()
			j := job(t, con, map[string]string{"base_url": srv.URL})
			rec, err := replay.Record(j, nil)
			if err != nil {
				t.Fatal(err)
			}
			report, err := runtime.Run(context.Background(), j)
			if err != nil || report.Verdict != runtime.Complete {
				t.Fatalf("%+v %v", report, err)
			}
			w, err := rec.Write(context.Background(), t.TempDir(), report, 0)
			if err != nil {
				t.Fatal(err)
			}
			text := read(t, w.File)
			if strings.Contains(text, "s3cret") || strings.Contains(text, "77123456") || w.Note != "" || w.Exchanges != 3 {
				t.Errorf("%+v\n%s", w, text)
			}
			if r, err := replay.Run(context.Background(), con, w.File); err != nil || !r.OK() {
				t.Errorf("%v\n%s\n%s", err, r, text)
			}
		})
	}
}
