package catalog

import (
	"io/fs"
	"log/slog"
	"os"

	"github.com/fsnotify/fsnotify"
)

// watch is the system's word of changes. What it does not tell, a rescan finds.
type watch struct {
	log    *slog.Logger
	w      *fsnotify.Watcher // nil: the system gives none
	dirs   map[string]fs.FileInfo
	told   bool // that some folder cannot be watched
	events chan fsnotify.Event
	errors chan error
}

// open asks the system for a watcher; without one the channels stay nil and nothing ever comes.
func (w *watch) open() {
	made, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		w.tell("", err)
		return
	}
	w.w, w.events, w.errors, w.dirs = made, made.Events, made.Errors, map[string]fs.FileInfo{}
}

// want watches these folders and no others. A folder that is another one than before under the same
// name, such as behind a link, is watched anew; those are returned.
func (w *watch) want(dirs []string) (anew []string) {
	if w.w == nil {
		w.open()
	}
	if w.w == nil {
		return nil
	}
	alive := map[string]bool{}
	for _, d := range w.w.WatchList() {
		alive[d] = true
	}
	wanted := make(map[string]bool, len(dirs))
	for _, d := range dirs {
		if !wanted[d] {
			wanted[d] = true
			if w.add(d, alive[d]) {
				anew = append(anew, d)
			}
		}
	}
	for d := range w.dirs {
		if !wanted[d] {
			w.drop(d)
		}
	}
	return anew
}

// add watches one folder; true when it is another one than before.
func (w *watch) add(dir string, alive bool) (another bool) {
	info, err := os.Stat(dir)
	was, had := w.dirs[dir]
	if err == nil && had && alive && os.SameFile(was, info) {
		return false
	}
	if had {
		w.drop(dir)
	}
	if err != nil {
		return false
	}
	if err := w.w.Add(dir); err != nil {
		w.tell(dir, err)
		return false
	}
	w.dirs[dir] = info
	return had
}

func (w *watch) drop(dir string) {
	_ = w.w.Remove(dir) // it may have gone with its folder
	delete(w.dirs, dir)
}

// tell says once that changes are found late.
func (w *watch) tell(dir string, err error) {
	if !w.told {
		w.told = true
		w.log.Warn("the system does not tell of changes here; they are found by looking again", "path", dir, "error", err)
	}
}

// close ends the watcher; want opens another one.
func (w *watch) close() {
	if w.w != nil {
		_ = w.w.Close()
	}
	w.w, w.events, w.errors, w.dirs = nil, nil, nil, nil
}
