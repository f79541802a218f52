package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime/demo"
)

// connector is one of those under test.
type connector struct {
	name  string
	world string
	loops bool // its hook is made to loop now and then

	run    string // under way, "" for none
	fresh  bool   // the next run begins anew
	paused time.Time
	whole  int // times that its file was found whole
}

// driver keeps runs under way and looks at what they leave.
type driver struct {
	plan
	dir     string
	api     *demo.Server
	service *service
	random  *rand.Rand
	list    []*connector
	files   *files

	kills, pauses, cancels, completes, failures int
}

func newDriver(p plan, dir string, api *demo.Server) *driver {
	d := &driver{plan: p, dir: dir, api: api, random: rand.New(rand.NewPCG(p.seed, 7))}
	for i := range p.connectors {
		d.list = append(d.list, &connector{name: fmt.Sprintf("c%03d", i), world: fmt.Sprintf("w%03d", i), loops: i%5 == 0, fresh: true})
	}
	d.files = &files{dir: dir, url: api.URL, list: d.list, random: rand.New(rand.NewPCG(p.seed, 8)), bad: map[*connector]time.Time{}, again: map[*connector]bool{}}
	return d
}

// write writes every connector, and begins their worlds.
func (d *driver) write() error {
	for _, c := range d.list {
		if err := d.api.World(c.world).Set(demo.Settings{Records: d.records}); err != nil {
			return err
		}
	}
	return d.files.mend()
}

// work makes things go wrong for as long as planned, then lets everything come to its end.
func (d *driver) work(ctx context.Context) error {
	began, killed, measured, said := time.Now(), time.Now(), time.Now(), time.Now()
	saving, quit := context.WithCancel(ctx)
	saved := make(chan error, 1)
	go func() { saved <- d.files.saving(saving) }()
	defer quit()
	for time.Since(began) < d.time {
		now := time.Now()
		if now.Sub(killed) > d.kill {
			d.service.kill()
			d.kills++
			if err := d.service.start(ctx); err != nil {
				return err
			}
			killed = time.Now()
		}
		if now.Sub(measured) > time.Second {
			measured = now
			d.service.measure(ctx)
		}
		if now.Sub(said) > 15*time.Second {
			said = now
			fmt.Printf("%4.0f s: %d runs complete, %d failed, %d saves, %d pauses, %d cancels, %d kills\n",
				now.Sub(began).Seconds(), d.completes, d.failures, d.files.saved(), d.pauses, d.cancels, d.kills)
		}
		for range 20 {
			d.disturb(ctx)
		}
		if err := d.turn(ctx, true); err != nil {
			return err
		}
	}
	quit()
	if err := <-saved; err != nil {
		return err
	}
	return d.settle(ctx)
}

// settle ends the disturbance and waits until every file is whole once more.
func (d *driver) settle(ctx context.Context) error {
	if err := d.files.mend(); err != nil {
		return err
	}
	for _, c := range d.list {
		c.whole, c.paused = 0, time.Time{}
	}
	time.Sleep(2 * time.Second) // until all are taken over
	began := time.Now()
	for {
		left := slices.DeleteFunc(slices.Clone(d.list), func(c *connector) bool { return c.whole > 0 })
		if len(left) == 0 {
			fmt.Printf("all %d files were whole %s after the end of the disturbance\n", len(d.list), time.Since(began).Round(time.Second))
			return nil
		}
		if time.Since(began) > 3*time.Minute {
			return fmt.Errorf("%d chains are stuck, %s among them (run %s)", len(left), left[0].name, left[0].run)
		}
		if err := d.turn(ctx, false); err != nil {
			return err
		}
	}
}

// turn looks at every run that is under way, and begins others.
func (d *driver) turn(ctx context.Context, more bool) error {
	going := 0
	code, b, err := d.service.call(ctx, "GET", "/v1/runs?limit=1000", nil)
	if err != nil {
		return nil // the next process answers
	}
	var list struct{ Runs []status }
	if err := json.Unmarshal(b, &list); code != 200 || err != nil {
		return fmt.Errorf("the list of runs: %d %s", code, b)
	}
	byID := map[string]status{}
	for _, s := range list.Runs {
		byID[s.ID] = s
	}
	for _, c := range d.list {
		if c.run == "" {
			continue
		}
		if s, ok := byID[c.run]; ok && (s.Status == "running" || s.Status == "queued") {
			going++
			continue
		}
		if err := d.look(ctx, c); err != nil {
			return err
		}
		if c.run != "" {
			going++
		}
	}
	for _, i := range d.random.Perm(len(d.list)) {
		c := d.list[i]
		if going >= d.runs {
			break
		}
		if c.run != "" || !more && c.whole > 0 {
			continue
		}
		if d.begin(ctx, c) {
			going++
		}
	}
	time.Sleep(20 * time.Millisecond)
	return nil
}

// status is what the driver reads of a run.
type status struct {
	ID, Status, Verdict, Reason, Message string
}

