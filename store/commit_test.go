package store_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

func TestCommit(t *testing.T) {
	db, l := begun(t, `{"itype":"ip"}`, `{"itype":"url"}`)
	first := page(`{"itype":"ip"}`, `{"token":9007199254740993}`, 0)
	first.Keys = []uint64{1, 1 << 63, 3}
	first.Bookmark = &engine.Bookmark{Base: `{"itype":"ip"}`, Watermark: json.RawMessage(`"2026-01-01"`), Recent: json.RawMessage(`[5]`), Asked: json.RawMessage(`{"config.org":"1f"}`), Updated: now}
	first.Entry.Position = json.RawMessage(`"abc"`)
	first.Entry.Events = json.RawMessage(`["flag_disagrees"]`)
	check(t, db.Commit(t.Context(), l, []engine.Commit{first}, []engine.Mark{{Target: "/b", Data: json.RawMessage(`{"length":10}`)}}, nil))
	second := page(`{"itype":"ip"}`, `{"token":"b"}`, 1)
	second.Chain.Done, second.Chain.Verdict, second.Chain.Reason = true, "complete", "total.reached"
	second.Keys = []uint64{4}
	check(t, db.Commit(t.Context(), l, []engine.Commit{second, page(`{"itype":"url"}`, `{"token":"u"}`, 0)},
		[]engine.Mark{{Target: "/b", Data: json.RawMessage(`{"length":20}`)}, {Target: "/a", Data: json.RawMessage(`{}`)}}, nil))

	chains, err := db.Chains(t.Context(), key, 0, 10, false)
	check(t, err)
	want := []engine.Chain{
		{Key: `{"itype":"ip"}`, Ordinal: 1, Done: true, Verdict: "complete", Reason: "total.reached", State: json.RawMessage(`{"token":"b"}`), Updated: now},
		{Key: `{"itype":"url"}`, Ordinal: 2, State: json.RawMessage(`{"token":"u"}`), Updated: now},
	}
	if !reflect.DeepEqual(chains, want) {
		t.Errorf("\n got %+v\nwant %+v", chains, want)
	}
	if pending, err := db.Chains(t.Context(), key, 0, 10, true); err != nil || len(pending) != 1 || pending[0].Ordinal != 2 {
		t.Errorf("%+v %v", pending, err)
	}
	p, ok, err := db.Chain(t.Context(), key, `{"itype":"ip"}`)
	if err != nil || !ok || p.Pages != 2 || p.Records != 18 {
		t.Errorf("%+v %v %v", p, ok, err)
	}
	var keys [][]uint64
	check(t, db.Keys(t.Context(), key, `{"itype":"ip"}`, func(k []uint64) error { keys = append(keys, k); return nil }))
	if !reflect.DeepEqual(keys, [][]uint64{{1, 1 << 63, 3}, {4}}) {
		t.Errorf("%v", keys)
	}
	b, err := db.Bookmark(t.Context(), key, `{"itype":"ip"}`)
	if err != nil || !reflect.DeepEqual(b, *first.Bookmark) {
		t.Errorf("%+v %v", b, err)
	}
	marks, err := db.Marks(t.Context(), key)
	if err != nil || len(marks) != 2 || marks[0].Target != "/a" || string(marks[1].Data) != `{"length":20}` {
		t.Errorf("%+v %v", marks, err)
	}
	var pages []engine.PageEntry
	check(t, db.Pages(t.Context(), key, "", func(e engine.PageEntry) error { pages = append(pages, e); return nil }))
	if len(pages) != 3 || !reflect.DeepEqual(pages[0], *first.Entry) || pages[2].Chain != `{"itype":"url"}` {
		t.Errorf("%+v", pages)
	}
}

func TestUnknownStreamIsEmpty(t *testing.T) {
	db := open(t, "", store.Options{})
	none := engine.StreamKey{Connector: "no", Stream: "none"}
	r, err1 := db.Round(t.Context(), none)
	chains, err2 := db.Chains(t.Context(), none, 0, 10, true)
	b, err3 := db.Bookmark(t.Context(), none, "")
	marks, err4 := db.Marks(t.Context(), none)
	s, err5 := db.Secret(t.Context(), "none")
	err6 := db.Keys(t.Context(), none, "", func([]uint64) error { return errors.New("called") })
	err7 := db.Pages(t.Context(), none, "", func(engine.PageEntry) error { return errors.New("called") })
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil || r.Number != 0 || chains != nil || b.Watermark != nil || marks != nil || s != "" {
		t.Error(r, chains, b, marks, s, err)
	}
}

