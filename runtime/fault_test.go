package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/transport"
)

var updateFaults = flag.Bool("update", false, "write docs/faults.md anew")

// fakeClock is a clock that sleeps no time and moves when it is told to.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		c.advance(d)
	}
	return ctx.Err()
}

// How the demo's listing of faultRecords records is read: faultPage a page, so in five pages.
const (
	faultRecords = 23
	faultPage    = 5
)

// faultPattern is one way of paging of the demo API, in pieces from which a cell's connector is made.
type faultPattern struct {
	name    string
	request string
	records string
	paging  string // keys of pagination
	session string // the stream's session, "" without
	parts   string // partitions, "" without
	hook    string // hook.js, "" without
	total   string // reference to the total
	flag    string // key and reference of the flag, "" when the API sends none
	lie     string // demo's name of that flag
	recover string // the fallback that makes sense for it
	token   bool   // positions are tokens that the API gives out, and may refuse
}

const nextHook = `function next(page) {
  const token = page.body.next_cursor
  if (token) return {token}
  if (page.records.count > 0 || page.body.next_cursor === undefined) return {end: "no cursor"}
}
`

var faultPatterns = []faultPattern{
	{name: "none", request: "path: /all", records: "path: $", paging: "type: none", total: "header.X-Total-Count"},
	{name: "offset", request: "path: /offset", records: "path: items", paging: "type: offset, send: query.offset, limit: {send: query.limit, value: 5}",
		total: "body.total", flag: "more: body.has_more", lie: "more", recover: "{type: restart}"},
	{name: "page", request: "path: /page", records: "path: items", paging: "type: page, send: query.page, limit: {send: query.per_page, value: 5}",
		total: "body.total", flag: "done: body.last", lie: "done", recover: "{type: restart}"},
	{name: "cursor", request: "path: /cursor, query: {limit: 5}", records: "path: items", paging: "type: cursor, next: body.next_cursor, send: query.cursor",
		total: "body.total", flag: "more: body.has_more", lie: "more", recover: "[{type: offset, send: query.offset}, {type: restart}]", token: true},
	{name: "link in the body", request: "path: /link-body, query: {limit: 5}", records: "path: results", paging: "type: link, next: body.next",
		total: "body.count", recover: "[{type: offset, send: query.offset}, {type: restart}]"},
	{name: "Link header", request: "path: /link-header, query: {per_page: 5}", records: "path: $", paging: "type: link",
		total: "header.X-Total-Count", recover: "[{type: offset, send: query.offset}, {type: restart}]", token: true},
	{name: "search_after", request: "path: /last-id, query: {limit: 5}", records: "path: data", paging: "type: search_after, next: last.id, send: query.starting_after",
		total: "header.X-Total-Count", flag: "more: body.has_more", lie: "more", recover: "[{type: search_after, next: last.id, send: query.starting_after}, {type: restart}]"},
	{name: "timestamp", request: "path: /since", records: "path: items", paging: "type: timestamp, next: last.updated, send: query.since, limit: {send: query.limit, value: 5}",
		total: "body.total", flag: "more: body.more", lie: "more", recover: "[{type: timestamp, next: last.updated, send: query.since}, {type: restart}]"},
	{name: "hook", request: "path: /cursor, query: {limit: 5}", records: "path: items", paging: "type: hook, send: query.cursor", hook: nextHook,
		total: "body.total", flag: "more: body.has_more", lie: "more", recover: "[{type: offset, send: query.offset}, {type: restart}]", token: true},
	{name: "point in time", request: "method: POST, path: /_search, body: {size: 5, sort: [{updated: asc}, {id: asc}], pit: {id: \"${session.id}\"}}",
		records: "path: \"hits.hits[*]._source\"", paging: "type: search_after, next: \"body.hits.hits[-1].sort\", send: body.search_after",
		session: `{open: {method: POST, path: /indicators/_pit, query: {keep_alive: 2m}}, id: body.id, refresh: body.pit_id, close: {method: DELETE, path: /_pit, body: {id: "${session.id}"}}}`,
		total:   "body.hits.total.value", recover: "{type: restart}"},
	{name: "TAXII", request: `path: "/taxii2/api/collections/a5cffbfe-c0ff-4842-a235-cb3a7a040a37/objects/", query: {limit: 5}, headers: {Accept: application/taxii+json;version=2.1}`,
		records: "path: objects, optional: true", paging: "type: cursor, next: body.next, send: query.next", total: "header.X-Total-Count", flag: "more: body.more", lie: "more",
		recover: "[{type: timestamp, next: header.X-TAXII-Date-Added-Last, send: query.added_after}, {type: restart}]", token: true},
	{name: "export job", request: `path: "/export/${session.id}/chunks/${partition.chunk}"`, records: "path: $", paging: "type: none", total: "",
		session: `{open: {method: POST, path: /export, query: {chunk: 5, polls: 2}}, id: body.export_uuid, wait: {request: {path: "/export/${session.id}/status"}, until: "${body.status === 'FINISHED'}", failed: "${body.status === 'ERROR'}", every: 100ms, timeout: 1m}, close: {method: DELETE, path: "/export/${session.id}"}}`,
		parts:   "[{session: body.chunks_available, as: chunk}]"},
}

