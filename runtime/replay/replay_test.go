package replay_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

func load(t *testing.T, dir string) *runtime.Connector {
	t.Helper()
	c, err := runtime.Load(dir, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// play plays a case that is given as text, twice: a case can be played again.
func play(t *testing.T, c *runtime.Connector, text string, opt replay.Options) *replay.Result {
	t.Helper()
	k, err := replay.Parse("testdata/kitchen/cases/x.txtar", []byte(text), func(name string) ([]byte, error) {
		return os.ReadFile(filepath.Join("testdata/kitchen/cases", name))
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := k.Play(context.Background(), c, opt)
	if err != nil {
		t.Fatal(err)
	}
	second, err := k.Play(context.Background(), c, opt)
	if err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() || string(first.Updated()) != string(second.Updated()) {
		t.Errorf("played again it differs:\n%s\n%s", first, second)
	}
	return second
}

func TestCases(t *testing.T) {
	for _, dir := range []string{"testdata/pokemon", "testdata/kitchen"} {
		c := load(t, dir)
		files, err := filepath.Glob(dir + "/cases/*" + replay.Extension)
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			t.Run(strings.TrimPrefix(file, "testdata/"), func(t *testing.T) {
				t.Parallel()
				r, err := replay.Run(context.Background(), c, file)
				if err != nil {
					t.Fatal(err)
				}
				if !r.OK() {
					t.Errorf("%s", r)
				}
				if got, want := string(r.Updated()), read(t, file); got != want {
					t.Errorf("a case that passes is written anew:\n%s", got)
				}
			})
		}
	}
}

// TestEveryPartIsCompared changes one thing in a case that passes, and expects the case to fail with
// that told.
func TestEveryPartIsCompared(t *testing.T) {
	c := load(t, "testdata/kitchen")
	for _, k := range []struct{ file, from, to, tells string }{
		{"details", `{"ids":["a","b"]}`, `{"ids":["a","x"]}`, `+{"ids":["a","b"]}`},
		{"details", "GET /alerts?after=t1", "GET /alerts?after=t2", "-GET /alerts?after=t2"},
		{"details", "GET /alerts?after=t1", "PUT /alerts?after=t1", "-PUT /alerts?after=t1"},
		{"details", "Bearer tok-1", "Bearer tok-2", "-Authorization: Bearer tok-2"},
		{"details", "https://api.example.com/alerts", "https://other.example.com/alerts", "other.example.com"},
		{"details", `{"id":"d"}`, `{"id":"e"}`, `+{"id":"d"}`},
		{"details", "{\"id\":\"d\"}\n", "", `+{"id":"d"}`},
		{"details", "pages: 2", "pages: 3", "+pages: 2"},
		{"details", "-- records --", "-- 7.response --\nHTTP 200\n-- records --", "7.request was never made: the engine did not ask anything more"},
		{"details", "verdict: complete", "verdict: failed", "+verdict: complete"},
		{"broken", "waits: [1s, 1s, 2s]", "waits: [1s, 1s, 3s]", "+waits: [1s, 1s, 2s]"},
		{"broken", "ERROR closed", "HTTP 500", ""},
		{"broken", "grant_type=client_credentials", "grant_type=password", "1.request was never made"},
		{"session", "seed: 7", "seed: 8", "GET /jobs/17/rows?nonce="},
		{"chains", "20,", "21,", "+watermark"},
		{"chains", "since=40", "since=41", "-GET /messages?channel=C2&since=41"},
		{"kept", "kept: https://api.example.com/delta?since=2", "kept: https://api.example.com/delta?since=3", "+kept: https://api.example.com/delta?since=2"},
		{"kept", "ends: complete", "ends: truncated", "run 1 ends complete"},
		{"expired", "after 90s", "after 10s", "after=t1"},
		{"expired", "token_expired: 1", "token_expired: 1, cycle: 2", "+events: {token_expired: 1, cycle: 0}"},
		{"parked", "13:00:00Z", "14:00:00Z", "2026-03-01T13:00:00Z"},
		{"parked", "exit: 5", "exit: 0", "+exit: 5"},
		{"streams", `{"id":1,"at":9007199254740993}`, `{"id":1,"at":9007199254740992}`, `+{"id":1,"at":9007199254740993}`},
		{"streams", "9007199254740993}\n", "9007199254740992}\n", "9007199254740993"},
		{"streams", "records.messages", "records", "records are of one stream"},
		{"unconfigured", "error: config.client_secret", "error: something else", "config.client_secret"},
	} {
		t.Run(k.file+" "+k.from, func(t *testing.T) {
			text := read(t, "testdata/kitchen/cases/"+k.file+".txtar")
			changed := strings.Replace(text, k.from, k.to, 1)
			if changed == text {
				t.Fatalf("%s has no %q", k.file, k.from)
			}
			r := play(t, c, changed, replay.Options{})
			if k.tells == "" {
				if !r.OK() {
					t.Errorf("%s", r)
				}
				return
			}
			if r.OK() || !strings.Contains(r.String(), k.tells) {
				t.Errorf("want %q in:\n%s", k.tells, r)
			}
		})
	}
}

// TestNotCompared changes what does not matter.
func TestNotCompared(t *testing.T) {
	c := load(t, "testdata/kitchen")
	for _, k := range []struct{ file, from, to string }{
		{"chains", "?channel=C2&since=40", "?since=40&channel=%43%32"},
		{"details", "X-Api-Version: 3\n", ""},
		{"details", `{"ids":["a","b"]}`, "{\n  \"ids\": [\"a\",  \"\\u0062\"]\n}"},
		{"details", "client_id=me&client_secret=s3cret-for-tests&grant_type=client_credentials", "grant_type=client_credentials&client_secret=%3Cany%3E&client_id=me"},
		{"details", "client_id=me&client_secret=s3cret-for-tests&grant_type=client_credentials", "<any>"},
		{"details", "pages: 2\n", ""},
		{"streams", `{"id":1,"at":9007199254740993}`, "\n { \"at\": 9007199254740993.0, \"id\": 1e0 }\n\n"},
		{"session", "nonce=", "nonce=<any>#"},
		{"broken", "waits: [1s, 1s, 2s]", "waits:   # of the backoff\n  - 1s\n  - 1000ms\n  - 2s"},
		{"broken", "values: {client_secret: s3cret-for-tests}\n", "values:\n  client_secret: s3cret-for-tests\n"},
		{"parked", "now: 2026-03-01T12:00:00Z", `now: "2026-03-01T13:00:00+01:00"`},
	} {
		t.Run(k.file+" "+k.to, func(t *testing.T) {
			text := read(t, "testdata/kitchen/cases/"+k.file+".txtar")
			changed := strings.Replace(text, k.from, k.to, 1)
			if changed == text {
				t.Fatalf("%s has no %q", k.file, k.from)
			}
			if r := play(t, c, changed, replay.Options{}); !r.OK() {
				t.Errorf("%s", r)
			}
		})
	}
}

// TestUpdate leaves out what the engine writes, and expects it back; responses and comments stay.
func TestUpdate(t *testing.T) {
	c := load(t, "testdata/kitchen")
	text := read(t, "testdata/kitchen/cases/chains.txtar")
	start, end := strings.Index(text, "-- 3.request"), strings.Index(text, "-- 3.response")
	for name, less := range map[string]string{
		"a request":            text[:start] + text[end:],
		"a wrong request":      strings.Replace(text, "since=40", "since=39", 1),
		"records":              text[:strings.Index(text, "-- records")] + text[strings.Index(text, "-- verdict"):],
		"wrong records":        strings.Replace(text, `{"id":2,"at":20}`, `{"id":2,"at":21}`, 1),
		"a line of records":    strings.Replace(text, "{\"id\":2,\"at\":20}\n", "", 1),
		"the verdict":          text[:strings.Index(text, "-- verdict")],
		"a wrong verdict":      strings.Replace(text, "pages: 2", "pages: 1", 1),
		"everything but these": strings.Replace(text[:strings.Index(text, "-- records")], text[start:end], "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			r := play(t, c, less, replay.Options{Update: true})
			if r.OK() {
				t.Error("nothing is said to be new")
			}
			if got := string(r.Updated()); got != text {
				t.Errorf("got:\n%s\nwant:\n%s", got, text)
			}
		})
	}
	commented := strings.Replace(text, "pages: 2", "pages: 1 # as many as channels", 1)
	r := play(t, c, commented, replay.Options{Update: true})
	if got := string(r.Updated()); !strings.Contains(got, "pages: 2 # as many as channels") {
		t.Errorf("the comment is lost:\n%s", got)
	}
}

func TestChainsSideBySide(t *testing.T) {
	c := load(t, "testdata/kitchen")
	text := read(t, "testdata/kitchen/cases/chains.txtar")
	text = strings.Replace(text, "stream: messages", "stream: messages\nchains: 4", 1)
	if r := play(t, c, text, replay.Options{}); !r.OK() {
		t.Errorf("%s", r)
	}
}

func TestCancelled(t *testing.T) {
	c := load(t, "testdata/kitchen")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k, err := replay.Load("testdata/kitchen/cases/chains.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Play(ctx, c, replay.Options{}); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
