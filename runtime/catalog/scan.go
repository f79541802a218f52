package catalog

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// event takes the system's word of a change.
func (k *keeper) event(e fsnotify.Event) {
	name := filepath.Clean(e.Name)
	dir, base := filepath.Split(name)
	dir = filepath.Clean(dir)
	swapped := strings.HasPrefix(base, "..") // Kubernetes swaps the link ..data
	ext := filepath.Ext(base)
	written := e.Has(fsnotify.Write) && (ext == ".yaml" || ext == ".yml") && k.places[name] == nil // perhaps a connector by now
	if k.found.parts[name] || k.found.lists[dir] && (written || e.Has(fsnotify.Create|fsnotify.Remove|fsnotify.Rename)) {
		k.look = soon(k.look, time.Now().Add(k.opt.Settle))
	}
	for _, p := range k.byDir[dir] {
		_, mine := p.seen[name]
		if mine || swapped || !p.single || p.path == name {
			k.mark(p)
		}
	}
	for _, p := range k.byDir[name] { // the folder itself has come or gone
		k.mark(p)
	}
}

// soon is the sooner of two times; zero is never.
func soon(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// discover finds places that are new, and drops those that are gone without ever having been good.
func (k *keeper) discover(now time.Time) {
	k.found = find(k.opt.Paths, k.places)
	anew := k.watch.want(k.found.dirs) // before anything is read: no change is missed
	present := map[string]bool{}
	for _, p := range k.found.places {
		present[p.path] = true
		switch known := k.places[p.path]; {
		case known == nil && len(k.idle) > 0: // somebody waits
			k.places[p.path] = p
			k.put(p, now)
		case known == nil:
			k.places[p.path] = p
			k.mark(p)
		case known.gone:
			k.mark(known)
		}
	}
	for _, p := range k.places {
		if p.fsys == nil && !present[p.path] && !p.gone {
			k.put(p, now)
		}
	}
	k.index()
	for _, dir := range anew {
		for _, p := range k.byDir[dir] {
			k.mark(p)
		}
	}
}

// index makes byDir.
func (k *keeper) index() {
	k.byDir = make(map[string][]*place, 2*len(k.places))
	for _, p := range k.places {
		if p.fsys != nil {
			continue
		}
		k.byDir[p.dir] = append(k.byDir[p.dir], p)
		if !p.single {
			cases := filepath.Join(p.dir, "cases")
			k.byDir[cases] = append(k.byDir[cases], p)
		}
	}
}
