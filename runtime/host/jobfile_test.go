package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

func TestParseJobs(t *testing.T) {
	jobs, err := ParseJobs("jobs.yaml", []byte(`
format: 1
jobs:
  alerts:
    connector: crowdstrike-alerts
    streams: [alerts, alerts]
    config:
      base_url: https://api.example
      since: 2026-01-01T00:00:00Z
      max: 9007199254740993
      client_secret: {file: secret.txt}
      client_id: {env: FALCON_ID}
    to: "jsonl:out-{stream}.jsonl"
    schedule: {cron: "30 6 * * mon-fri", zone: Europe/Vienna}
    skip_if_running: false
    jitter: 30s
    time_limit: 20m
    on:
      incomplete: {retry_after: 10m, retries: 5}
      failed: {retry_after: 1m, webhook: {env: HOOK}}
      parked: {webhook: "https://hooks.example/x"}
  hourly: {connector: demo, to: "null:", schedule: "@hourly", state: other, enabled: false}
  manual: {connector: demo, to: "null:", max_pages: 3, limit: 10, chains: 2}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 3 {
		t.Fatalf("%d jobs", len(jobs))
	}
	a := jobs[0]
	if a.Name != "alerts" || a.State != "crowdstrike-alerts" || !slices.Equal(a.Streams, []string{"alerts"}) || a.SkipIfRunning || a.Jitter != 30*time.Second || a.TimeLimit != 20*time.Minute {
		t.Errorf("%+v", a)
	}
	if got := string(a.Config["max"].JSON); got != "9007199254740993" {
		t.Errorf("max: %s", got)
	}
	if got := string(a.Config["since"].JSON); got != `"2026-01-01T00:00:00Z"` {
		t.Errorf("since: %s", got)
	}
	if a.Config["client_secret"].File != "secret.txt" || a.Config["client_id"].Env != "FALCON_ID" {
		t.Errorf("%+v", a.Config)
	}
	if r := a.On[runtime.Incomplete]; r.RetryAfter != 10*time.Minute || r.Retries != 5 {
		t.Errorf("%+v", r)
	}
	if r := a.On[runtime.Failed]; r.Retries != defaultRetries || r.Webhook.Env != "HOOK" {
		t.Errorf("%+v", r)
	}
	if jobs[1].Enabled || jobs[1].State != "other" || jobs[1].Schedule == nil || jobs[2].Schedule != nil || jobs[2].MaxPages != 3 || jobs[2].Chains != 2 {
		t.Errorf("%+v %+v", jobs[1], jobs[2])
	}
}

// TestJobProblems: all problems of a file at once, each with its place.
func TestJobProblems(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"everything", `format: 2
job: {}
jobs:
  a b: {connector: x, to: "null:"}
  one:
    connectr: demo
    to: [1]
    schedule: {cron: "61 * * * *"}
    jitter: 5
    skip_if_running: maybe
    limit: -3
    config: {k: {env: A, file: B}, l: {path: c}}
    on: {incomplete: {retry_afer: 1m}, done: {}, parked: {retry_after: 1m}}
  two:
    connector: demo
    to: "null:"
    schedule: {every: 5m, cron: "* * * * *"}
  three: {connector: demo, to: "null:", schedule: {cron: "@daily", zone: Mars/Base}}
  four: {connector: demo, to: "null:", schedule: {every: 1ms}}
  five: {connector: demo, to: "null:", schedule: {every: 1m, zone: UTC}}
`, `jobs.yaml:1:9: format 2 is not known; this version reads format 1
jobs.yaml:2:1: unknown key ` + "`job`" + `; did you mean ` + "`jobs`" + `?
jobs.yaml:4:3: ` + "`a b`" + ` is no name of a job; letters, digits, dot, dash and underscore, at most 100
jobs.yaml:5:3: job one names no connector; add ` + "`connector: NAME`" + `
jobs.yaml:5:3: job one does not say where records go; add ` + "`to: jsonl:one-{stream}.jsonl`" + `
jobs.yaml:6:5: unknown key ` + "`connectr`" + `; did you mean ` + "`connector`" + `?
jobs.yaml:7:9: want a text
jobs.yaml:8:22: ` + "`61 * * * *`" + ` is no cron expression of five fields (minute hour day month weekday): end of range (61) above maximum (59): 61
jobs.yaml:9:13: want a duration such as 30s, 5m or 2h
jobs.yaml:10:22: want true or false
jobs.yaml:11:12: want a whole number above 0
jobs.yaml:12:17: want one of {env: NAME} and {file: PATH}
jobs.yaml:12:40: unknown key ` + "`path`" + `; it is one of env, file
jobs.yaml:13:23: unknown key ` + "`retry_afer`" + `; did you mean ` + "`retry_after`" + `?
jobs.yaml:13:40: unknown key ` + "`done`" + `; it is one of complete, incomplete, truncated, parked, failed
jobs.yaml:13:59: ` + "`retry_after`" + ` does not apply to parked runs; a parked run goes on at the time that the API has named
jobs.yaml:17:15: a schedule is either {cron: …, zone: …} or {every: …}
jobs.yaml:18:74: there is no time zone Mars/Base; it has a name such as Europe/Vienna or UTC
jobs.yaml:19:58: every 1ms is too often; 100ms is the least
jobs.yaml:20:68: ` + "`zone`" + ` belongs to ` + "`cron`"},
		{"no YAML", "jobs:\n  a: [1\n", "jobs.yaml:1:1: this is not YAML: did not find expected ',' or ']'"},
		{"a list", "- a\n", "jobs.yaml:1:1: the file wants names with values (a mapping)"},
		{"twice", "jobs:\n  a: {connector: x, to: \"null:\"}\n  a: {connector: x, to: \"null:\"}\n", "jobs.yaml:3:3: `a` is given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseJobs("jobs.yaml", []byte(c.text))
			if err == nil {
				t.Fatal("no problem")
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestCheckJobs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "connector.yaml")
	err := os.WriteFile(path, []byte(`connector: api
format: 1
config:
  token: {type: string, secret: true}
  org: {type: string}
http: {base_url: "http://127.0.0.1:1"}
streams:
  things:
    request: {path: /}
    records: {path: $}
    pagination: {type: none}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	api, err := runtime.Load(path, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	jobs, err := ParseJobs("jobs.yaml", []byte(`jobs:
  one: {connector: api, to: "null:", config: {org: a}}
  two: {connector: api, to: "null:", config: {org: b}}
  three: {connector: api, to: "null:", config: {org: b}, state: api-b}
  four: {connector: api, to: "null:", streams: [thing], config: {token: abc, ogr: x}, state: four}
  five: {connector: apo, to: "null:"}
`))
	if err != nil {
		t.Fatal(err)
	}
	err = checkJobs(jobs, func(name string) (*runtime.Connector, error) {
		if name != "api" {
			return nil, fmt.Errorf("there is no connector %s", name)
		}
		return api, nil
	})
	var many spec.Errors
	if !errors.As(err, &many) {
		t.Fatal(err)
	}
	want := strings.TrimSpace(`
jobs.yaml:3:3: job two: stream things of api is run by job one with another config, and both would go on from one checkpoint; give one of them a state of its own, such as ` + "`state: two`" + `
jobs.yaml:5:3: job four: there is no config.ogr; did you mean ` + "`org`" + `?
jobs.yaml:5:3: job four: there is no stream thing; did you mean ` + "`things`" + `?
jobs.yaml:5:3: job four: config.token is a secret and does not belong into this file; write {env: NAME} or {file: PATH}
jobs.yaml:6:3: job five: there is no connector apo`)
	if err.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", err, want)
	}
}

func FuzzParseJobs(f *testing.F) {
	f.Add([]byte("jobs:\n  a: {connector: x, to: 'null:', schedule: {every: 5m}, config: {a: {env: B}}, on: {failed: {retry_after: 1m}}}\n"))
	f.Add([]byte("jobs: &a\n  b: *a\n"))
	f.Add([]byte("jobs: {a: {schedule: '@daily', config: {x: [1, {y: 2}]}}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		jobs, err := ParseJobs("jobs.yaml", src)
		if err != nil && len(jobs) > 0 {
			t.Error("jobs and problems")
		}
		for _, j := range jobs {
			if j.Name == "" || j.Connector == "" || j.To == "" {
				t.Errorf("%+v", j)
			}
		}
	})
}
