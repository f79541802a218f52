package catalog

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// place is where one connector is. The keeper's goroutine owns it.
type place struct {
	path   string // of the YAML file
	dir    string
	root   int   // which of Options.Paths it was found in; after them the shipped set
	fsys   fs.FS // nil: the disk
	single bool  // a file among others

	seen     seen // nil: never read
	name     string
	version  *Version // in use; nil: there never was a good one
	disk     string   // ID of the newest good text of the file
	problem  error
	since    time.Time
	gone     bool
	restored bool
	shadow   string // path of the place that has the same name and counts

	loading bool
	again   bool // something changed while it was being read
	queued  bool
	due     time.Time // when to read it, while queued
	first   time.Time // first sign of the change that is under way
	touched time.Time // last sign of it
}

// label is what the connector is called: while nothing better is known, as its folder or file is.
func (p *place) label() string {
	switch {
	case p.name != "":
		return p.name
	case p.single:
		return strings.TrimSuffix(filepath.Base(p.path), filepath.Ext(p.path))
	}
	return filepath.Base(p.dir)
}

// pending says that the place is about to be read.
func (p *place) pending() bool { return p.loading || p.queued }

// id is the version in use, "" for none.
func (p *place) id() string {
	if p.version == nil {
		return ""
	}
	return p.version.ID
}

// shadowed says that another place has the same connector.
func (p *place) shadowed() error {
	return fmt.Errorf("%s: connector %s is read from %s", p.path, p.label(), p.shadow)
}

// status tells the place to others.
func (p *place) status() Status {
	s := Status{Name: p.label(), Path: p.path, Problem: p.problem, Since: p.since, Shipped: p.fsys != nil, Gone: p.gone, Restored: p.restored}
	if p.shadow != "" && s.Problem == nil {
		s.Problem = p.shadowed()
	}
	if p.version != nil {
		s.Version, s.Loaded = p.version.ID, p.version.Loaded
	}
	return s
}
