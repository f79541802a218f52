package main

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

var kills = flag.Int("kills", 15, "how often TestKill ends the run with SIGKILL; there are 25 pages for each")

// The API that is walked: numbered pages of five records, also by token and in four parts.
const (
	killSize  = 5
	killParts = 4
)

// killConnector has a stream for each way in which a walk can be on its way when it is killed.
const killConnector = `
connector: kill
format: 1
config: {base_url: {type: url, required: true}}
http: {base_url: "${config.base_url}", retry: {initial: 10ms}}
streams:
  page:
    request: {path: /page}
    records: {path: items, key: id}
    pagination: {type: page, send: query.n, total: body.total}
  token:
    request: {path: /token}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.after, total: body.total}
  parallel:
    request: {path: /page}
    records: {path: items, key: id}
    pagination: {type: page, send: query.n, total: body.total, limit: {value: 5}, parallel: 8}
  parts:
    request: {path: /page, query: {part: "${partition.part}"}}
    partitions: [{values: {part: [0, 1, 2, 3]}}]
    records: {path: items, key: id}
    pagination: {type: page, send: query.n, total: body.total}
  details:
    request: {path: /ids}
    records: {path: items}
    details: {request: {method: POST, path: /details, body: {ids: "${ids}"}}, batch: 2, records: {path: items, key: id}}
    pagination: {type: page, send: query.n, total: body.total}
`

// killAPI serves the pages, one in half a millisecond, and counts the answers. The last page of a
// walk is held back until gate is closed: a walk that has ended would begin anew.
type killAPI struct {
	*httptest.Server
	pages    int
	gate     chan struct{}
	answers  atomic.Int64
	furthest atomic.Int64 // highest page that was asked for
	held     atomic.Int64 // requests for a last page that wait
}

func killRecord(id int) string { return fmt.Sprintf(`{"id":%d,"text":"record №%d"}`, id, id) }

func newKillAPI(pages int) *killAPI {
	a := &killAPI{pages: pages, gate: make(chan struct{})}
	a.Server = httptest.NewServer(a)
	return a
}

func (a *killAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer a.answers.Add(1)
	time.Sleep(500 * time.Microsecond)
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("n") + q.Get("after"))
	if err != nil {
		n = 1
	}
	if r.URL.Path == "/details" {
		var body struct{ IDs []int }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		items := make([]string, len(body.IDs))
		for i, id := range body.IDs {
			items[i] = killRecord(id)
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
		return
	}
	first, last := 1, a.pages
	if p := q.Get("part"); p != "" { // a quarter of the pages
		part, _ := strconv.Atoi(p)
		first, last = part*a.pages/killParts+1, (part+1)*a.pages/killParts
	}
	for seen := a.furthest.Load(); int64(n) > seen && !a.furthest.CompareAndSwap(seen, int64(n)); seen = a.furthest.Load() {
	}
	if n > last-first {
		a.held.Add(1)
		defer a.held.Add(-1)
		select {
		case <-a.gate:
		case <-r.Context().Done():
			return
		}
	}
	var items []string
	for id := (first+n-2)*killSize + 1; n <= last-first+1 && len(items) < killSize; id++ {
		if r.URL.Path == "/ids" {
			items = append(items, strconv.Itoa(id))
		} else {
			items = append(items, killRecord(id))
		}
	}
	next := ""
	if r.URL.Path == "/token" && n < last {
		next = fmt.Sprintf(`,"next":"%d"`, n+1)
	}
	fmt.Fprintf(w, `{"total":%d,"items":[%s]%s}`, (last-first+1)*killSize, strings.Join(items, ","), next)
}

// killCase is a run that is killed: what it walks, where the records go, and how they are read back.
type killCase struct {
	stream, to string
	ordered    bool // the records come in order
	read       func(t *testing.T, path string) []int
	share      int  // the case has -kills kills, divided by this
	begin      bool // killed as soon as there is any output
}

// TestKill ends the real command with SIGKILL at random moments, again and again, and lets it go on:
// afterwards there is each record exactly once.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "runner")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "kill.yaml"), []byte(killConnector), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []killCase{
		{"page", "jsonl:out", true, killJSON, 1, false},
		{"token", "jsonl:out", true, killJSON, 5, false},
		{"parallel", "jsonl:out", true, killJSON, 5, false},
		{"parts", "jsonl:out", false, killJSON, 5, false},
		{"details", "jsonl:out", true, killJSON, 5, false},
		{"page", "csv:out", true, killCSV, 5, false},
		{"page", "sqlite:out", false, killSQLite, 5, false},
		{"page", "sqlite:out-{stream}", false, killSQLite, 5, false},
	} {
		t.Run(c.stream+" "+c.to[:strings.IndexByte(c.to, ':')], func(t *testing.T) {
			n := max(2, *kills/c.share)
			api := newKillAPI(25 * n)
			defer api.Close()
			c.run(t, api, bin, filepath.Join(dir, "kill.yaml"), n)
		})
	}
	t.Run("first page", func(t *testing.T) {
		for range max(3, *kills/5) {
			c := killCase{"page", "jsonl:out", true, killJSON, 1, true}
			api := newKillAPI(20)
			c.run(t, api, bin, filepath.Join(dir, "kill.yaml"), 1)
			api.Close()
		}
	})
}

