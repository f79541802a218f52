package catalog

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFile bounds a connector file, a hook and a case: 64 MB.
const maxFile = 64 << 20

// coarse is the coarsest step of a file system's times: of a file that was changed less than that
// before it was read, a later change may leave size and time as they are.
const coarse = 2 * time.Second

// reading is one look at the files of a connector.
type reading struct {
	fsys fs.FS // nil: the disk
	seen seen
}

// seen is what files looked like when they were read, by path: also those that were not there.
type seen map[string]sight

// sight is what one file looked like.
type sight struct {
	size     int64
	modified time.Time
	sum      [sha256.Size]byte
	err      string // why it could not be read
	sure     bool   // size and time show any later change
}

// read reads a file whole.
func (r *reading) read(name string) ([]byte, error) {
	b, s, err := look(r.fsys, name)
	r.seen[name] = s
	return b, err
}

// look reads a file and says what it looked like.
func look(fsys fs.FS, name string) ([]byte, sight, error) {
	var b []byte
	var s sight
	var err error
	if fsys != nil {
		b, err = fs.ReadFile(fsys, name)
	} else {
		b, err = s.load(name)
	}
	if err != nil {
		return nil, sight{err: err.Error()}, err
	}
	s.sum = sha256.Sum256(b)
	return b, s, nil
}

// load reads a file from the disk.
func (s *sight) load(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, fmt.Errorf("%s: is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s: is larger than %d MB", name, maxFile>>20)
	}
	s.size, s.modified = info.Size(), info.ModTime()
	s.sure = time.Since(info.ModTime()) > coarse && int64(len(b)) == s.size
	return b, err
}

// same reports whether every file is as it was.
func (s seen) same() bool {
	for name, was := range s {
		if dir, ok := strings.CutSuffix(name, casesPattern); ok {
			if listing(dir) != was.err {
				return false
			}
			continue
		}
		if !was.still(name) {
			return false
		}
	}
	return true
}

// still reports whether a file is as it was, without reading it where size and time tell.
func (s sight) still(name string) bool {
	if s.sure {
		info, err := os.Stat(name)
		if err != nil {
			return false
		}
		if info.Mode().IsRegular() && info.Size() == s.size && info.ModTime().Equal(s.modified) {
			f, err := os.Open(name) // permissions may have changed
			if err == nil {
				f.Close()
			}
			return err == nil
		}
	}
	_, now, _ := look(nil, name)
	return now.err == s.err && now.sum == s.sum
}

// casesPattern ends the name under which the list of a connector's cases is kept in seen.
const casesPattern = "/cases/*.txtar"

// cases lists the recorded cases of the connector in dir, as paths.
func (r *reading) cases(dir string) []string {
	list := listing(dir)
	r.seen[dir+casesPattern] = sight{err: list}
	if list == "" {
		return nil
	}
	return strings.Split(list, "\n")
}

// listing is the paths of the cases in dir, in order, one a line; "" also when it cannot be read.
func listing(dir string) string {
	at := filepath.Join(dir, "cases")
	entries, _ := os.ReadDir(at)
	var list []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".txtar") && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, at+"/"+e.Name())
		}
	}
	return strings.Join(list, "\n")
}

// half says that a text looks as if the rest of it were still to come.
func half(text []byte) bool { return len(text) == 0 || text[len(text)-1] != '\n' }
