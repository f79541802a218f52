// Command bench measures what the real `runner run` moves: it serves pre-rendered pages on a loopback
// port, drains them with a plain net/http loop that reads and discards (the floor), then with the
// runner into a sink, and prints records/s, MB/s, peak memory and the ratio to the floor.
//
//	go run ./testdata/bench [-records N] [-page N] [-size BYTES] [-shape flat|nested] [-gzip] [-parallel N] [-latency D] [-to SINK] [-runs N]
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// plan is one measurement.
type plan struct {
	records  int
	page     int
	size     int
	nested   bool
	gzip     bool
	parallel int
	latency  time.Duration
	to       string
	runs     int
	hook     bool
}

func main() {
	var p plan
	var shape string
	flag.IntVar(&p.records, "records", 1_000_000, "records to drain")
	flag.IntVar(&p.page, "page", 1000, "records a page")
	flag.IntVar(&p.size, "size", 250, "bytes a record")
	flag.StringVar(&shape, "shape", "flat", "flat or nested")
	flag.BoolVar(&p.gzip, "gzip", false, "answers are compressed")
	flag.BoolVar(&p.hook, "hook", false, "a hook that reads two fields decides")
	flag.IntVar(&p.parallel, "parallel", 1, "pages in flight (an offset chain; 1: a token chain)")
	flag.DurationVar(&p.latency, "latency", 0, "before each answer")
	flag.StringVar(&p.to, "to", "jsonl:{dir}/out.jsonl", "sink; {dir} is a temporary folder")
	flag.IntVar(&p.runs, "runs", 3, "runs; the median counts")
	flag.Parse()
	p.nested = shape == "nested"
	if err := p.measure(); err != nil {
		log.Fatal("bench: ", err)
	}
}

func (p plan) measure() error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "runner")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/runner").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	s, err := serve(p)
	if err != nil {
		return err
	}
	floor, err := median(p.runs, func() (time.Duration, int64, error) { return s.floor() })
	if err != nil {
		return err
	}
	took, err := median(p.runs, func() (time.Duration, int64, error) { return p.drain(dir, bin, s.url) })
	if err != nil {
		return err
	}
	mb := float64(s.bytes) / 1e6
	row := func(name string, m result) {
		secs := m.took.Seconds()
		fmt.Printf("%-28s %10.0f records/s %8.0f MB/s %6.1f MB peak  %.3f of the floor\n", name,
			float64(p.records)/secs, mb/secs, float64(m.rss)/1e6, floor.took.Seconds()/secs)
	}
	fmt.Printf("%d records of %d bytes, %d a page, %s, to %s\n", p.records, p.size, p.page, p.kind(), strings.ReplaceAll(p.to, dir, ""))
	row("floor: read and discard", floor)
	row("runner run", took)
	return nil
}

func (p plan) kind() string {
	k := "token chain"
	if p.parallel > 1 {
		k = fmt.Sprintf("offset chain, %d in flight", p.parallel)
	}
	if p.gzip {
		k += ", gzip"
	}
	if p.nested {
		k += ", nested"
	}
	if p.hook {
		k += ", hook"
	}
	if p.latency > 0 {
		k += ", " + p.latency.String() + " latency"
	}
	return k
}

type result struct {
	took time.Duration
	rss  int64
}

// median runs f several times and returns the one in the middle by time.
func median(n int, f func() (time.Duration, int64, error)) (result, error) {
	var all []result
	for range max(1, n) {
		took, rss, err := f()
		if err != nil {
			return result{}, err
		}
		i := 0
		for i < len(all) && all[i].took < took {
			i++
		}
		all = append(all[:i], append([]result{{took, rss}}, all[i:]...)...)
	}
	return all[len(all)/2], nil
}

// drain runs the binary once from a fresh state.
func (p plan) drain(dir, bin, url string) (time.Duration, int64, error) {
	conn := filepath.Join(dir, "bench")
	if err := os.MkdirAll(conn, 0o755); err != nil {
		return 0, 0, err
	}
	if err := os.WriteFile(filepath.Join(conn, "connector.yaml"), []byte(p.connector(url)), 0o644); err != nil {
		return 0, 0, err
	}
	os.Remove(filepath.Join(conn, "hook.js"))
	if p.hook {
		hook := "function next(page) { return page.body.next ? {token: page.body.next} : {end: \"no next of \" + page.body.total}; }\n"
		if err := os.WriteFile(filepath.Join(conn, "hook.js"), []byte(hook), 0o644); err != nil {
			return 0, 0, err
		}
	}
	for _, f := range []string{"state.db", "state.db-wal", "state.db-shm", "out.jsonl", "out.db", "out.jsonl.gz", "out.jsonl.zst", "out.csv"} {
		os.Remove(filepath.Join(dir, f))
	}
	cmd := exec.Command(bin, "run", conn, "--state", filepath.Join(dir, "state.db"), "--to", strings.ReplaceAll(p.to, "{dir}", dir), "--fresh")
	var out bytes.Buffer
	cmd.Stderr = &out
	cmd.Stdout = io.Discard
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	peak := make(chan int64, 1)
	done := make(chan struct{})
	go func() { peak <- watch(cmd.Process.Pid, done) }()
	err := cmd.Wait()
	took := time.Since(began)
	close(done)
	rss := <-peak
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, out.String())
	}
	if !strings.Contains(out.String(), "complete") {
		return 0, 0, fmt.Errorf("the run did not end complete: %s", out.String())
	}
	return took, rss, nil
}

