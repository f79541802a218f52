package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// Version is one version of a connector, compiled. It is immutable.
type Version struct {
	Connector *runtime.Connector
	Name      string
	ID        string    // hash of the YAML file and the hook: 16 hex digits
	Path      string    // of the YAML file
	Loaded    time.Time // when it took its place
	Shipped   bool

	mu   sync.Mutex
	uses int // runs that hold it, and 1 while the catalog does; 0: closed
}

// hold counts one more use; false when the version is closed.
func (v *Version) hold() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.uses == 0 {
		return false
	}
	v.uses++
	return true
}

// Done ends one use of the version. The last one of a version that was replaced closes what its
// scripts hold.
func (v *Version) Done() {
	v.mu.Lock()
	v.uses--
	last := v.uses == 0
	v.mu.Unlock()
	if last {
		v.Connector.Close()
	}
}

// Revision names a version that Restore can put back.
type Revision struct {
	ID      string    `json:"version"`
	Loaded  time.Time `json:"loaded"` // when it first took its place
	Path    string    `json:"path"`
	Current bool      `json:"current,omitempty"`
}

// File is a file of a version.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// stored is the text of a version.
type stored struct {
	name   string
	id     string
	loaded time.Time
	files  []File // the YAML file, then the hook when there is one
}

// identify is the version's ID: of its files' base names and texts.
func identify(files []File) string {
	h := sha256.New()
	for _, f := range files {
		for _, s := range []string{filepath.Base(f.Path), f.Text} {
			var n [8]byte
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// compile makes a connector of the text.
func (s *stored) compile(opt *Options) (*runtime.Connector, error) {
	return opt.Kinds.Parse(s.files[0].Path, []byte(s.files[0].Text), func(name string) (string, string, error) {
		if len(s.files) < 2 {
			return name, "", fs.ErrNotExist
		}
		return s.files[1].Path, s.files[1].Text, nil // a connector has one hook file at most
	}, opt.Script)
}
