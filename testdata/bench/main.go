// Command bench measures what the real `runner run` moves: it serves pre-rendered pages on a loopback
// port, drains them with a plain net/http loop that reads and discards (the floor), then with the
// runner into a sink, and prints records/s, MB/s, peak memory and the ratio to the floor.
//
//	go run ./testdata/bench [-row REGEXP] [-records N] [-runs N]
//	go run ./testdata/bench -long [-records N] [-to SINK] [-kills N]
//
// The rows of a table are measured in turns, so that what the machine does beside them meets all.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"slices"

	"github.com/lastpage/lastpage/testdata/measure"
)

// table is a server and what is drained from it, side by side.
type table struct {
	serve plan
	rows  []row
}

type row struct {
	name string
	set  func(*plan)
}

const nextHook = "function next(page) { return page.body.next ? {token: page.body.next} : {end: \"no next of \" + page.body.total}; }\n"

const recordHook = "function record(r) { return r.confidence < 0 ? null : r; }\n"

func to(sink string) func(*plan) { return func(p *plan) { p.to = sink } }

func hook(text string, flags ...string) func(*plan) {
	return func(p *plan) { p.hook, p.flags, p.to = text, flags, "null:" }
}

// tables are what `make bench` measures.
func tables(records int) []table {
	flat := plan{records: records, page: 1000, size: 250, parallel: 1, to: "jsonl:{dir}/out.jsonl"}
	with := func(change func(*plan)) plan {
		p := flat
		change(&p)
		return p
	}
	same := func(*plan) {}
	return []table{
		{flat, []row{
			{"jsonl:", same},
			{"jsonl:, commit every 16 pages", func(p *plan) { p.flags = []string{"--commit-every", "16"} }},
			{"jsonl:, parallel: 4", func(p *plan) { p.parallel = 4 }},
			{"csv:", to("csv:{dir}/out.csv")},
			{"jsonl: .zst", to("jsonl:{dir}/out.jsonl.zst")},
			{"sqlite:", to("sqlite:{dir}/out.db")},
		}},
		{flat, []row{
			{"null:", to("null:")},
			{"null:, parallel: 4", func(p *plan) { p.to, p.parallel = "null:", 4 }},
			{"null:, next hook", hook(nextHook)},
			{"null:, next hook, --untrusted", hook(nextHook, "--untrusted")},
		}},
		{with(func(p *plan) { p.records /= 10 }), []row{
			{"null:", to("null:")},
			{"null:, record hook", hook(recordHook)},
			{"null:, record hook, --untrusted", hook(recordHook, "--untrusted")},
		}},
		{with(func(p *plan) { p.page = 100 }), []row{{"jsonl:", same}, {"jsonl:, parallel: 4", func(p *plan) { p.parallel = 4 }}}},
		{with(func(p *plan) { p.page = 10000 }), []row{{"jsonl:", same}}},
		{with(func(p *plan) { p.nested, p.size, p.records = true, 2000, p.records/4 }), []row{{"jsonl:", same}}},
		{with(func(p *plan) { p.gzip = true }), []row{{"jsonl:", same}}},
	}
}

func main() {
	var records, runs, kills int
	var only, sink, from string
	var long bool
	flag.IntVar(&records, "records", 0, "records to drain (2,000,000; -long: 400,000,000)")
	flag.IntVar(&runs, "runs", 3, "runs of each row; the median counts")
	flag.StringVar(&only, "row", "", "measure the rows whose name matches")
	flag.BoolVar(&long, "long", false, "one long run instead of the table: memory, growth, exactness")
	flag.StringVar(&sink, "to", "null:", "with -long: sink; {dir} is a temporary folder")
	flag.IntVar(&kills, "kills", 0, "with -long: how often the runner is killed on the way")
	flag.StringVar(&from, "discard", "", "read and discard -records pages of this server: what the floor is")
	flag.Parse()
	pick, err := regexp.Compile(only)
	if from != "" {
		err = discard(from, records)
	} else if err == nil && long {
		err = longRun(orElse(records, 400_000_000), sink, kills)
	} else if err == nil {
		err = measureAll(tables(orElse(records, 2_000_000)), pick, runs)
	}
	if err != nil {
		log.Fatal("bench: ", err)
	}
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

func measureAll(list []table, pick *regexp.Regexp, runs int) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := measure.Build(dir)
	if err != nil {
		return err
	}
	for _, t := range list {
		t.rows = slices.DeleteFunc(t.rows, func(r row) bool { return !pick.MatchString(r.name) })
		if len(t.rows) == 0 {
			continue
		}
		if err := t.measure(dir, bin, runs); err != nil {
			return err
		}
	}
	return nil
}

// measure runs the floor and all rows in turns, and prints the median of each.
func (t table) measure(dir, bin string, runs int) error {
	s, err := serve(t.serve)
	if err != nil {
		return err
	}
	defer s.close()
	all := make([][]measure.Result, 1+len(t.rows))
	for range max(1, runs) {
		floor, err := s.floor()
		if err != nil {
			return err
		}
		all[0] = append(all[0], floor)
		for i, r := range t.rows {
			p := t.serve
			r.set(&p)
			took, err := p.drain(dir, bin, s.url)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			all[1+i] = append(all[1+i], took)
		}
	}
	floor := median(all[0])
	fmt.Printf("%d records of %d bytes, %s\n", t.serve.records, t.serve.size, t.serve.kind())
	line := func(name string, m measure.Result) {
		secs := m.Took.Seconds()
		fmt.Printf("  %-32s %10.0f records/s %6.0f MB/s %5.1f MB peak, %4.1f its own  %.3f of the floor\n", name,
			float64(t.serve.records)/secs, float64(s.bytes)/1e6/secs, float64(m.Peak)/1e6, float64(m.Own)/1e6, floor.Took.Seconds()/secs)
	}
	line("floor: read and discard", floor)
	for i, r := range t.rows {
		line(r.name, median(all[1+i]))
	}
	return nil
}

// median is the run in the middle by time.
func median(all []measure.Result) measure.Result {
	slices.SortFunc(all, func(a, b measure.Result) int { return int(a.Took - b.Took) })
	return all[len(all)/2]
}
