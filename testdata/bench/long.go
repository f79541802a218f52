package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/testdata/measure"
)

// longSize is the bytes of a record of a long run, longPage the records of a page.
const (
	longSize = 250
	longPage = 1000
)

// endless serves records that are all different: the number of each is written into a page that is
// rendered once.
type endless struct {
	records int
	page    []byte // items of a page, without the brackets
	digits  []int  // where the ten digits of each record's number stand in page
	pool    sync.Pool
	srv     *http.Server
	url     string

	mu   sync.Mutex
	at   []int64          // microseconds since begun when the page was last asked for
	hit  map[int]struct{} // pages that were asked for more than once
	stop map[int]chan struct{}
	from time.Time
}

func newEndless(records int) (*endless, error) {
	e := &endless{records: records, hit: map[int]struct{}{}, stop: map[int]chan struct{}{}, from: time.Now()}
	for i := range longPage {
		rec := fmt.Sprintf(`{"id":"indicator--%010d","type":"ipv4","value":"203.0.113.%d","confidence":%d,"created":"2026-01-%02dT%02d:00:00Z","tags":["c2","botnet"],"note":"`, 0, i%256, i%100, i%28+1, i%24)
		if i > 0 {
			e.page = append(e.page, ',')
		}
		e.digits = append(e.digits, len(e.page)+len(`{"id":"indicator--`))
		e.page = append(e.page, rec...)
		e.page = append(e.page, strings.Repeat("x", longSize-2-len(rec))...)
		e.page = append(e.page, `"}`...)
	}
	e.at = make([]int64, e.pages()+1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e.url = "http://" + l.Addr().String()
	e.srv = &http.Server{Handler: e}
	go e.srv.Serve(l)
	return e, nil
}

func (e *endless) pages() int { return (e.records + longPage - 1) / longPage }

// items appends the records of a page, each followed by sep but the last.
func (e *endless) items(to []byte, page int) []byte {
	begin := len(to)
	to = append(to, e.page...)
	n := min(longPage, e.records-page*longPage)
	for i := range n {
		number := page*longPage + i
		for d := begin + e.digits[i] + 9; number > 0; d-- {
			to[d] = byte('0' + number%10)
			number /= 10
		}
	}
	if n < longPage {
		to = to[:begin+e.digits[n]-len(`,{"id":"indicator--`)]
	}
	return to
}

func (e *endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	if page < 0 || page >= e.pages() {
		http.Error(w, "no such page", http.StatusBadRequest)
		return
	}
	e.note(page)
	buf, _ := e.pool.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	next := "null"
	if page+1 < e.pages() {
		next = strconv.Quote(strconv.Itoa(page + 1))
	}
	*buf = fmt.Appendf((*buf)[:0], `{"total":%d,"next":%s,"items":[`, e.records, next)
	*buf = append(e.items(*buf, page), "]}"...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(*buf)))
	w.Write(*buf)
	e.pool.Put(buf)
}

// note writes down when a page was asked for, and wakes who waits for it.
func (e *endless) note(page int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at[page] != 0 {
		e.hit[page] = struct{}{}
	}
	e.at[page] = time.Since(e.from).Microseconds()
	if c := e.stop[page]; c != nil {
		close(c)
		delete(e.stop, page)
	}
}

// reached is closed when the page is asked for.
func (e *endless) reached(page int) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := make(chan struct{})
	e.stop[page] = c
	return c
}

