package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

func init() { children["drain"] = drain }

const (
	crashPages  = 2500
	crashChains = 3
)

// crashPage is the n-th page: its chain, its records and their keys. The first record of every page
// has a key that all pages share.
func crashPage(n int) (chain string, records [][]byte, keys []string) {
	chain = fmt.Sprintf(`{"window":%d}`, n%crashChains)
	records, keys = [][]byte{fmt.Appendf(nil, `{"key":"shared","page":%d,"i":0}`, n)}, []string{"shared"}
	for i := range n%4 + 1 {
		key := fmt.Sprintf("%d.%d", n, i+1)
		records = append(records, fmt.Appendf(nil, `{"key":%q,"page":%d,"i":%d}`, key, n, i+1))
		keys = append(keys, key)
	}
	return chain, records, keys
}

// drain delivers the pages that are missing and commits each, or two at a time, with its checkpoint, as
// a run does. It says when it is about to begin.
func drain(ctx context.Context, args []string) error {
	db, err := store.Open(ctx, args[0], store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := db.Acquire(ctx, key, store.Self(time.Now()))
	if err != nil {
		return err
	}
	s, err := sink.New(ctx, args[1], sink.Options{Ledger: db.Path()})
	if err != nil {
		return err
	}
	if err := reopen(ctx, db, l, s); err != nil {
		return err
	}
	commit := func(commits []engine.Commit) error {
		target, data, err := s.Mark(ctx, key.Stream)
		if err != nil {
			return err
		}
		var also func(*sql.Tx) error
		if tx, ok := s.(interface {
			Database() string
			Tx(context.Context, *sql.Tx) error
		}); ok && tx.Database() == db.Path() {
			also = func(t *sql.Tx) error { return tx.Tx(ctx, t) }
		}
		return db.Commit(ctx, l, commits, []engine.Mark{{Target: target, Data: data, Volatile: !s.Durable(key.Stream)}}, also)
	}
	if err := commit(nil); err != nil {
		return err
	}
	if r, err := db.Round(ctx, key); err != nil {
		return err
	} else if r.Number == 0 {
		if err := db.PutRound(ctx, l, engine.Round{Number: 1, Open: true}); err != nil {
			return err
		}
	}
	next := make([]int, crashChains)
	for c := range next {
		chain, _, _ := crashPage(c)
		if err := db.AddChains(ctx, l, []engine.Chain{{Key: chain, Ordinal: int64(c + 1)}}); err != nil {
			return err
		}
		p, _, err := db.Chain(ctx, key, chain)
		if err != nil {
			return err
		}
		next[c] = c
		if p.State != nil {
			if err := json.Unmarshal(p.State, &next[c]); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	var group []engine.Commit
	for {
		c := 0
		for i := range next {
			if next[i] < next[c] {
				c = i
			}
		}
		n := next[c]
		if n < crashPages {
			chain, records, keys := crashPage(n)
			if err := s.Write(ctx, key.Stream, chain, records, keys); err != nil {
				return err
			}
			next[c] += crashChains
			p := page(chain, fmt.Sprint(next[c]), int64(n))
			p.Chain.Done = next[c] >= crashPages
			group = append(group, p)
		}
		if len(group) > 0 && (n%3 > 0 || n >= crashPages) {
			if err := commit(group); err != nil {
				return err
			}
			group = group[:0]
		}
		if n >= crashPages {
			break
		}
	}
	if err := s.Close(ctx); err != nil {
		return err
	}
	return db.Release(ctx, l)
}

// reopen opens the sink at its mark, and goes back when a power cut took what the mark speaks of.
func reopen(ctx context.Context, db *store.DB, l engine.Lease, s sink.Sink) error {
	for {
		marks, err := db.Marks(ctx, key)
		if err != nil {
			return err
		}
		var data []byte
		for _, m := range marks {
			if m.Target == s.Target(key.Stream) {
				data = m.Data
			}
		}
		err = s.Open(ctx, key.Stream, data, false)
		var short interface{ ShortOutput() string }
		if !errors.As(err, &short) {
			return err
		}
		moved, rewindErr := db.Rewind(ctx, l, short.ShortOutput())
		if rewindErr != nil || !moved {
			return errors.Join(err, rewindErr)
		}
	}
}

// kills is how often each run is killed; STORE_TEST_KILLS sets another number.
var kills = func() int {
	n, err := strconv.Atoi(os.Getenv("STORE_TEST_KILLS"))
	if err != nil {
		n = 20
	}
	return n
}()

// A run that is killed at any instant, and loses what was not on the disk, and is run again yields
// each record exactly once, in order within its chain.
func TestKilledAtAnyInstant(t *testing.T) {
	for _, c := range []struct {
		sink     string
		powerCut bool // files lose what was not synced, the ledger its last commits
	}{
		{"jsonl:DIR/out.jsonl", false},
		{"jsonl:DIR/out.jsonl?fsync=2ms", true},
		{"jsonl:DIR/out.jsonl.gz?rotate=2KB&fsync=page", true},
		{"csv:DIR/out.csv?fsync=2ms", true},
		{"sqlite:DIR/out.db", true},
		{"sqlite:DIR/state.db", true},
	} {
		t.Run(strings.NewReplacer("/", " ", "DIR", "").Replace(c.sink), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			uri := strings.ReplaceAll(c.sink, "DIR", dir)
			rnd := rand.New(rand.NewPCG(7, uint64(len(uri))))
			for n := range kills {
				if killed(t, dir+"/state.db", uri, time.Duration(rnd.IntN(6_000))*time.Microsecond) {
					t.Logf("it ended after %d kills", n)
					break
				}
				if c.powerCut && rnd.IntN(2) == 0 {
					cutPower(t, rnd, dir)
				}
			}
			killed(t, dir+"/state.db", uri, time.Minute)
			delivered(t, uri)
		})
	}
}

// killed starts a run and kills it a while after it began; done says that it ended by itself first.
func killed(t *testing.T, state, uri string, after time.Duration) (done bool) {
	cmd := exec.Command(os.Args[0], state, uri)
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=drain", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.StdoutPipe()
	check(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	check(t, cmd.Start())
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		cmd.Wait()
		t.Fatalf("the run did not begin: %s", stderr.String())
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		t.Fatalf("the run failed: %s", stderr.String())
	}
	return err == nil
}

// cutPower takes from the files what a power cut may take: of the output what was not synced by the
// last commit, of the ledger any number of its last commits.
func cutPower(t *testing.T, rnd *rand.Rand, dir string) {
	for _, data := range querySQL[sql.NullString](t, dir+"/state.db", "SELECT data FROM runner_output") {
		var m struct {
			Path    string
			Length  int64
			Synced  int64
			Segment *struct{ Number int }
		}
		check(t, json.Unmarshal([]byte(data.String), &m))
		if m.Path == "" || m.Segment != nil || strings.HasSuffix(m.Path, ".db") {
			continue
		}
		info, err := os.Stat(m.Path)
		check(t, err)
		if lost := info.Size() - m.Synced; lost > 0 {
			check(t, os.Truncate(m.Path, m.Synced+rnd.Int64N(lost+1)))
		}
	}
	// The log is synced when it is copied into the file, so all that is in it may be missing.
	os.Remove(dir + "/state.db-shm")
	if info, err := os.Stat(dir + "/state.db-wal"); err == nil && info.Size() > 0 {
		check(t, os.Truncate(dir+"/state.db-wal", info.Size()-rnd.Int64N(info.Size())/4))
	}
}

// delivered compares an output with the pages.
func delivered(t *testing.T, uri string) {
	t.Helper()
	kind, path, _ := strings.Cut(uri, ":")
	path, _, _ = strings.Cut(path, "?")
	var want, got []string
	if kind == "sqlite" {
		for n := range crashPages {
			chain, records, keys := crashPage(n)
			for i := range records {
				if keys[i] != "shared" || n == crashPages-1 {
					want = append(want, chain+string(records[i]))
				}
			}
		}
		got = querySQL[string](t, path, "SELECT chain || record FROM repos ORDER BY seq")
	} else {
		for n := range crashPages {
			_, records, _ := crashPage(n)
			for _, r := range records {
				want = append(want, string(r))
			}
		}
		names, err := filepath.Glob(strings.TrimSuffix(path, ".jsonl.gz") + "*")
		check(t, err)
		for _, name := range names {
			got = append(got, fileLines(t, name)...)
		}
		if kind == "csv" {
			for i, r := range want {
				var v struct {
					Key     string
					Page, I int
				}
				check(t, json.Unmarshal([]byte(r), &v))
				want[i] = fmt.Sprintf("%s,%d,%d", v.Key, v.Page, v.I)
			}
			want = append([]string{"key,page,i"}, want...)
		}
	}
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			t.Fatalf("line %d of %d is too much: %s", i+1, len(got), got[i])
		case i >= len(got):
			t.Fatalf("line %d of %d is missing: %s", i+1, len(want), want[i])
		case want[i] != got[i]:
			t.Fatalf("line %d: %s, want %s", i+1, got[i], want[i])
		}
	}
}

func fileLines(t *testing.T, name string) (list []string) {
	f, err := os.Open(name)
	check(t, err)
	defer f.Close()
	var r io.Reader = f
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return nil
	}
	if strings.HasSuffix(name, ".gz") {
		r, err = gzip.NewReader(f)
		check(t, err)
	}
	for s := bufio.NewScanner(r); s.Scan(); {
		list = append(list, strings.TrimSuffix(s.Text(), "\r"))
	}
	return list
}
