package catalog

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// fileName is the connector file of a folder.
const fileName = "connector.yaml"

// found is what a look at the paths has found.
type found struct {
	places []*place
	dirs   []string        // folders to watch
	lists  map[string]bool // folders whose entries are connectors
	parts  map[string]bool // entries of other folders that make a difference when they come or go
}

// find looks which connectors there are in the paths. known are places that were found before: they
// are found again as long as their folder is there.
func find(paths []string, known map[string]*place) found {
	f := found{lists: map[string]bool{}, parts: map[string]bool{}}
	for i, root := range paths {
		root = filepath.Clean(root)
		f.dirs = append(f.dirs, filepath.Dir(root))
		f.parts[root] = true
		info, err := os.Stat(root)
		switch {
		case err != nil:
		case !info.IsDir():
			f.places = append(f.places, &place{path: root, dir: filepath.Dir(root), root: i, single: filepath.Base(root) != fileName})
		case f.folder(root, i, known):
		default:
			f.list(root, i, known)
		}
	}
	return f
}

// folder adds the connector in dir, if it is a connector's folder.
func (f *found) folder(dir string, root int, known map[string]*place) bool {
	file := filepath.Join(dir, fileName)
	if _, err := os.Lstat(file); err != nil && known[file] == nil {
		return false
	}
	f.dirs = append(f.dirs, dir)
	cases := filepath.Join(dir, "cases")
	f.parts[cases] = true
	if info, err := os.Stat(cases); err == nil && info.IsDir() {
		f.dirs = append(f.dirs, cases)
	}
	f.places = append(f.places, &place{path: file, dir: dir, root: root})
	return true
}

// list adds the connectors in a folder of them.
func (f *found) list(dir string, root int, known map[string]*place) {
	f.dirs = append(f.dirs, dir)
	f.lists[dir] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		at := filepath.Join(dir, e.Name())
		info, err := os.Stat(at)
		switch ext := filepath.Ext(at); {
		case err != nil:
		case info.IsDir():
			if !f.folder(at, root, known) {
				f.dirs = append(f.dirs, at) // its file may be yet to come
				f.parts[filepath.Join(at, fileName)] = true
			}
		case (ext == ".yaml" || ext == ".yml") && info.Mode().IsRegular():
			if known[at] == nil {
				if src, _, err := look(nil, at); err != nil || named(src) == "" {
					continue // some other YAML file
				}
			}
			f.places = append(f.places, &place{path: at, dir: dir, root: root, single: true})
		}
	}
}

// shipped lists the places of the shipped set.
func shipped(fsys fs.FS, root int) ([]*place, error) {
	if fsys == nil {
		return nil, nil
	}
	files, err := fs.Glob(fsys, "*/"+fileName)
	if err != nil {
		return nil, err
	}
	list := make([]*place, len(files))
	for i, f := range files {
		list[i] = &place{path: f, dir: path.Dir(f), root: root, fsys: fsys}
	}
	return list, nil
}
