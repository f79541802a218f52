package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestLeaseIsHeldUntilReleased(t *testing.T) {
	db := open(t, "", store.Options{Now: func() time.Time { return now }})
	me := store.Self(now)
	l, err := db.Acquire(t.Context(), key, me)
	check(t, err)
	if l.Epoch != 1 || l.Stream != key {
		t.Errorf("%+v", l)
	}
	_, err = db.Acquire(t.Context(), key, store.Self(now))
	var held *engine.HeldError
	if !errors.As(err, &held) || held.Owner.ID != me.ID || !held.Until.Equal(now.Add(30*time.Second)) || !held.Owner.Since.Equal(now) {
		t.Fatalf("%v %+v", err, held)
	}
	host, _ := os.Hostname()
	if want := fmt.Sprintf("github/repos is being run by process %d on %s since 2026-03-01T12:00:00Z", os.Getpid(), host); err.Error() != want {
		t.Errorf("\n got %s\nwant %s", err, want)
	}
	if h, err := db.Holder(t.Context(), key); err != nil || h == nil || h.Owner.PID != os.Getpid() {
		t.Error(h, err)
	}
	if _, err := db.Acquire(t.Context(), engine.StreamKey{Connector: "github", Stream: "other"}, store.Self(now)); err != nil {
		t.Errorf("another stream: %v", err)
	}
	check(t, db.Release(t.Context(), l))
	if h, err := db.Holder(t.Context(), key); err != nil || h != nil {
		t.Error(h, err)
	}
	second, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	if second.Epoch != 2 {
		t.Errorf("epoch %d", second.Epoch)
	}
	check(t, db.Release(t.Context(), l)) // lost: left alone
	if _, err := db.Acquire(t.Context(), key, store.Self(now)); !errors.As(err, &held) {
		t.Errorf("a lost lease gave another's back: %v", err)
	}
}

func TestLeaseExpires(t *testing.T) {
	c := &clock{t: now}
	db := open(t, "", store.Options{Now: c.now, TTL: 10 * time.Second})
	far := engine.Owner{ID: "far", Host: "elsewhere", PID: 1, Boot: "b", Since: now}
	l, err := db.Acquire(t.Context(), key, far)
	check(t, err)
	c.add(9 * time.Second)
	check(t, db.Renew(t.Context(), l))
	c.add(9 * time.Second)
	var held *engine.HeldError
	if _, err := db.Acquire(t.Context(), key, store.Self(now)); !errors.As(err, &held) {
		t.Fatalf("renewed, and yet: %v", err)
	}
	c.add(2 * time.Second)
	newer, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	for name, err := range map[string]error{
		"Renew":     db.Renew(t.Context(), l),
		"PutRound":  db.PutRound(t.Context(), l, engine.Round{Number: 1}),
		"AddChains": db.AddChains(t.Context(), l, nil),
		"Commit":    db.Commit(t.Context(), l, []engine.Commit{page("", "{}", 0)}, nil, nil),
		"Forget":    db.Forget(t.Context(), l),
	} {
		if !errors.Is(err, engine.ErrFenced) {
			t.Errorf("%s under a lost lease: %v", name, err)
		}
	}
	if _, err := db.Enter(t.Context(), l, ""); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("Enter: %v", err)
	}
	if _, err := db.Rewind(t.Context(), l, "x"); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("Rewind: %v", err)
	}
	check(t, db.Commit(t.Context(), newer, nil, nil, nil))
	if err := db.Commit(t.Context(), engine.Lease{Stream: engine.StreamKey{Connector: "x", Stream: "y"}}, nil, nil, nil); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("a lease that never was: %v", err)
	}
}