func TestCommitIsOneTransaction(t *testing.T) {
	db, l := begun(t, "")
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `1`, 0)}, []engine.Mark{{Target: "/a", Data: json.RawMessage(`1`)}}, nil))
	sentinel := errors.New("no")
	err := db.Commit(t.Context(), l, []engine.Commit{page("", `2`, 1)}, []engine.Mark{{Target: "/a", Data: json.RawMessage(`2`)}}, func(tx *sql.Tx) error {
		if _, err := tx.Exec("CREATE TABLE records (x)"); err != nil {
			return err
		}
		return sentinel
	})
	if err != sentinel {
		t.Fatal(err)
	}
	expect := func(state string, pages int64, tables int) {
		t.Helper()
		p, _, err := db.Chain(t.Context(), key, "")
		check(t, err)
		marks, err := db.Marks(t.Context(), key)
		check(t, err)
		n := querySQL[int](t, db.Path(), "SELECT count(*) FROM sqlite_master WHERE name = 'records'")[0]
		if string(p.State) != state || p.Pages != pages || string(marks[0].Data) != state || n != tables {
			t.Errorf("%s, %d pages, %s, %d tables", p.State, p.Pages, marks[0].Data, n)
		}
	}
	expect("1", 1, 0)
	func() {
		defer func() { recover() }()
		db.Commit(t.Context(), l, []engine.Commit{page("", `2`, 1)}, nil, func(*sql.Tx) error { panic("in the middle") })
	}()
	expect("1", 1, 0)
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `2`, 1)}, []engine.Mark{{Target: "/a", Data: json.RawMessage(`2`)}}, func(tx *sql.Tx) error {
		_, err := tx.Exec("CREATE TABLE records (x)")
		return err
	}))
	expect("2", 2, 1)
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `3`, 2)}, nil, nil))
	n := 0
	check(t, db.Pages(t.Context(), key, "r1", func(e engine.PageEntry) error {
		if e.Page != int64(n) {
			t.Errorf("page %d at %d", e.Page, n)
		}
		n++
		return nil
	}))
	if n != 3 {
		t.Errorf("%d pages", n)
	}
}

func TestRounds(t *testing.T) {
	db, l := begun(t, "a", "b")
	c := page("a", `1`, 0)
	c.Keys = []uint64{1}
	c.Bookmark = &engine.Bookmark{Base: "a", Watermark: json.RawMessage(`7`)}
	check(t, db.Commit(t.Context(), l, []engine.Commit{c}, []engine.Mark{{Target: "/a", Data: json.RawMessage(`1`)}}, nil))
	check(t, db.AddChains(t.Context(), l, []engine.Chain{{Key: "a", Ordinal: 9, State: json.RawMessage(`"other"`)}, {Key: "c", Ordinal: 3}}))
	chains, err := db.Chains(t.Context(), key, 0, 10, false)
	check(t, err)
	if len(chains) != 3 || string(chains[0].State) != `1` || chains[2].Key != "c" {
		t.Errorf("%+v", chains)
	}
	r := engine.Round{Number: 1, Open: false, Listed: true, Now: now, Data: json.RawMessage(`{"x":1}`)}
	check(t, db.PutRound(t.Context(), l, r))
	if got, err := db.Round(t.Context(), key); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v %v", got, err)
	}
	check(t, db.PutRound(t.Context(), l, engine.Round{Number: 2, Open: true}))
	chains, err = db.Chains(t.Context(), key, 0, 10, false)
	check(t, err)
	b, err := db.Bookmark(t.Context(), key, "a")
	check(t, err)
	marks, err := db.Marks(t.Context(), key)
	check(t, err)
	keys := querySQL[int](t, db.Path(), "SELECT count(*) FROM runner_key")[0]
	if len(chains) != 0 || string(b.Watermark) != `7` || len(marks) != 1 || keys != 0 {
		t.Errorf("%+v %+v %+v %d", chains, b, marks, keys)
	}
	if err := db.PutRound(t.Context(), l, engine.Round{Number: 1}); err == nil {
		t.Error("an old round came back")
	}
	check(t, db.Forget(t.Context(), l))
	got, err := db.Round(t.Context(), key)
	check(t, err)
	b, err = db.Bookmark(t.Context(), key, "a")
	check(t, err)
	marks, err = db.Marks(t.Context(), key)
	check(t, err)
	if got.Number != 0 || b.Watermark != nil || len(marks) != 0 {
		t.Errorf("%+v %+v %+v", got, b, marks)
	}
}

