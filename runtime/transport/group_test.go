package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

func TestGroupPacesByItsRate(t *testing.T) {
	clock := newFakeClock()
	gs := Groups{Clock: clock}
	g := gs.Group("k", Limit{Requests: 10, Per: time.Second, Burst: 3})
	for range 13 {
		if err := g.Acquire(t.Context(), Ticket{}); err != nil {
			t.Fatal(err)
		}
		g.Release()
	}
	if got := clock.Now().Sub(epochOfTests); got.Round(time.Millisecond) != time.Second {
		t.Errorf("13 requests at 10/s with a burst of 3 took %v, want 1s", got)
	}
}

func TestGroupsOfOneNameAreOne(t *testing.T) {
	var gs Groups
	a := gs.Group("key", Limit{Requests: 100, Per: time.Minute, Burst: 10, Concurrency: 8})
	b := gs.Group("key", Limit{Requests: 5, Per: time.Second, Burst: 5, Concurrency: 2})
	if a != b || gs.Group("other", Limit{}) == a {
		t.Error("groups are not by name")
	}
	stats := gs.Stats()
	if len(stats) != 2 || stats[0].Name != "key" || stats[0].Configured != 100.0/60 || stats[0].Rate != 100.0/60 || a.limit.Concurrency != 2 || a.limit.Burst != 5 {
		t.Errorf("%+v, %+v", stats, a.limit)
	}
}

func TestRefusalHalvesOnceAndRecovers(t *testing.T) {
	clock := newFakeClock()
	gs := Groups{Clock: clock}
	g := gs.Group("k", Limit{Requests: 16, Per: time.Second, Burst: 16})
	sent := clock.Now()
	step(clock, time.Second)
	for range 10 { // ten chains that were in flight together
		must(t, g.Penalize(t.Context(), clock.Now().Add(time.Second), true, sent))
	}
	if g.Rate() != 8 {
		t.Errorf("rate %v after one burst of refusals, want 8", g.Rate())
	}
	for range 20 {
		must(t, g.Penalize(t.Context(), clock.Now(), true, clock.Now()))
		step(clock, time.Second)
	}
	if g.Rate() != 0.5 {
		t.Errorf("rate %v after many, want 1/32 of 16", g.Rate())
	}
	rates := []float64{}
	for range 12 {
		step(clock, recoverEvery)
		g.Succeed(clock.Now())
		rates = append(rates, g.Rate())
	}
	if !slices.IsSorted(rates) || rates[0] != 16*(1.0/32+0.1) || rates[11] != 16 {
		t.Errorf("recovery %v", rates)
	}
}

func step(c *fakeClock, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestChainsAreServedInRotation(t *testing.T) {
	g := newGroup("", Limit{Concurrency: 1}, nil, nil)
	must(t, g.Acquire(t.Context(), Ticket{Chain: "holder"}))
	var mu sync.Mutex
	var order []string
	var wait sync.WaitGroup
	enter := func(chain string) {
		before := g.Stats().Waiting
		wait.Go(func() {
			if err := g.Acquire(t.Context(), Ticket{Chain: chain}); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, chain)
			mu.Unlock()
			g.Release()
		})
		for g.Stats().Waiting == before {
			time.Sleep(time.Millisecond)
		}
	}
	for _, chain := range []string{"first", "greedy", "greedy", "greedy", "greedy", "modest", "late"} {
		enter(chain)
	}
	g.Release()
	wait.Wait()
	if got, want := fmt.Sprint(order), "[first greedy modest late greedy greedy greedy]"; got != want {
		t.Errorf("served %s, want %s", got, want)
	}
}

func TestConcurrencyIsKept(t *testing.T) {
	g := newGroup("", Limit{Concurrency: 4}, nil, nil)
	var now, most atomic.Int64
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			if err := g.Acquire(t.Context(), Ticket{Chain: fmt.Sprint(i % 20)}); err != nil {
				t.Error(err)
				return
			}
			n := now.Add(1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			now.Add(-1)
			g.Release()
		})
	}
	wait.Wait()
	if most.Load() > 4 || g.Stats().InFlight != 0 || g.Stats().Waiting != 0 {
		t.Errorf("%d at once, %+v", most.Load(), g.Stats())
	}
}

func TestOneWaiterGoesAheadAfterARefusal(t *testing.T) {
	g := newGroup("", Limit{}, nil, nil)
	must(t, g.Penalize(t.Context(), time.Now().Add(20*time.Millisecond), true, time.Now()))
	entered := make(chan struct{}, 10)
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			if err := g.Acquire(t.Context(), Ticket{MaxWait: time.Minute}); err != nil {
				t.Error(err)
			}
			entered <- struct{}{}
		})
	}
	<-entered
	time.Sleep(20 * time.Millisecond)
	if n := g.Stats().InFlight; n != 1 {
		t.Errorf("%d in flight before the API accepted one", n)
	}
	g.Succeed(time.Now())
	wait.Wait()
	if n := g.Stats().InFlight; n != 10 {
		t.Errorf("%d in flight after it", n)
	}
}