// head are the parameters that ask for the newest records first, where the API can.
func (p *faultPattern) head() string {
	if p.name == "timestamp" {
		return "sort=updated"
	}
	return "sort=-id"
}

// The columns of the table.
const (
	faultAlone     = iota // the pattern by itself: no second witness
	faultWitnessed        // total and flag are declared, no recovery
	faultRecovers         // and what the fault can be survived by
)

// faultRow is one fault of the table.
type faultRow struct {
	name   string
	about  string
	params string                              // of the demo's world; $lie is the pattern's flag
	spares func(p *faultPattern) string        // why it cannot strike, "" when it can
	column func(p *faultPattern, c int) string // why a column is empty, "" when it is not; nil: none is
	adapt  func(p *faultPattern, c *faultCell)
	vary   func(p *faultPattern, row *faultRow) // what is different for a pattern, nil without
	after  int                                  // so many exchanges later …
	pause  time.Duration                        // … the clock has moved by this
	stop   bool                                 // the first run stops there, and the pause lies between two runs
	lies   bool                                 // what the API says is false in every page: a complete walk may still be called incomplete
}

// faultCell is the connector of one cell.
type faultCell struct {
	total, flag, fallback, token, rules string
}

func (p *faultPattern) connector(c faultCell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "streams:\n  s:\n    request: {%s}\n    records: {%s, key: id}\n    pagination: {%s", p.request, p.records, p.paging)
	for _, k := range []struct{ name, value string }{{"total: ", c.total}, {"", c.flag}, {"token: ", c.token}, {"fallback: ", c.fallback}} {
		if k.value != "" {
			b.WriteString(", " + k.name + k.value)
		}
	}
	b.WriteString("}\n")
	if p.session != "" {
		b.WriteString("    session: " + p.session + "\n")
	}
	if p.parts != "" {
		b.WriteString("    partitions: " + p.parts + "\n    chains: {concurrency: 1}\n")
	}
	if c.rules != "" {
		b.WriteString("    http: {responses: [" + c.rules + "]}\n")
	}
	return b.String()
}

// faultOutcome is what a cell's runs came to.
type faultOutcome struct {
	rep                   *runtime.Report
	kept, of, twice, late int // records of those that were there all the time, how many there are, surplus copies, and records that came during the walk
	events                map[string]int64
}

func (o faultOutcome) String() string {
	s := o.rep.Verdict
	if o.rep.Attested != "" {
		s += ", " + string(o.rep.Attested)
	}
	if o.rep.Reason != "" {
		s += " (" + o.rep.Reason + ")"
	}
	s += fmt.Sprintf(" · %d of %d", o.kept, o.of)
	if o.late > 0 {
		s += fmt.Sprintf(" and %d new", o.late)
	}
	if o.twice > 0 {
		s += fmt.Sprintf(", %d twice", o.twice)
	}
	return s
}

func (o faultOutcome) exact() bool { return o.kept == o.of && o.twice == 0 }