// look sees what became of a run.
func (d *driver) look(ctx context.Context, c *connector) error {
	code, b, err := d.service.call(ctx, "GET", "/v1/runs/"+c.run, nil)
	if err != nil {
		return nil // the next process knows it
	}
	var s status
	if code == 404 {
		c.run = "" // killed before it was noted
		return nil
	}
	if code != 200 || json.Unmarshal(b, &s) != nil {
		return fmt.Errorf("run %s: %d %s", c.run, code, b)
	}
	switch s.Status {
	case "paused":
		if time.Now().After(c.paused) {
			_, _, _ = d.service.call(ctx, "POST", "/v1/runs/"+c.run+"/resume", nil) // looked at again
		}
	case "cancelled":
		c.run = ""
	case "ended":
		c.run = ""
		switch {
		case s.Verdict == "complete":
			d.completes++
			if err := d.whole(c); err != nil {
				return fmt.Errorf("%s, run %s: %w", c.name, s.ID, err)
			}
			c.whole++
			c.fresh = true
		case c.loops && s.Verdict == "failed":
			d.failures++
			c.fresh = true // positions of the other hook are not reused
		default:
			return fmt.Errorf("%s, run %s: %s %s: %s", c.name, s.ID, s.Verdict, s.Reason, s.Message)
		}
	}
	return nil
}

// begin starts a run; false when the service did not take it.
func (d *driver) begin(ctx context.Context, c *connector) bool {
	if c.fresh {
		d.files.begin(c)
	}
	code, b, err := d.service.call(ctx, "POST", "/v1/runs", map[string]any{"connector": c.name, "to": "jsonl:" + c.name + ".jsonl", "fresh": c.fresh})
	if err != nil {
		return false
	}
	var s status
	switch {
	case code == 202 && json.Unmarshal(b, &s) == nil:
		c.run = s.ID
		c.fresh = false
	case code == 409: // the answer to an earlier start got lost
		var list struct{ Runs []status }
		if code, b, err := d.service.call(ctx, "GET", "/v1/runs?limit=1&connector="+c.name, nil); err == nil && code == 200 && json.Unmarshal(b, &list) == nil && len(list.Runs) == 1 {
			c.run = list.Runs[0].ID
			c.fresh = false
		}
	}
	return c.run != ""
}

// disturb pauses or cancels a run now and then.
func (d *driver) disturb(ctx context.Context) {
	c := d.list[d.random.IntN(len(d.list))]
	if c.run == "" {
		return
	}
	switch d.random.IntN(12) {
	case 0, 1:
		if code, _, err := d.service.call(ctx, "POST", "/v1/runs/"+c.run+"/pause", nil); err == nil && code == 202 {
			d.pauses++
			c.paused = time.Now().Add(time.Duration(d.random.IntN(3000)) * time.Millisecond)
		}
	case 2:
		if code, _, err := d.service.call(ctx, "POST", "/v1/runs/"+c.run+"/cancel", nil); err == nil && code == 202 {
			d.cancels++
		}
	}
}

// whole checks that a file holds every record of its world, once.
func (d *driver) whole(c *connector) error {
	f, err := os.Open(filepath.Join(d.dir, c.name+".jsonl"))
	if err != nil {
		return err
	}
	defer f.Close()
	seen := map[string]int{}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var r struct{ ID json.Number }
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return fmt.Errorf("%w: %.100s", err, in.Text())
		}
		seen[r.ID.String()]++
	}
	if err := in.Err(); err != nil {
		return err
	}
	if len(seen) != d.records {
		return fmt.Errorf("%d different records, want %d", len(seen), d.records)
	}
	for id, n := range seen {
		if n != 1 && !d.files.looped(c) {
			return fmt.Errorf("record %s is there %d times", id, n)
		}
	}
	return nil
}

// report says what was done, and whether goroutines and memory stayed flat.
func (d *driver) report() error {
	fmt.Printf("%d runs complete, %d failed by their own hooks, %d saves, %d pauses, %d cancels, %d kills\n", d.completes, d.failures, d.files.saved(), d.pauses, d.cancels, d.kills)
	peak := map[int]sample{}
	for _, s := range d.service.sample {
		p := peak[s.start]
		peak[s.start] = sample{s.start, max(p.goroutines, s.goroutines), max(p.memory, s.memory)}
	}
	var rows []string
	var first, last sample
	for i := 1; i <= d.service.starts; i++ {
		p, ok := peak[i]
		if !ok {
			continue
		}
		rows = append(rows, fmt.Sprintf("%.0f/%.0f", p.goroutines, p.memory/(1<<20)))
		if first.start == 0 {
			first = p
		}
		last = p
	}
	fmt.Printf("most goroutines/MB of each process: %s\n", strings.Join(rows, " "))
	if last.goroutines > 1.5*first.goroutines+200 || last.memory > 1.5*first.memory+50<<20 {
		return fmt.Errorf("the last process needed more than the first: %+v %+v", first, last)
	}
	return nil
}
