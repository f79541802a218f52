package host_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/host"
)

// state opens a service's state file beside it.
func state(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.ToSlash(filepath.Join(dir, "state.db"))+"?_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// text is the one value that a query gives.
func text(t *testing.T, db *sql.DB, query string, args ...any) (s string) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return s
}

// TestStateFileThatCannotBeWritten: how runs end is answered from memory while the state file takes
// nothing, and noted when it does again; streams of runs that have ended are free then.
func TestStateFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d, dir := api(t), folder(t, "")
	s, db := serve(t, dir, nil), state(t, dir)
	first := s.started(slow(d, "full", nil))
	for name, on := range map[string]string{"a": "INSERT ON host_run", "b": "UPDATE ON host_run", "c": "UPDATE ON runner_run", "d": "UPDATE OF until ON runner_lease WHEN NEW.until = 0"} {
		exec(t, db, "CREATE TRIGGER "+name+" BEFORE "+on+" BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
	}
	s.ok("POST", "/v1/runs/"+first.ID+"/cancel", nil, nil)
	cut := s.run(first.ID, host.Cancelled)
	s.refused("POST", "/v1/runs/"+first.ID+"/cancel", nil, 409, "run_over")
	var second host.RunStatus
	s.ok("POST", "/v1/runs", slow(d, "full", map[string]any{"wait": true}), &second)
	if r := s.run(second.ID, host.Ended); r.Verdict != runtime.Failed || !strings.Contains(r.Message, "disk is full") {
		t.Errorf("%+v", r)
	}
	s.refused("POST", "/v1/runs/"+second.ID+"/pause", nil, 409, "run_over")
	var list struct{ Runs []host.RunStatus }
	s.ok("GET", "/v1/runs", nil, &list)
	if len(list.Runs) != 2 || list.Runs[0].ID != second.ID || list.Runs[0].Phase != host.Ended || list.Runs[1].Phase != host.Cancelled {
		t.Errorf("%+v", list.Runs)
	}
	s.ok("GET", "/v1/runs?before="+second.ID, nil, &list)
	if len(list.Runs) != 1 || list.Runs[0].ID != first.ID {
		t.Errorf("%+v", list.Runs)
	}
	s.ok("GET", "/v1/runs?connector=other", nil, &list)
	if len(list.Runs) != 0 {
		t.Errorf("%+v", list.Runs)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		exec(t, db, "DROP TRIGGER "+name)
	}
	var third host.RunStatus
	s.ok("POST", "/v1/runs", slow(d, "full", map[string]any{"wait": true}), &third)
	if r := s.run(third.ID, host.Ended); r.Verdict != runtime.Complete || r.Records+cut.Records != 12_000 {
		t.Errorf("%+v after %d records", r, cut.Records)
	}
	s.exact(d, "full", "full-cursor.jsonl")
	for _, r := range []struct {
		id    string
		phase host.Phase
	}{{first.ID, host.Cancelled}, {second.ID, host.Ended}} {
		for text(t, db, "SELECT coalesce(max(run ->> 'status'), '') FROM host_run WHERE id = ? AND open = 0", r.id) != string(r.phase) {
			pause(t)
		}
	}
	for text(t, db, "SELECT verdict FROM runner_run WHERE id = ?", first.ID) != runtime.Interrupted {
		pause(t)
	}
}

// killed copies the state file of a service as a kill at this moment would leave it.
func killed(t *testing.T, dir string) (copied string) {
	t.Helper()
	copied = folder(t, "")
	exec(t, state(t, dir), "VACUUM INTO ?", filepath.Join(copied, "state.db"))
	exec(t, state(t, copied), "UPDATE runner_lease SET until = 0") // of a process that is gone
	return copied
}

// TestCountsOfARunThatWasKilled: they cover all that the run has committed under its id.
func TestCountsOfARunThatWasKilled(t *testing.T) {
	t.Parallel()
	d, dir := api(t), folder(t, "")
	s := serve(t, dir, nil)
	r := s.started(slow(d, "counted", map[string]any{"to": "null:"}))
	for r.Pages < 5 {
		r = s.run(r.ID, host.Running)
	}
	copied := killed(t, dir)
	s.ok("POST", "/v1/runs/"+r.ID+"/cancel", nil, nil)
	s.run(r.ID, host.Cancelled)

	s = serve(t, copied, nil)
	end := s.run(r.ID, host.Ended)
	var pages struct {
		Pages []struct{ Records, Bytes int64 }
	}
	s.ok("GET", "/v1/runs/"+r.ID+"/pages?limit=1000", nil, &pages)
	var bytes int64
	for _, p := range pages.Pages {
		bytes += p.Bytes
	}
	if end.Slices != 2 || end.Records != 12_000 || end.Pages != int64(len(pages.Pages)) || end.Bytes != bytes {
		t.Errorf("%d pages and %d bytes in the journal: %+v", len(pages.Pages), bytes, end)
	}
	if !strings.HasPrefix(end.Message, "complete, proved: 12,000 of 12,000 records in ") {
		t.Error(end.Message)
	}
}

// TestRunWhoseWalkIsOver: a run that was killed does not begin another walk when others have finished its
// own meanwhile.
func TestRunWhoseWalkIsOver(t *testing.T) {
	t.Parallel()
	d, dir := api(t), folder(t, "")
	s := serve(t, dir, nil)
	r := s.started(slow(d, "over", map[string]any{"to": "null:", "fresh": true}))
	copied := killed(t, dir)
	s.ok("POST", "/v1/runs/"+r.ID+"/cancel", nil, nil)
	s.run(r.ID, host.Cancelled)
	db := state(t, copied)
	pages := text(t, db, "SELECT count(*) FROM runner_page")
	exec(t, db, "UPDATE runner_stream SET round = round + 1")

	s = serve(t, copied, nil)
	end := s.run(r.ID, host.Ended)
	if end.Verdict != runtime.Interrupted || end.Message != "interrupted: other runs have gone on with what was left" {
		t.Errorf("%+v", end)
	}
	if now := text(t, db, "SELECT count(*) FROM runner_page"); now != pages {
		t.Errorf("%s pages, then %s", pages, now)
	}
}