// pace is the median time between two requests, in microseconds, over n pages from page on.
func (e *endless) pace(page, n int) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	var gaps []int64
	for i := max(1, page); i < min(page+n, e.pages()); i++ {
		gaps = append(gaps, e.at[i]-e.at[i-1])
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// sum is the hash of all records, a line end after each.
func (e *endless) sum() uint64 {
	var h xxhash.Digest
	h.Reset()
	var buf []byte
	for page := range e.pages() {
		buf = e.items(buf[:0], page)
		for len(buf) > 0 {
			h.Write(buf[:longSize])
			h.WriteString("\n")
			buf = buf[min(len(buf), longSize+1):]
		}
	}
	return h.Sum64()
}

// longRun drains many records, kills the runner on the way, and compares what arrived.
func longRun(records int, sink string, kills int) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := measure.Build(dir)
	if err != nil {
		return err
	}
	e, err := newEndless(records)
	if err != nil {
		return err
	}
	defer e.srv.Close()
	conn, state := filepath.Join(dir, "long.yaml"), filepath.Join(dir, "state.db")
	sink = strings.ReplaceAll(sink, "{dir}", dir)
	if err := os.WriteFile(conn, []byte(plan{parallel: 1}.connector(e.url)), 0o644); err != nil {
		return err
	}
	fmt.Printf("%d records of %d bytes, %d a page, token chain, to %s, killed %d times\n", records, longSize, longPage, strings.ReplaceAll(sink, dir, ""), kills)
	began := time.Now()
	var resident []int64 // bytes, sampled
	for k := 1; ; k++ {
		var kill <-chan struct{}
		if k <= kills {
			kill = e.reached(e.pages() * k / (kills + 1))
		}
		p, err := measure.Start(bin, "run", conn, "--state", state, "--to", sink)
		if err != nil {
			return err
		}
		r, list, err := watchLong(p, kill)
		if err != nil {
			return err
		}
		resident = append(resident, list...)
		if r.Exit == 0 {
			fmt.Printf("  %s\n", strings.ReplaceAll(lastLine(r.Said), dir, ""))
			break
		}
		if r.Exit != -1 {
			return fmt.Errorf("exit code %d: %s", r.Exit, r.Said)
		}
		fmt.Printf("  killed after %.0f s\n", time.Since(began).Seconds())
	}
	secs := time.Since(began).Seconds()
	bytes := float64(records) * (longSize + 1)
	fmt.Printf("  %.1f s, %.0f records/s, %.0f MB/s; %d pages were asked for more than once\n", secs, float64(records)/secs, bytes/1e6/secs, len(e.hit))
	fmt.Printf("  memory over the run, by tenths: %s MB; state file %.1f MB\n", tenths(resident), float64(measure.State(state))/1e6)
	fmt.Printf("  microseconds a page, median of 10,000: from page 1,000 on %d, to the last page %d\n", e.pace(1000, 10_000), e.pace(e.pages()-10_000, 10_000))
	return e.compare(state, sink)
}

// watchLong samples the memory of a run until it ends, and kills it when it is told.
func watchLong(p *measure.Process, kill <-chan struct{}) (measure.Result, []int64, error) {
	type ended struct {
		r   measure.Result
		err error
	}
	end := make(chan ended, 1)
	go func() {
		r, err := p.Wait()
		end <- ended{r, err}
	}()
	t := time.NewTicker(250 * time.Millisecond)
	defer t.Stop()
	var list []int64
	for {
		select {
		case x := <-end:
			return x.r, list, x.err
		case <-kill:
			kill = nil
			if err := p.Kill(); err != nil {
				return measure.Result{}, nil, err
			}
		case <-t.C:
			if n := p.Resident(); n > 0 {
				list = append(list, n)
			}
		}
	}
}

// tenths is the greatest sample of each tenth, in MB.
func tenths(list []int64) string {
	var out []string
	for i := range 10 {
		part := list[len(list)*i/10 : len(list)*(i+1)/10]
		if len(part) > 0 {
			out = append(out, fmt.Sprintf("%.0f", float64(slices.Max(part))/1e6))
		}
	}
	return strings.Join(out, " ")
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// compare holds count and hash of what arrived against what was served.
func (e *endless) compare(state, sink string) error {
	n, sum, err := arrived(state, sink)
	if err != nil {
		return err
	}
	want := e.sum()
	fmt.Printf("  arrived: %d records, xxhash64 %016x; served: %d, %016x\n", n, sum, e.records, want)
	if n != int64(e.records) || sum != want {
		return errors.New("what arrived is not what was served")
	}
	return nil
}

// arrived counts and hashes the file, or reads what the null sink has counted from its mark.
func arrived(state, sink string) (int64, uint64, error) {
	if file, ok := strings.CutPrefix(sink, "jsonl:"); ok {
		return hashFile(file)
	}
	ctx := context.Background()
	db, err := store.Open(ctx, state, store.Options{})
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	key := engine.StreamKey{Connector: "bench", Stream: "records"}
	marks, err := db.Marks(ctx, key)
	if err != nil || len(marks) == 0 {
		return 0, 0, errors.Join(err, errors.New("the state has no mark of the sink"))
	}
	var mark struct {
		Records int64
		Hash    string
	}
	if err := json.Unmarshal(marks[0].Data, &mark); err != nil {
		return 0, 0, err
	}
	sum, err := strconv.ParseUint(mark.Hash, 16, 64)
	return mark.Records, sum, err
}

func hashFile(name string) (lines int64, sum uint64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	var h xxhash.Digest
	h.Reset()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			h.Write(line)
			lines++
		}
		if err == io.EOF {
			return lines, h.Sum64(), nil
		}
		if err != nil {
			return 0, 0, err
		}
	}
}
