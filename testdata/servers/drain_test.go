// Package servers_test drains real servers with the real command and the connectors that ship, kills
// it on the way, lets it go on, and compares what came with what was seeded.
package servers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lastpage/lastpage/testdata/servers/ready"
)

// drain is one stream of one server.
type drain struct {
	name      string
	program   string // folder of the server
	seed      []string
	connector string
	stream    string
	kills     []int // the run is killed during the request of this number
	key       func(record []byte) (string, error)
	verdict   string // how the last line begins
}

var drains = []drain{
	{"repositories", "registry", []string{"-repositories", "320"}, "docker-registry", "repositories", []int{2, 3}, text, "complete, "},
	{"tags", "registry", []string{"-repositories", "300"}, "docker-registry", "tags", []int{70, 110}, tag, "complete, "},
	{"records", "pocketbase", []string{"-records", "5000"}, "pocketbase", "records", []int{4, 3}, id, "complete, proved: 5,000 of 5,000 records"},
}

func TestDrain(t *testing.T) {
	dir := t.TempDir()
	runner := build(t, dir, filepath.Join("..", ".."), "./cmd/runner")
	for _, d := range drains {
		t.Run(d.name, func(t *testing.T) {
			line := serve(t, build(t, dir, ".", "./"+d.program), d.seed...)
			d.run(t, runner, line, false)
			d.run(t, runner, line, true)
		})
	}
}

func (d *drain) run(t *testing.T, runner string, line ready.Line, killed bool) {
	gate := newGate(t, line.URL)
	dir := t.TempDir()
	connector, err := filepath.Abs(filepath.Join("..", "..", "connectors", d.connector))
	if err != nil {
		t.Fatal(err)
	}
	command := func() (*exec.Cmd, *bytes.Buffer) {
		var msg bytes.Buffer
		cmd := exec.CommandContext(t.Context(), runner, "run", connector, d.stream, "--set", "base_url="+gate.URL, "--to", "jsonl:out.jsonl")
		cmd.Dir, cmd.Stderr = dir, &msg
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &msg
	}
	if killed {
		for _, at := range d.kills {
			reached := gate.holdAt(at)
			cmd, msg := command()
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-reached:
			case err := <-ended:
				t.Fatalf("the run ended before its request %d: %v\n%s", at, err, msg)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-ended
		}
	}
	gate.holdAt(0)
	cmd, msg := command()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	rows := strings.Split(strings.TrimSpace(msg.String()), "\n")
	if last := rows[len(rows)-1]; !strings.HasPrefix(last, d.verdict) {
		t.Errorf("%s", msg)
	} else {
		t.Logf("killed %v: %s", killed, last)
	}
	d.compare(t, filepath.Join(dir, "out.jsonl"), line.Expected)
}

// compare checks that the file holds every key that was seeded, once.
func (d *drain) compare(t *testing.T, path, expected string) {
	var want ready.Expected
	b, err := os.ReadFile(expected)
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for record := range bytes.Lines(b) {
		key, err := d.key(record)
		if err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		got = append(got, key)
	}
	slices.Sort(got)
	if !slices.Equal(got, want[d.stream]) {
		t.Errorf("%d records, want %d", len(got), len(want[d.stream]))
	}
}

func text(record []byte) (s string, err error) {
	err = json.Unmarshal(record, &s)
	return s, err
}

func tag(record []byte) (string, error) {
	var r struct{ Repository, Tag string }
	err := json.Unmarshal(record, &r)
	return r.Repository + ":" + r.Tag, err
}

func id(record []byte) (string, error) {
	var r struct{ ID string }
	err := json.Unmarshal(record, &r)
	return r.ID, err
}

// build compiles a program of the module in a folder.
func build(t *testing.T, to, module, program string) string {
	t.Helper()
	bin := filepath.Join(to, filepath.Base(program))
	cmd := exec.Command("go", "build", "-o", bin, program)
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return bin
}

// serve starts a server, waits until it is seeded, and ends it with the test.
func serve(t *testing.T, bin string, args ...string) ready.Line {
	t.Helper()
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	var line ready.Line
	first, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(first, &line)
	}
	if err != nil {
		t.Fatalf("%s: %v: %q", filepath.Base(bin), err, first)
	}
	return line
}

// gate stands before a server, counts requests, and can hold one back until its client is gone.
type gate struct {
	*httptest.Server
	mu      sync.Mutex
	count   int
	at      int
	reached chan struct{}
}

func newGate(t *testing.T, server string) *gate {
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }}
	g := &gate{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.holds() {
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

// holdAt begins to count anew; the request of number n (0: none) and those after it are held back, and
// the channel is closed when it comes.
func (g *gate) holdAt(n int) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count, g.at, g.reached = 0, n, make(chan struct{})
	return g.reached
}

func (g *gate) holds() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
	if g.count == g.at {
		close(g.reached)
	}
	return g.at > 0 && g.count >= g.at
}