func TestLeaseOfOwnerThatIsGone(t *testing.T) {
	me := store.Self(now)
	dead := exec.Command(os.Args[0])
	dead.Env = append(os.Environ(), "STORE_TEST_CHILD=nothing")
	check(t, dead.Run())
	for _, c := range []struct {
		name  string
		owner engine.Owner
		taken bool
	}{
		{"process has ended", engine.Owner{ID: "a", Host: me.Host, PID: dead.Process.Pid, Boot: me.Boot}, true},
		{"machine was started anew", engine.Owner{ID: "a", Host: me.Host, PID: me.PID, Boot: "before"}, true},
		{"process lives", engine.Owner{ID: "a", Host: me.Host, PID: os.Getppid(), Boot: me.Boot}, false},
		{"another host", engine.Owner{ID: "a", Host: "elsewhere", PID: dead.Process.Pid, Boot: me.Boot}, false},
		{"boot unknown", engine.Owner{ID: "a", Host: me.Host, PID: dead.Process.Pid}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t, "", store.Options{})
			_, err := db.Acquire(t.Context(), key, c.owner)
			check(t, err)
			_, err = db.Acquire(t.Context(), key, me)
			var held *engine.HeldError
			if taken := err == nil; taken != c.taken || err != nil && !errors.As(err, &held) {
				t.Errorf("taken over: %v (%v)", taken, err)
			}
		})
	}
	t.Run("number was given to a later process", func(t *testing.T) {
		db := open(t, "", store.Options{})
		_, err := db.Acquire(t.Context(), key, me)
		check(t, err)
		execSQL(t, db.Path(), "UPDATE runner_lease SET started = '1'")
		if _, err := db.Acquire(t.Context(), key, store.Self(now)); err != nil {
			t.Error(err)
		}
	})
	t.Run("numbers of another container", func(t *testing.T) {
		db := open(t, "", store.Options{})
		_, err := db.Acquire(t.Context(), key, engine.Owner{ID: "a", Host: me.Host, PID: dead.Process.Pid, Boot: me.Boot})
		check(t, err)
		execSQL(t, db.Path(), "UPDATE runner_lease SET namespace = 'pid:[1]'")
		var held *engine.HeldError
		if _, err := db.Acquire(t.Context(), key, me); !errors.As(err, &held) {
			t.Error(err)
		}
	})
}

func init() {
	children["nothing"] = func(context.Context, []string) error { return nil }
	children["commit"] = commitLoop
}

// commitLoop commits n pages of one chain of a stream of its own, as fast as it can.
func commitLoop(ctx context.Context, args []string) error {
	var n int
	if _, err := fmt.Sscan(args[2], &n); err != nil {
		return err
	}
	db, err := store.Open(ctx, args[0], store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := db.Acquire(ctx, engine.StreamKey{Connector: "github", Stream: args[1]}, store.Self(time.Now()))
	if err != nil {
		return err
	}
	if err := db.PutRound(ctx, l, engine.Round{Number: 1, Open: true}); err != nil {
		return err
	}
	for i := range n {
		if err := db.Commit(ctx, l, []engine.Commit{page("", fmt.Sprintf(`{"page":%d}`, i), int64(i))}, nil, nil); err != nil {
			return err
		}
	}
	return db.Release(ctx, l)
}

// Several processes open a new file at once and write to it.
func TestProcessesShareAFile(t *testing.T) {
	path := t.TempDir() + "/state.db"
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], path, fmt.Sprintf("s%d", i), "300")
			cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=commit")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("process %d: %v: %s", i, err, out)
			}
		})
	}
	wg.Wait()
	db := open(t, path, store.Options{})
	list, err := db.Streams(t.Context(), "")
	check(t, err)
	if len(list) != 4 {
		t.Fatalf("%d streams", len(list))
	}
	for _, s := range list {
		n := 0
		check(t, db.Pages(t.Context(), s.StreamKey, "r1", func(engine.PageEntry) error { n++; return nil }))
		if s.Pages != 300 || n != 300 || s.Records != 2700 || s.Held != nil {
			t.Errorf("%+v, %d journalled", s, n)
		}
	}
}

// Of many processes that want one stream, one gets it; the others are told who has it.
func TestProcessesContendForAStream(t *testing.T) {
	path := t.TempDir() + "/state.db"
	db := open(t, path, store.Options{})
	l, err := db.Acquire(t.Context(), engine.StreamKey{Connector: "github", Stream: "one"}, store.Self(time.Now()))
	check(t, err)
	run := func() (string, error) {
		cmd := exec.Command(os.Args[0], path, "one", "3")
		cmd.Env = append(os.Environ(), "STORE_TEST_CHILD=commit")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := run()
	if err == nil || !strings.Contains(out, fmt.Sprintf("github/one is being run by process %d", os.Getpid())) {
		t.Errorf("%v: %s", err, out)
	}
	check(t, db.Release(t.Context(), l))
	if out, err = run(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