func TestMarksOfASharedOutput(t *testing.T) {
	db, l := begun(t, "")
	other, err := db.Acquire(t.Context(), engine.StreamKey{Connector: "github", Stream: "issues"}, store.Self(now))
	check(t, err)
	mark := func(l engine.Lease, data string) {
		t.Helper()
		check(t, db.Commit(t.Context(), l, nil, []engine.Mark{{Target: "/out", Data: json.RawMessage(data)}}, nil))
	}
	mark(l, `1`)
	mark(other, `2`)
	for _, s := range []engine.StreamKey{key, other.Stream} {
		if m, err := db.Marks(t.Context(), s); err != nil || len(m) != 1 || string(m[0].Data) != `2` {
			t.Errorf("%+v %v", m, err)
		}
	}
	check(t, db.Forget(t.Context(), l))
	if m, err := db.Marks(t.Context(), other.Stream); err != nil || len(m) != 1 || string(m[0].Data) != `2` {
		t.Errorf("after the other forgot: %+v %v", m, err)
	}
	if m, err := db.Marks(t.Context(), key); err != nil || m != nil {
		t.Errorf("%+v %v", m, err)
	}
	mark(l, `3`)
	if m, err := db.Marks(t.Context(), other.Stream); err != nil || string(m[0].Data) != `3` {
		t.Errorf("%+v %v", m, err)
	}
}

func TestEnterCountsRunsWithoutProgress(t *testing.T) {
	db, l := begun(t, "a", "b")
	enter := func(want int) {
		t.Helper()
		if n, err := db.Enter(t.Context(), l, "a"); err != nil || n != want {
			t.Errorf("%d %v, want %d", n, err, want)
		}
	}
	enter(1)
	enter(2)
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("a", `1`, 0)}, nil, nil))
	enter(1)
	failed := page("a", `1`, 1)
	failed.Chain.Verdict, failed.Chain.Done = "failed", true
	check(t, db.Commit(t.Context(), l, []engine.Commit{failed}, nil, nil)) // a verdict, no progress
	enter(2)
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("b", `9`, 0)}, nil, nil))
	enter(3)
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("a", `2`, 1)}, nil, nil))
	enter(1)
	if _, err := db.Enter(t.Context(), l, "c"); err == nil {
		t.Error("a chain that is not listed was entered")
	}
}

// Every statement that a page costs finds its rows by an index.
func TestNothingScans(t *testing.T) {
	db, _ := begun(t, "")
	for _, q := range []string{
		"UPDATE runner_chain SET state = 1 WHERE stream = 1 AND key = 'x' AND done = 0",
		"SELECT epoch FROM runner_lease WHERE stream = 1",
		"UPDATE runner_output SET data = 1 WHERE id = 1",
		"SELECT key FROM runner_chain INDEXED BY runner_chain_pending WHERE stream = 1 AND ordinal > 5 AND done = 0 ORDER BY ordinal LIMIT 5",
		"SELECT key FROM runner_chain WHERE stream = 1 AND ordinal > 5 ORDER BY ordinal LIMIT 5",
		"SELECT hashes FROM runner_key WHERE chain = 1 ORDER BY id",
		"DELETE FROM runner_page WHERE id IN (SELECT id FROM runner_page WHERE id > 1 AND id < 5 LIMIT 9)",
		"SELECT o.target, o.data FROM runner_stream_output s JOIN runner_output o ON o.id = s.output WHERE s.stream = 1 ORDER BY o.target",
		"DELETE FROM runner_before WHERE output = 1",
	} {
		for _, step := range plan(t, db.Path(), q) {
			if len(step) >= 4 && step[:4] == "SCAN" {
				t.Errorf("%s\n%s", q, step)
			}
		}
	}
}

func plan(t *testing.T, path, query string) (steps []string) {
	c, err := sql.Open("sqlite3", path)
	check(t, err)
	defer c.Close()
	rows, err := c.Query("EXPLAIN QUERY PLAN " + query)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var a, b, n int
		var detail string
		check(t, rows.Scan(&a, &b, &n, &detail))
		steps = append(steps, detail)
	}
	return steps
}

func TestManyChains(t *testing.T) {
	db, l := begun(t)
	const n = 5000
	chains := make([]engine.Chain, n)
	for i := range chains {
		chains[i] = engine.Chain{Key: fmt.Sprintf(`{"id":%d}`, i), Ordinal: int64(i + 1)}
	}
	check(t, db.AddChains(t.Context(), l, chains))
	seen := 0
	for after := int64(0); ; {
		list, err := db.Chains(t.Context(), key, after, 97, true)
		check(t, err)
		if len(list) == 0 {
			break
		}
		commits := make([]engine.Commit, len(list))
		for i, c := range list {
			if c.Ordinal != after+1 {
				t.Fatalf("%d after %d", c.Ordinal, after)
			}
			after = c.Ordinal
			seen++
			commits[i] = page(c.Key, `1`, 0)
			commits[i].Chain.Done = true
		}
		check(t, db.Commit(t.Context(), l, commits, nil, nil))
	}
	left, err := db.Chains(t.Context(), key, 0, 10, true)
	if err != nil || seen != n || len(left) != 0 {
		t.Errorf("%d seen, %d left, %v", seen, len(left), err)
	}
}