func TestAWaiterThatLeavesDoesNotBlock(t *testing.T) {
	g := newGroup("", Limit{Concurrency: 1}, nil, nil)
	must(t, g.Acquire(t.Context(), Ticket{}))
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for i := range 5 {
		wait.Go(func() {
			if err := g.Acquire(ctx, Ticket{Chain: fmt.Sprint(i % 2)}); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
	for g.Stats().Waiting < 5 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wait.Wait()
	g.Release()
	must(t, g.Acquire(t.Context(), Ticket{}))
	if s := g.Stats(); s.Waiting != 0 || s.InFlight != 1 || len(g.ring) != 0 || len(g.lanes) != 0 {
		t.Errorf("%+v, %d lanes", s, len(g.lanes))
	}
}

// TestOne429PausesTheGroup drives 20 chains of two clients on one group, one request at a time,
// against a server that refuses once: nothing is sent before the pause has ended.
func TestOne429PausesTheGroup(t *testing.T) {
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		if n == 40 {
			return answer(conn, 429, "", "Retry-After: 0.2")
		}
		return answer(conn, 200, "{}")
	})
	var mu sync.Mutex
	var until time.Time
	var before, after, during int
	observe := func(e *Exchange) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case e.Status == 429:
			until = e.At.Add(200 * time.Millisecond)
		case until.IsZero():
			before++
		case e.At.Before(until):
			during++
		default:
			after++
		}
	}
	var gs Groups
	var clients []*Client
	for range 2 {
		clients = append(clients, newClient(t, srv.url, func(cfg *Config) {
			cfg.Group = gs.Group("key", Limit{Concurrency: 1})
			cfg.Observe = observe
		}))
	}
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			for range 10 {
				a, err := clients[i%2].Do(t.Context(), &Request{URL: srv.url, Chain: fmt.Sprint(i)})
				a.Release()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if before != 39 || during != 0 || after != 161 {
		t.Errorf("%d requests before the refusal, %d during the pause, %d after it", before, during, after)
	}
}

func TestParkedGroupParksEveryChain(t *testing.T) {
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool { return answer(conn, 429, "", "Retry-After: 7200") })
	var gs Groups
	c := newClient(t, srv.url, func(cfg *Config) { cfg.Group = gs.Group("k", Limit{}) })
	for range 3 {
		a, err := c.Do(t.Context(), &Request{URL: srv.url})
		a.Release()
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeParked || time.Until(e.Until) < 7100*time.Second {
			t.Errorf("%v", err)
		}
	}
	if n := srv.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// sharedLimiter is a Limiter of another kind: what a distributed one would have to do.
type sharedLimiter struct {
	*bucket
	reserved atomic.Int64
}

func (l *sharedLimiter) Reserve(ctx context.Context, n int) (Reservation, error) {
	l.reserved.Add(int64(n))
	return l.bucket.Reserve(ctx, n)
}

func TestLimiterCanBeReplaced(t *testing.T) {
	l := &sharedLimiter{bucket: newBucket(Limit{}, realClock{})}
	gs := Groups{New: func(string, Limit) Limiter { return l }}
	g := gs.Group("k", LimitOf(&spec.RateLimit{Requests: 5}))
	must(t, g.Acquire(t.Context(), Ticket{}))
	if l.reserved.Load() != 1 {
		t.Error("the limiter was not asked")
	}
}

// TestAFarewellIsNotHeldUpByAPause: what frees something at the server is sent while the API asks to be
// left alone, no faster than the rate.
func TestAFarewellIsNotHeldUpByAPause(t *testing.T) {
	for _, limit := range []Limit{{}, {Requests: 1, Per: time.Second, Burst: 1}} {
		clock := newFakeClock()
		gs := Groups{Clock: clock}
		g := gs.Group("k", limit)
		begun := clock.Now()
		must(t, g.limiter.Penalize(t.Context(), begun.Add(time.Hour), true, begun))
		must(t, g.Acquire(t.Context(), Ticket{Farewell: true}))
		g.Release()
		if took := clock.Now().Sub(begun); took > 2*time.Second {
			t.Errorf("%+v: it waited %s", limit, took)
		}
		if err := g.Acquire(t.Context(), Ticket{MaxWait: time.Minute}); err == nil {
			t.Errorf("%+v: a page was asked for in the pause", limit)
		}
	}
}
