package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options says what an API serves. The zero value works.
type Options struct {
	Records int    // in each world that says nothing else; default 4000
	Seed    uint64 // of the generator; default 1
	PageMax int    // most records a page; default 1000
	// Clock is the time for tokens, quotas and Date headers; nil: time.Now. The records' own times
	// do not depend on it.
	Clock func() time.Time
}

// API is the demo API, an http.Handler. It is safe for concurrent use.
type API struct {
	opt   Options
	mux   *http.ServeMux
	bases bases
	all   []endpoint

	mu     sync.Mutex
	worlds map[string]*World
	access map[string]*grant // access tokens by text; they are good in every world
}

const (
	maxWorlds  = 2000      // named worlds kept; the one that was not used longest goes first
	maxRecords = 1_000_000 // in one world
)

// New returns an API. It starts nothing.
func New(opt Options) *API {
	if opt.Records <= 0 {
		opt.Records = 4000
	}
	opt.Records = min(opt.Records, maxRecords)
	if opt.Seed == 0 {
		opt.Seed = 1
	}
	if opt.PageMax <= 0 {
		opt.PageMax = 1000
	}
	a := &API{opt: opt, worlds: map[string]*World{}, access: map[string]*grant{}, mux: http.NewServeMux(), all: endpoints()}
	for _, e := range a.all {
		a.mux.Handle(strings.TrimSpace(e.Method+" "+e.Path), e)
	}
	return a
}

func (a *API) now() time.Time {
	if a.opt.Clock != nil {
		return a.opt.Clock()
	}
	return time.Now()
}

// World returns the world of that name, made when it is new. The default world is "".
func (a *API) World(name string) *World {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.worlds[name]
	if w == nil {
		a.evict()
		w = newWorld(a)
		a.worlds[name] = w
	}
	w.mu.Lock()
	w.used = a.now()
	w.mu.Unlock()
	return w
}

// evict makes room for a new world; a.mu is held.
func (a *API) evict() {
	if len(a.worlds) < maxWorlds {
		return
	}
	oldest, at := "", time.Time{}
	for name, w := range a.worlds {
		w.mu.Lock()
		used := w.used
		w.mu.Unlock()
		if name != "" && (at.IsZero() || used.Before(at)) {
			oldest, at = name, used
		}
	}
	delete(a.worlds, oldest)
}

// Records returns the live records of a world in order of id, as the bytes that endpoints send.
func (a *API) Records(world string) []json.RawMessage { return a.World(world).Records() }

type callKey struct{}

// ServeHTTP answers a request of a world: /w/<name>/… or ?run=<name>, else the default world.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix, name, path := "", "", r.URL.EscapedPath()
	q, badQuery := url.ParseQuery(r.URL.RawQuery)
	if rest, ok := strings.CutPrefix(path, "/w/"); ok && rest != "" {
		world, tail, _ := strings.Cut(rest, "/")
		prefix, path = "/w/"+world, "/"+tail
		name, _ = url.PathUnescape(world) // EscapedPath is well formed
	} else if run := q.Get("run"); run != "" {
		name = run
	}
	if len(name) > 200 {
		http.Error(w, "the world's name is longer than 200 bytes", http.StatusBadRequest)
		return
	}
	c := &call{api: a, world: a.World(name), w: w, prefix: prefix, query: q, fired: map[string]*fault{}}
	inner := r.Clone(context.WithValue(r.Context(), callKey{}, c))
	inner.URL.RawPath = path
	inner.URL.Path, _ = url.PathUnescape(path)
	inner.RequestURI = ""
	c.r = inner
	if badQuery != nil {
		c.problem(http.StatusBadRequest, fmt.Sprintf("query: %v", badQuery))
		return
	}
	a.mux.ServeHTTP(w, inner)
}

// endpoint is one entry of the API; it is documented by the front page.
type endpoint struct {
	Method  string // "GET", or "" for any
	Path    string // pattern of http.ServeMux
	Group   string
	Doc     string
	Example string // path and query to try, or a curl command's arguments
	open    bool   // answers without auth and faults
	serve   func(*call)
}

func (e endpoint) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(callKey{}).(*call)
	c.r = r
	label := strings.TrimSpace(e.Method + " " + e.Path)
	c.world.log.begin(label)
	defer c.world.log.end()
	if !e.open {
		if err := c.prepare(); err != nil {
			c.problem(http.StatusBadRequest, err.Error())
			return
		}
		if !c.authorized() || !c.withinQuota() {
			return
		}
	}
	e.serve(c)
}
