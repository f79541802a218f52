package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// steps is a clock that is moved by hand.
type steps struct {
	mu  sync.Mutex
	now time.Time
}

func (s *steps) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *steps) move(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func page(stream, chain string, n, received, total int64) runtime.Event {
	return runtime.Event{Kind: runtime.EventPage, Stream: stream, Chain: chain,
		Page: &runtime.PageEvent{Records: int(n), New: int(n), Received: received, Total: total}}
}

func TestBoardOfOneChain(t *testing.T) {
	clock := &steps{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)}
	b := newBoard(clock.Now)
	expect := func(want string) {
		t.Helper()
		if got := strings.Join(b.lines(0), "\n"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	expect("starting")
	b.tell(runtime.Event{Kind: runtime.EventChainStart, Stream: "items"})
	expect("items: 0 pages, 0 records")
	clock.move(2 * time.Second)
	b.tell(page("items", "", 500, 1500, 4000)) // 1,000 of them by an earlier run
	expect("items: 1 page, 1,500 of 4,000 records (37 %), 250/s, ETA 10s")
	b.tell(runtime.Event{Kind: runtime.EventRetry, Stream: "items", Wait: 5 * time.Second})
	expect("items: 1 page, 1,500 of 4,000 records (37 %), 250/s, ETA 10s, 1 retry, waiting until 12:00:07")
	clock.move(8 * time.Second)
	b.tell(page("items", "", 500, 2000, -1))
	expect("items: 2 pages, 1,000 records, 100/s, 1 retry")
	b.tell(runtime.Event{Kind: runtime.EventWait, Stream: "items", Until: clock.Now().Add(time.Minute)})
	expect("items: 2 pages, 1,000 records, 100/s, 1 retry, waiting until 12:01:10")
	if got := b.lines(20)[0]; got != "items: 2 pages, 1,0…" {
		t.Errorf("cut to %q", got)
	}
	if got, want := fmt.Sprint(b.attrs()...), fmt.Sprint("pages", 2, "records", 1000, "per_second", 100, "stream", "items", "retries", 1, "waiting_until", clock.Now().Add(time.Minute).UTC().Format(time.RFC3339)); got != want {
		t.Errorf("attributes %s\nwant %s", got, want)
	}
}

func TestBoardOfManyChains(t *testing.T) {
	clock := &steps{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)}
	b := newBoard(clock.Now)
	for i := range 12 {
		b.tell(runtime.Event{Kind: runtime.EventChainStart, Stream: "items", Chain: fmt.Sprintf(`{"n":%d}`, i)})
	}
	for i := range 12 {
		b.tell(page("items", fmt.Sprintf(`{"n":%d}`, i), 10, 10, -1))
	}
	b.tell(runtime.Event{Kind: runtime.EventChainEnd, Stream: "items", Chain: `{"n":0}`, Verdict: runtime.Complete})
	b.tell(runtime.Event{Kind: runtime.EventRetry, Stream: "items", Wait: time.Second})
	lines := b.lines(0)
	if len(lines) != boardLines || lines[0] != "1 of 12 chains ended, 12 pages, 120 records, 1 retry, waiting until 12:00:01" ||
		lines[1] != `items {"n":1}: 1 page, 10 records` || lines[boardLines-1] != "… and 5 more chains" {
		t.Errorf("lines:\n%s", strings.Join(lines, "\n"))
	}
}

// buffer is a terminal for tests.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestLive draws a board, logs through it, and leaves nothing behind.
func TestLive(t *testing.T) {
	out := &buffer{}
	b := newBoard(time.Now)
	for i := range 3 {
		b.tell(runtime.Event{Kind: runtime.EventChainStart, Stream: "items", Chain: fmt.Sprintf(`{"n":%d}`, i)})
	}
	l := &live{out: out}
	l.start(b, true)
	log := slog.New(slog.NewTextHandler(l, nil))
	for !strings.Contains(out.String(), `items {"n":2}: 0 pages`) {
		time.Sleep(10 * time.Millisecond)
	}
	log.Warn("above the lines")
	l.stop()
	l.stop()
	fmt.Fprintln(l, "the end")
	text := out.String()
	for _, want := range []string{"0 of 3 chains ended", "msg=\"above the lines\"", "\x1b["} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %q", want, text)
		}
	}
	if !strings.HasSuffix(text, "the end\n") {
		t.Errorf("behind the end: %q", text)
	}
}

func TestViewRemovesSecrets(t *testing.T) {
	var out buffer
	v, err := newView(&out, settings{logFormat: "text", verbose: true})
	if err != nil {
		t.Fatal(err)
	}
	v.redact.Add("sesame-4711")
	v.console("hook.js", 3, "the key is sesame-4711")
	v.say("failed: sesame-4711 was refused")
	if text := out.String(); strings.Contains(text, "sesame") || strings.Count(text, "***") != 2 || !strings.Contains(text, "at=hook.js:3") {
		t.Errorf("printed %s", text)
	}
}
