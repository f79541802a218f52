package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// swap puts a version in its place.
func (k *keeper) swap(p *place, s *stored, conn *runtime.Connector) {
	c := Change{Kind: Loaded, Before: p.id()}
	if old := p.version; old != nil {
		c.Kind, c.Streams = Reloaded, moved(old.Connector, conn)
		k.retired = append(k.retired, old)
	}
	if p.restored {
		c.Kind = Restored
	}
	p.version = &Version{Connector: conn, Name: s.name, ID: s.id, Path: s.files[0].Path, Loaded: time.Now(), Shipped: p.fsys != nil, uses: 1}
	p.name = s.name
	if !p.restored {
		p.problem, p.since, p.gone = nil, time.Time{}, false
	}
	k.remember(p, s)
	k.change(p, c)
}

// publish makes the view what the places are, and lets replaced versions go.
func (k *keeper) publish() {
	if !k.stale || !k.opened && k.reading > 0 {
		return
	}
	v := &view{byName: make(map[string]*Version, len(k.places)), list: make([]Status, 0, len(k.places))}
	by := make(map[string]*place, len(k.places))
	k.doubled = false
	for _, p := range k.ordered() {
		first := by[p.label()]
		switch {
		case first == nil:
			by[p.label()] = p
			p.shadow = ""
			if p.version != nil {
				v.byName[p.label()] = p.version
			}
		case p.gone:
			k.remove(p) // its connector is read from somewhere else now
			continue
		case p.fsys != nil:
			continue // the user's own takes the place of the shipped one
		case first.pending():
			k.doubled = true // perhaps it has moved
		default:
			k.shade(p, first)
		}
		v.list = append(v.list, p.status())
	}
	slices.SortStableFunc(v.list, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	k.c.view.Store(v)
	for _, old := range k.retired {
		old.Done()
	}
	k.stale, k.retired = false, nil
}

// shade tells once that another place has the same connector and counts.
func (k *keeper) shade(p, first *place) {
	if p.shadow == first.path {
		return
	}
	p.shadow = first.path
	if p.problem == nil {
		p.since = time.Now()
		k.change(p, Change{Kind: Refused, Before: p.id(), Problem: p.shadowed()})
	}
}

// ordered lists the places, those that count first.
func (k *keeper) ordered() []*place {
	list := make([]*place, 0, len(k.places))
	for _, p := range k.places {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *place) int {
		gone := 0
		if a.gone != b.gone {
			gone = 1
			if b.gone {
				gone = -1
			}
		}
		return cmp.Or(gone, a.root-b.root, strings.Compare(a.path, b.path))
	})
	return list
}

// of is the place whose version runs take, or the one that has never been good.
func (k *keeper) of(name string) *place {
	var any *place
	for _, p := range k.ordered() {
		if p.label() == name && p.shadow == "" {
			if p.version != nil {
				return p
			}
			any = p
		}
	}
	return any
}

// restore puts a stored version back; false when there is no such connector.
func (k *keeper) restore(name string, s *stored, conn *runtime.Connector) bool {
	p := k.of(name)
	if p == nil {
		return false
	}
	p.restored = true
	k.swap(p, s, conn)
	p.restored = s.id != p.disk
	k.archive.use(name, s.id, p.disk)
	return true
}

// resume brings back what the archive says was in use when the process before ended: a version that
// was put back, or the last good one of a file that is broken now.
func (k *keeper) resume(p *place) {
	id, disk := k.archive.used(p.label())
	switch {
	case p.version == nil && id != "":
	case p.version != nil && disk == p.disk && id != p.disk && id != "":
	default:
		if p.version != nil {
			k.archive.use(p.label(), p.version.ID, p.disk)
		}
		return
	}
	s := k.find(p.label(), id)
	if s == nil {
		return
	}
	conn, err := s.compile(k.opt)
	if err != nil {
		return // another engine version: the file's problem stands
	}
	if p.version == nil {
		p.disk = disk
	}
	p.restored = true
	k.swap(p, s, conn)
	p.restored = p.problem == nil
	k.stale = true
}

// forget drops a place whose file is gone.
func (k *keeper) forget(name string) bool {
	for _, p := range k.ordered() {
		if p.gone && p.label() == name {
			k.drop(p)
			return true
		}
	}
	return false
}
