package sink

import (
	"maps"
	"os"
	"slices"
	"strings"
)

// Clash finds an output that would write to a file that the run needs itself. taken are those files and
// what each is, such as "the state file"; empty paths are none. A database that is the state file is an
// output like any other; what is "" when there is nothing to refuse.
func Clash(s Sink, streams []string, taken map[string]string) (path, what string) {
	shared := ""
	if db, ok := s.(interface{ Database() string }); ok {
		shared = db.Database()
	}
	for _, stream := range streams {
		target, _, _ := strings.Cut(s.Target(stream), "#")
		for _, path := range slices.Sorted(maps.Keys(taken)) {
			if path == "" || shared != "" && Same(path, shared) || !Same(target, path) {
				continue
			}
			return path, taken[path]
		}
	}
	return "", ""
}

// Beside adds the files that SQLite keeps beside a database.
func Beside(taken map[string]string, database, what string) {
	for _, end := range []string{"", "-wal", "-shm", "-journal", lockFile} {
		taken[database+end] = what
	}
}

// Same reports whether two paths are of one file, whichever of them exists.
func Same(a, b string) bool {
	if i, err := os.Stat(a); err == nil {
		if j, err := os.Stat(b); err == nil {
			return os.SameFile(i, j)
		}
	}
	return Resolve(a) == Resolve(b)
}