func (c *killCase) run(t *testing.T, api *killAPI, bin, connector string, kills int) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	out := filepath.Join(dir, strings.ReplaceAll(c.to[strings.IndexByte(c.to, ':')+1:], "{stream}", c.stream))
	start := func() (*exec.Cmd, *bytes.Buffer) {
		var msg bytes.Buffer
		cmd := exec.CommandContext(t.Context(), bin, "run", connector, c.stream, "--set", "base_url="+api.URL, "--to", c.to, "--report", "report.json")
		cmd.Dir, cmd.Stderr = dir, &msg
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &msg
	}
	for done := range kills {
		left := api.pages - int(api.furthest.Load())
		if c.stream == "parts" {
			left -= api.pages - api.pages/killParts
		}
		cmd, msg := start()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		c.moment(api, r, max(1, left/(kills-done)), out, ended)
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		if <-ended; cmd.ProcessState.Exited() {
			t.Fatalf("after %d kills: exit %d\n%s", done, cmd.ProcessState.ExitCode(), msg)
		}
		if c.ordered && strings.HasPrefix(c.to, "jsonl") {
			c.prefix(t, out, done)
		}
	}
	t.Logf("%d kills, the last on page %d of %d", kills, api.furthest.Load(), api.pages)
	close(api.gate)
	cmd, msg := start()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	if !strings.Contains(msg.String(), "complete, proved") {
		t.Errorf("%s", msg)
	}
	ids := c.read(t, out)
	if !c.ordered {
		slices.Sort(ids)
	}
	for i, id := range ids {
		if id != i+1 {
			t.Fatalf("record %d stands where %d belongs, %d records", id, i+1, len(ids))
		}
	}
	if len(ids) != api.pages*killSize {
		t.Fatalf("%d records, want %d", len(ids), api.pages*killSize)
	}
	t.Logf("%d answers", api.answers.Load())
}

// moment waits until the run has got a random number of answers below most, and a little longer. One
// time in eight it waits only a little, while the run starts; one time in four only until the output
// grows: what is written then is not yet committed. A run that ends or waits for a last page is not
// waited for.
func (c *killCase) moment(api *killAPI, r *rand.Rand, most int, out string, ended <-chan error) {
	pause := time.Duration(r.Int64N(int64(3 * time.Millisecond)))
	kind := r.IntN(8)
	if c.begin {
		kind, pause = 1, 0
	}
	if kind == 0 {
		time.Sleep(12 * pause)
		return
	}
	size := func() int64 {
		info, err := os.Stat(out)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	until, began := api.answers.Load()+1+r.Int64N(int64(most)), size()
	for api.answers.Load() < until && len(ended) == 0 && api.held.Load() == 0 {
		if now := size(); kind <= 2 && now > began {
			time.Sleep(pause / 10)
			return
		} else if now < began {
			began = now // what was not committed is cut off
		}
		time.Sleep(100 * time.Microsecond)
	}
	time.Sleep(pause)
}

// prefix checks that what a killed run has left is the beginning of what a whole walk writes, the last
// record perhaps in part.
func (c *killCase) prefix(t *testing.T, path string, done int) {
	got, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for id := 1; want.Len() < len(got); id++ {
		want.WriteString(killRecord(id) + "\n")
	}
	if !bytes.HasPrefix(want.Bytes(), got) {
		t.Fatalf("after kill %d the file is not the beginning of the walk: …%q", done+1, got[max(0, len(got)-200):])
	}
}

// killJSON reads the ids of a JSONL file.
func killJSON(t *testing.T, path string) []int {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for row := range strings.Lines(string(text)) {
		var rec struct{ ID int }
		if err := json.Unmarshal([]byte(row), &rec); err != nil || row != killRecord(rec.ID)+"\n" {
			t.Fatalf("line %d: %q: %v", len(ids)+1, row, err)
		}
		ids = append(ids, rec.ID)
	}
	return ids
}

// killCSV reads the ids of a CSV file.
func killCSV(t *testing.T, path string) []int {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "id")
	ids := make([]int, len(rows)-1)
	for i, row := range rows[1:] {
		if ids[i], err = strconv.Atoi(row[column]); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// killSQLite reads the ids of the table that a stream goes to.
func killSQLite(t *testing.T, path string) []int {
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT json_extract(record, '$.id') FROM page`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var ids []int
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}
