// Command chains measures what many chains cost: it serves lists of parents and children on a loopback
// port, drains them with the real `runner run`, and prints wall time, peak memory, the size of the
// state file and the ratio to the first row.
//
//	go run ./testdata/chains [-what parents|chains|parallel|all] [-latency D] [-parents N] [-chains N] [-to SINK]
//
// `parents` walks N parents with 0 to 3 pages of children each at 1, 4 and 16 chains side by side,
// `chains` N chains of one page each, in one run and stopped in the middle and gone on with, `parallel`
// one offset chain with 1, 4, 8 and 32 pages in flight.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/testdata/measure"
)

// limits of the lists that are served.
const (
	parentPage = 100 // parents a page
	childPage  = 10  // children a page
	walkPage   = 10  // records a page of the one offset chain
)

type bench struct {
	latency time.Duration
	parents int
	chains  int
	pages   int
	to      string
	dir     string
	bin     string
	url     string
	first   float64 // wall time of the first row, in seconds
}

func main() {
	var b bench
	var what string
	flag.StringVar(&what, "what", "all", "parents, chains, parallel or all")
	flag.DurationVar(&b.latency, "latency", 20*time.Millisecond, "before each answer (chains: none)")
	flag.IntVar(&b.parents, "parents", 10_000, "parents")
	flag.IntVar(&b.chains, "chains", 100_000, "chains of one page")
	flag.IntVar(&b.pages, "pages", 1000, "pages of the one offset chain")
	flag.StringVar(&b.to, "to", "jsonl:{dir}/{stream}.jsonl", "sink; {dir} is a temporary folder")
	flag.Parse()
	if err := b.run(what); err != nil {
		log.Fatal("chains: ", err)
	}
}

func (b *bench) run(what string) error {
	var err error
	if b.dir, err = os.MkdirTemp("", "chains"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.bin, err = measure.Build(b.dir); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b.url = "http://" + l.Addr().String()
	go http.Serve(l, http.HandlerFunc(b.serve))
	for _, m := range []struct {
		name string
		do   func() error
	}{{"parents", b.measureParents}, {"chains", b.measureChains}, {"parallel", b.measureParallel}} {
		if what == m.name || what == "all" {
			if err := m.do(); err != nil {
				return err
			}
		}
	}
	return nil
}

const parentStreams = `
  parents:
    request: {path: /parents}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 100}, total: body.total}
  children:
    partitions: [{stream: parents, take: {parent: id}}]
    request: {path: "/parents/${partition.parent}"}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, total: body.total}
`

func (b *bench) measureParents() error {
	fmt.Printf("%d parents with 0 to 3 pages each, %s latency\n", b.parents, b.latency)
	for i, n := range []int{1, 4, 16} {
		m, err := b.drain(parentStreams, "--fresh", "--chains", strconv.Itoa(n))
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("%d chains side by side", n), m, i == 0)
	}
	return nil
}

func (b *bench) measureChains() error {
	fmt.Printf("%d chains of one page each\n", b.chains)
	stream := fmt.Sprintf(`
  chains:
    partitions: [{values: {n: "${Array.from({length: %d}, (_, i) => i)}"}}]
    chains: {concurrency: 16}
    request: {path: "/one/${partition.n}"}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor, total: body.total}
`, b.chains)
	m, err := b.drain(stream, "--fresh")
	if err != nil {
		return err
	}
	b.row("one run", m, true)
	half, err := b.drain(stream, "--fresh", "--max-pages", strconv.Itoa(b.chains/2))
	if err != nil {
		return err
	}
	b.row("stopped after half of them", half, false)
	rest, err := b.drain(stream)
	if err != nil {
		return err
	}
	b.row("gone on with", rest, false)
	return nil
}

func (b *bench) measureParallel() error {
	fmt.Printf("one offset chain of %d pages, %s latency\n", b.pages, b.latency)
	for i, n := range []int{1, 4, 8, 32} {
		m, err := b.drain(fmt.Sprintf(`
  walk:
    request: {path: /walk}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, total: body.total, parallel: %d}
`, n), "--fresh")
		if err != nil {
			return err
		}
		b.row(fmt.Sprintf("parallel: %d", n), m, i == 0)
	}
	return nil
}

// measured is one run.
type measured struct {
	measure.Result
	state int64 // bytes, the state file with its log
}

func (b *bench) row(name string, m measured, first bool) {
	if first {
		b.first = m.Took.Seconds()
	}
	fmt.Printf("  %-28s %8.1f s %8.1f MB peak %8.1f MB state file  %5.1f times\n", name, m.Took.Seconds(), float64(m.Peak)/1e6, float64(m.state)/1e6, b.first/m.Took.Seconds())
}

// drain runs the binary once.
func (b *bench) drain(streams string, args ...string) (measured, error) {
	var m measured
	file := filepath.Join(b.dir, "chains.yaml")
	text := "connector: chains\nformat: 1\nhttp: {base_url: \"" + b.url + "\"}\nstreams:" + streams
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return m, err
	}
	state := filepath.Join(b.dir, "state.db")
	if len(args) > 0 && args[0] == "--fresh" {
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(state + end)
		}
	}
	p, err := measure.Start(b.bin, append([]string{"run", file, "--state", state, "--to", strings.ReplaceAll(b.to, "{dir}", b.dir)}, args...)...)
	if err != nil {
		return m, err
	}
	if m.Result, err = p.Wait(); err != nil {
		return m, err
	}
	if m.Exit != 0 && m.Exit != 4 {
		return m, fmt.Errorf("exit code %d: %s", m.Exit, m.Said)
	}
	m.state = measure.State(state)
	return m, nil
}

// serve answers the lists. A parent has 0 to 3 pages of children by its number.
func (b *bench) serve(w http.ResponseWriter, r *http.Request) {
	at, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	path := r.URL.Path
	total, size, prefix := b.pages*walkPage, walkPage, ""
	switch {
	case path == "/parents":
		total, size = b.parents, parentPage
	case strings.HasPrefix(path, "/parents/"):
		prefix = strings.TrimPrefix(path, "/parents/")
		n, _ := strconv.Atoi(prefix)
		total, size, prefix = n%4*childPage, childPage, prefix+"."
	case strings.HasPrefix(path, "/one/"):
		total, size, prefix = 1, 1, strings.TrimPrefix(path, "/one/")+"."
	}
	if !strings.HasPrefix(path, "/one/") {
		time.Sleep(b.latency)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"total":%d,"next":null,"items":[`, total)
	for i := at; i < min(total, at+size); i++ {
		if i > at {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"id":"%s%d","name":"record %d of %d"}`, prefix, i, i, total)
	}
	out.WriteString("]}")
	w.Header().Set("Content-Type", "application/json")
	w.Write(out.Bytes())
}
