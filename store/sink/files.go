package sink

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// files are the files of one sink, one for each path that its streams' names give. Streams that share
// a path share the file: it is opened as the first of them asks.
type files struct {
	notes
	target string            // with {stream}, as given
	paths  map[string]string // by stream: absolute, symbolic links resolved
	opt    fileOptions
	now    func() time.Time
	open   map[string]*file // by path
}

func newFiles(target string, set Settings, opt Options) (*files, error) {
	if target == "" {
		return nil, fmt.Errorf("the sink needs a path")
	}
	o, err := parseFileOptions(target, set)
	return &files{target: target, opt: o, now: opt.Now, paths: map[string]string{}, open: map[string]*file{}}, err
}

// Target is the file's path, absolute and with symbolic links resolved: one file has one mark, by whatever
// name it is reached.
func (s *files) Target(stream string) string {
	path, ok := s.paths[stream]
	if !ok {
		path = Resolve(place(s.target, stream))
		s.paths[stream] = path
	}
	return path
}

// openFile opens the stream's file unless it is open; already says that it was. m is nil when there
// is no mark.
func (s *files) openFile(stream string, mark []byte, fresh bool, header func() []byte) (f *file, m *fileMark, already bool, err error) {
	path, name := s.Target(stream), place(s.target, stream)
	if f := s.open[path]; f != nil {
		return f, nil, true, nil
	}
	if mark != nil && !fresh {
		m = &fileMark{}
		if err := json.Unmarshal(mark, m); err != nil {
			return nil, nil, false, fmt.Errorf("%s: its mark: %w", name, err)
		}
	}
	f = &file{path: path, name: name, opt: s.opt, now: s.now}
	f.opt.header = header
	missing, err := f.open(m, fresh)
	if err != nil {
		return nil, nil, false, err
	}
	if missing {
		s.add("output_moved", fmt.Sprintf("%s is not there any more; a new file was begun", name))
	}
	if f.grown > 0 {
		s.add("output_grown", fmt.Sprintf("%s has %d bytes that were written by somebody else since the last run ended; they are kept, and new records follow them", name, f.grown))
	}
	s.open[path] = f
	return f, m, false, nil
}

// file returns the stream's open file.
func (s *files) file(stream string) (*file, error) {
	if f := s.open[s.Target(stream)]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s: it is not open", place(s.target, stream))
}

// seal is the last mark of a run: all of the file is on the disk, as far as that is promised, and the
// next run takes what it finds behind it for somebody else's.
func (s *files) seal(stream string) (*fileMark, error) {
	f, err := s.file(stream)
	if err != nil {
		return nil, err
	}
	if err := f.whole(); err != nil {
		return nil, err
	}
	if f.synced < f.length {
		if err := f.force(); err != nil {
			return nil, err
		}
	}
	m, err := f.mark()
	if err == nil {
		m.Closed = f.regular
	}
	return m, err
}

// Durable is in Sink.
func (s *files) Durable(stream string) bool {
	f := s.open[s.Target(stream)]
	return f == nil || f.durable()
}

// Holds reports whether there is a file with something in it.
func (s *files) Holds(stream string) bool {
	path := s.Target(stream)
	if s.opt.rotates() {
		list, err := segments(path)
		return err == nil && len(list) > 0
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// Keyless is true: files hold records and nothing else.
func (s *files) Keyless() bool { return true }

// Repeats reports whether the stream's output is no file that can be cut back.
func (s *files) Repeats(stream string) bool {
	f := s.open[s.Target(stream)]
	return f != nil && !f.regular
}

func (s *files) close() error {
	var first error
	for path, f := range s.open {
		if err := f.close(); err != nil && first == nil {
			first = err
		}
		delete(s.open, path)
	}
	return first
}
