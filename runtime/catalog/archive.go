package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// remember keeps the text of a version that took its place.
func (k *keeper) remember(p *place, s *stored) {
	list := k.history[s.name]
	if !slices.ContainsFunc(list, func(o *stored) bool { return o.id == s.id }) {
		list = append([]*stored{s}, list...)
	}
	for n := len(list) - 1; len(list) > k.opt.Keep && n > 0; n-- {
		if list[n].id != s.id {
			list = slices.Delete(list, n, n+1)
		}
	}
	k.history[s.name] = list
	if p.fsys == nil {
		k.archive.put(s)
	}
}

// versions lists what can be put back, the newest first.
func (k *keeper) versions(name string) []*stored {
	list := slices.Clone(k.history[name])
	for _, s := range k.archive.list(name) {
		if !slices.ContainsFunc(list, func(o *stored) bool { return o.id == s.id }) {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *stored) int { return b.loaded.Compare(a.loaded) })
	return list
}

// find returns a version that can be put back, nil without.
func (k *keeper) find(name, id string) *stored {
	for _, s := range k.versions(name) {
		if s.id == id {
			return s
		}
	}
	return nil
}

func (k *keeper) revisions(name string) []Revision {
	current := ""
	if p := k.of(name); p != nil {
		current = p.id()
	}
	var list []Revision
	for _, s := range k.versions(name) {
		list = append(list, Revision{ID: s.id, Loaded: s.loaded, Path: s.files[0].Path, Current: s.id == current})
	}
	return list
}

// archive keeps versions in a folder: DIR/NAME/ID.txtar, and which is in use in DIR/NAME/current. A
// nil archive keeps nothing. What cannot be written is told and changes nothing.
type archive struct {
	dir  string
	keep int
	log  *slog.Logger
}

func openArchive(opt *Options) (*archive, error) {
	if opt.Archive == "" {
		return nil, nil
	}
	return &archive{opt.Archive, opt.Keep, opt.Log}, os.MkdirAll(opt.Archive, 0o700)
}

// put stores a version unless it is there; the oldest beyond keep are removed.
func (a *archive) put(s *stored) {
	if a == nil {
		return
	}
	t := &txtar.Archive{Comment: fmt.Appendf(nil, "%s %s %s\n", s.name, s.id, s.loaded.UTC().Format(time.RFC3339Nano))}
	for _, f := range s.files {
		if strings.Contains("\n"+f.Text, "\n-- ") || strings.ContainsAny(f.Path, "\n\r") {
			a.tell(s.name, errors.New("a line of its text begins as a file of an archive does"))
			return
		}
		t.Files = append(t.Files, txtar.File{Name: f.Path, Data: []byte(f.Text)})
	}
	if err := a.write(filepath.Join(a.dir, s.name, s.id+".txtar"), txtar.Format(t)); err != nil {
		a.tell(s.name, err)
		return
	}
	current, _ := a.used(s.name)
	list := a.list(s.name)
	for _, old := range list[min(len(list), a.keep):] {
		if old.id != current && old.id != s.id {
			if err := os.Remove(filepath.Join(a.dir, s.name, old.id+".txtar")); err != nil {
				a.tell(s.name, err)
			}
		}
	}
}

// list reads the versions of a connector, the newest first.
func (a *archive) list(name string) []*stored {
	if a == nil {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(a.dir, name, "*.txtar"))
	if err != nil {
		return nil
	}
	var list []*stored
	for _, path := range paths {
		if s, err := readStored(path); err != nil {
			a.tell(name, err)
		} else if s.name == name {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y *stored) int { return cmp.Or(y.loaded.Compare(x.loaded), strings.Compare(x.id, y.id)) })
	return list
}

func readStored(path string) (*stored, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := txtar.Parse(b)
	var s stored
	var at string
	if _, err := fmt.Sscanf(string(t.Comment), "%s %s %s", &s.name, &s.id, &at); err != nil || len(t.Files) == 0 {
		return nil, fmt.Errorf("%s: is no version of a connector", path)
	}
	if s.loaded, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, f := range t.Files {
		s.files = append(s.files, File{f.Name, string(f.Data)})
	}
	return &s, nil
}

// use notes which version is in use, and which one the connector's file holds.
func (a *archive) use(name, id, disk string) {
	if a == nil {
		return
	}
	if was, on := a.used(name); was == id && on == disk {
		return
	}
	if err := a.write(filepath.Join(a.dir, name, "current"), []byte(id+" "+disk+"\n")); err != nil {
		a.tell(name, err)
	}
}

// used is what use noted last.
func (a *archive) used(name string) (id, disk string) {
	if a == nil {
		return "", ""
	}
	b, err := os.ReadFile(filepath.Join(a.dir, name, "current"))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.tell(name, err)
		}
		return "", ""
	}
	id, disk, _ = strings.Cut(strings.TrimSpace(string(b)), " ")
	return id, disk
}

// write replaces a file in one step.
func (a *archive) write(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it is of no use
	}
	return err
}

func (a *archive) tell(name string, err error) {
	a.log.Warn("the version is not archived", "connector", name, "error", err)
}