// runFault runs a cell: one run, or two with a pause between them.
func runFault(t *testing.T, p *faultPattern, row *faultRow, cell faultCell) faultOutcome {
	t.Helper()
	if row.vary != nil {
		own := *row
		row.vary(p, &own)
		row = &own
	}
	clock := newFakeClock()
	api := demo.New(demo.Options{Records: faultRecords, Clock: clock.Now})
	world := api.World("")
	if err := world.Set(demo.Settings{Params: strings.NewReplacer("$lie", p.lie, "$head", p.head()).Replace(row.params)}); err != nil {
		t.Fatal(err)
	}
	there := lineSet(world.Records())
	r := newRig(t, api.ServeHTTP, p.connector(cell))
	if p.hook != "" {
		if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(p.hook), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	exchanges := 0
	r.job.Clock = clock
	var o faultOutcome
	if row.stop {
		r.run(func(j *runtime.Job) { j.MaxPages = int64(row.after) })
		clock.advance(row.pause)
		o.rep = r.run()
	} else {
		o.rep = r.run(func(j *runtime.Job) {
			j.Exchange = func(*transport.Exchange) {
				if exchanges++; exchanges == row.after {
					clock.advance(row.pause)
				}
			}
		})
	}
	o.events = o.rep.Streams[0].Events
	late := lineSet(world.Records())
	o.of = len(there)
	out, err := os.ReadFile(filepath.Join(r.dir, "s.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range bytes.Lines(out) {
		text := string(bytes.TrimSpace(line))
		switch {
		case seen[text]:
			o.twice++
		case there[text]:
			o.kept++
		case late[text]:
			o.late++
		default:
			t.Errorf("a record that the API does not have: %s", text)
		}
		seen[text] = true
	}
	return o
}

func lineSet(records []json.RawMessage) map[string]bool {
	set := map[string]bool{}
	for _, r := range records {
		var b bytes.Buffer
		if json.Compact(&b, r) == nil {
			set[b.String()] = true
		}
	}
	return set
}

// cell puts the connector of a column together.
func (row *faultRow) cell(p *faultPattern, column int) faultCell {
	var c faultCell
	if column >= faultWitnessed {
		c.total, c.flag = p.total, p.flag
	}
	if column == faultRecovers {
		c.fallback = p.recover
		if row.adapt != nil {
			row.adapt(p, &c)
		}
	}
	return c
}

// check holds what is true of every cell: nothing twice, an end that is called clean has every record
// unless nothing in the answers could have told, and with a recovery declared every record is there.
func (o faultOutcome) check(row *faultRow, column int) error {
	switch {
	case o.twice > 0:
		return fmt.Errorf("%d records came twice", o.twice)
	case o.rep.Verdict == runtime.Complete && o.kept < o.of && (column != faultAlone || o.rep.Attested == engine.Proved):
		return fmt.Errorf("called complete, %s, with %d records of %d", o.rep.Attested, o.kept, o.of)
	case column == faultRecovers && (o.rep.Verdict != runtime.Complete || !o.exact()):
		return fmt.Errorf("%d records of %d in spite of a recovery", o.kept, o.of)
	case o.rep.Verdict == runtime.Failed && column != faultWitnessed && column != faultAlone:
		return fmt.Errorf("failed")
	case o.kept == o.of && o.rep.Verdict != runtime.Complete && !row.lies && column == faultWitnessed && len(o.events) == 0:
		return fmt.Errorf("%s without an event", o.rep.Verdict)
	}
	return nil
}

// TestFaultTable runs every fault against every pattern that it can strike, and holds docs/faults.md
// to what came out (-update writes it).
func TestFaultTable(t *testing.T) {
	rows := faultRows()
	cells := make([][][3]string, len(rows))
	t.Run("cells", func(t *testing.T) {
		for i := range rows {
			row := &rows[i]
			cells[i] = make([][3]string, len(faultPatterns))
			for k := range faultPatterns {
				p := &faultPatterns[k]
				if why := row.spares(p); why != "" {
					cells[i][k] = [3]string{"– " + why, "–", "–"}
					continue
				}
				t.Run(row.name+"/"+p.name, func(t *testing.T) {
					t.Parallel()
					for column := range 3 {
						if row.column != nil {
							if why := row.column(p, column); why != "" {
								cells[i][k][column] = "– " + why
								continue
							}
						}
						o := runFault(t, p, row, row.cell(p, column))
						cells[i][k][column] = o.String()
						if err := o.check(row, column); err != nil {
							t.Errorf("column %d: %v: %s\nevents %v\n%s", column, err, o.rep.Message, o.events, p.connector(row.cell(p, column)))
						}
						if column == faultAlone && o.rep.Verdict == runtime.Complete && o.kept < o.of {
							cells[i][k][column] += " ⚠"
						}
					}
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	var b strings.Builder
	b.WriteString(faultIntro)
	for i, row := range rows {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| pattern | by itself | total and flag declared | with a recovery |\n|---|---|---|---|\n", row.name, row.about)
		for k, p := range faultPatterns {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", p.name, cells[i][k][0], cells[i][k][1], cells[i][k][2])
		}
	}
	path := filepath.Join("..", "docs", "faults.md")
	if *updateFaults {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("docs/faults.md is not what the runs say; go test ./runtime -run TestFaultTable -update\n%s", firstDifference(string(have), b.String()))
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}