// watch returns the greatest VmHWM that the process shows until done: its peak of resident memory.
// (The ru_maxrss of a child counts what its parent held when it was forked.)
func watch(pid int, done <-chan struct{}) int64 {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	peak := int64(0)
	for {
		b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if _, rest, ok := strings.Cut(string(b), "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			peak = max(peak, kb*1024)
		}
		select {
		case <-done:
			return peak
		case <-t.C:
		}
	}
}

func (p plan) connector(url string) string {
	paging := "{type: cursor, next: body.next, send: query.cursor, total: body.total}"
	if p.parallel > 1 {
		paging = fmt.Sprintf("{type: offset, send: query.offset, limit: {send: query.limit, value: %d}, total: body.total, parallel: %d}", p.page, p.parallel)
	}
	if p.hook {
		paging = "{type: hook, send: query.cursor}"
	}
	return "connector: bench\nformat: 1\nhttp: {base_url: \"" + url + "\", max_page: 1GB}\nstreams:\n  records:\n    request: {path: /pages}\n    records: {path: items}\n    pagination: " + paging + "\n"
}

// server holds the rendered pages: the items of each, between a head and a tail that carry the token.
type server struct {
	url   string
	pages [][]byte
	bytes int64
}

func serve(p plan) (*server, error) {
	s := &server{}
	n := (p.records + p.page - 1) / p.page
	distinct := min(n, 64) // as many different bodies as caches do not hold
	bodies := make([][]byte, distinct)
	for i := range bodies {
		bodies[i] = p.items(i)
	}
	for i := range n {
		next := `null`
		if i+1 < n {
			next = `"` + strconv.Itoa(i+1) + `"`
		}
		head := fmt.Sprintf(`{"total":%d,"next":%s,"items":[`, p.records, next)
		items := bodies[i%distinct]
		if i == n-1 && p.records%p.page != 0 {
			short := p
			short.page = p.records % p.page
			items = short.items(i)
		}
		s.bytes += int64(len(head) + len(items) + 2)
		if i >= distinct && !p.gzip && n > 4*distinct {
			s.pages = append(s.pages, []byte(head)) // the items are shared
			continue
		}
		page := append(append([]byte(head), items...), "]}"...)
		if p.gzip {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			w.Write(page)
			w.Close()
			page = b.Bytes()
		}
		s.pages = append(s.pages, page)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + l.Addr().String()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := 0
		q := r.URL.Query()
		if c := q.Get("cursor"); c != "" {
			i, _ = strconv.Atoi(c)
		} else if o := q.Get("offset"); o != "" {
			i, _ = strconv.Atoi(o)
			i /= p.page
		}
		if p.latency > 0 {
			time.Sleep(p.latency)
		}
		w.Header().Set("Content-Type", "application/json")
		if i >= n {
			io.WriteString(w, fmt.Sprintf(`{"total":%d,"next":null,"items":[]}`, p.records))
			return
		}
		if p.gzip {
			w.Header().Set("Content-Encoding", "gzip")
		}
		page := s.pages[i]
		if len(page) < 200 && i >= distinct && !p.gzip {
			items := bodies[i%distinct]
			w.Header().Set("Content-Length", strconv.Itoa(len(page)+len(items)+2))
			w.Write(page)
			w.Write(items)
			io.WriteString(w, "]}")
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.Write(page)
	})
	go http.Serve(l, handler)
	return s, nil
}

// items renders the records of one page.
func (p plan) items(page int) []byte {
	var b bytes.Buffer
	for i := range p.page {
		if i > 0 {
			b.WriteByte(',')
		}
		id := page*p.page + i
		rec := fmt.Sprintf(`{"id":"indicator--%08d","type":"ipv4","value":"203.0.%d.%d","confidence":%d,"created":"2026-01-%02dT%02d:00:00Z","tags":["c2","botnet"],"note":"`, id, id/256%256, id%256, id%100, id%28+1, id%24)
		if p.nested {
			rec = fmt.Sprintf(`{"type":"indicator","id":"indicator--%08d","objects":[{"a":[1,2,{"b":"c"}],"d":{"e":{"f":%d}}},{"x":true,"y":null,"z":1.5e3}],"kill_chain_phases":[{"kill_chain_name":"lockheed","phase_name":"recon"}],"pattern":"[ipv4-addr:value = '203.0.113.%d']","refs":[%s],"note":"`, id, id, id%256, strings.Repeat(`"r--1",`, 40)+`"r--2"`)
		}
		b.WriteString(rec)
		if pad := p.size - len(rec) - 2; pad > 0 {
			b.WriteString(strings.Repeat("x", pad))
		}
		b.WriteString(`"}`)
	}
	return b.Bytes()
}

// floor reads and discards every page over one connection.
func (s *server) floor() (time.Duration, int64, error) {
	began := time.Now()
	buf := make([]byte, 256<<10)
	for i := range s.pages {
		resp, err := http.Get(s.url + "/pages?cursor=" + strconv.Itoa(i))
		if err != nil {
			return 0, 0, err
		}
		for {
			if _, err := resp.Body.Read(buf); err != nil {
				break
			}
		}
		resp.Body.Close()
	}
	return time.Since(began), 0, nil
}
