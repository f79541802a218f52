package sink

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/xxh3"
)

// file is a file that pages are appended to, or a row of such files when it rotates. It can be cut
// back to any mark. A path that is not a regular file (a pipe, a device) is only written to.
type file struct {
	path string // of the first file, absolute; marks go by it
	name string // as it was given, for messages
	opt  fileOptions
	now  func() time.Time

	f        *os.File
	regular  bool
	segment  segment // zero without rotation
	length   int64   // bytes that are written
	grown    int64   // of them behind a closed mark, when it was opened
	synced   int64   // of them on the disk for certain
	started  int64   // of them on their way to it
	dropped  int64   // of them out of the page cache, as good as
	sum      xxh3.Hasher
	lastSync time.Time
	buf      []byte // compressed page
}

// fileOptions are the options that every kind of file takes.
type fileOptions struct {
	sync   string // page, interval, close, never
	every  time.Duration
	size   int64         // rotate at, 0: not by size
	age    time.Duration // rotate at, 0: not by age
	codec  codec
	header func() []byte // what a new file begins with, nil: nothing
}

func (o fileOptions) rotates() bool { return o.size > 0 || o.age > 0 }

// sums reports whether marks hold a checksum of what is not on the disk for certain.
func (o fileOptions) sums() bool { return o.sync == "interval" || o.sync == "close" }

var fileOptionDocs = []Option{
	{"fsync", "interval", "when the file is forced to the disk: page (after each page), interval (every 5 s), a duration such as 1s, close (at the end), never"},
	{"rotate", "", "begin a new file at this size or age: 100MB, 1h, or both: 100MB,1h"},
}

func parseFileOptions(path string, set Settings) (o fileOptions, err error) {
	o.sync, o.every = "interval", 5*time.Second
	switch v := set["fsync"]; v {
	case "", "interval":
	case "page", "close", "never":
		o.sync = v
	default:
		every, ok := duration(v)
		if !ok {
			return o, fmt.Errorf("option fsync=%s: it is page, interval, close, never or a duration such as 1s", v)
		}
		o.every = every
	}
	if v, ok := set["rotate"]; ok {
		if o.size, o.age, err = parseRotation(v); err != nil {
			return o, err
		}
	}
	o.codec, err = codecOf(path)
	return o, err
}

// fileMark says where a file's output ends.
type fileMark struct {
	Path      string          `json:"path"`
	Segment   *segmentMark    `json:"segment,omitempty"`
	Length    int64           `json:"length"`              // of the file, or of the segment
	Synced    int64           `json:"synced"`              // of Length on the disk for certain
	Sum       string          `json:"xxh3,omitempty"`      // of what is not
	OldSum    string          `json:"sum,omitempty"`       // the same as xxhash64, from older versions
	Columns   json.RawMessage `json:"columns,omitempty"`   // csv
	Delimiter string          `json:"delimiter,omitempty"` // csv; "": from older versions
	Closed    bool            `json:"closed,omitempty"`    // the run ended in order: what stands behind it is somebody else's
}

// open readies the file and brings it back to m; nil: go on at its end. missing says that the file
// of the mark is gone, so that a new one was begun.
func (f *file) open(m *fileMark, fresh bool) (missing bool, err error) {
	defer func() {
		if err != nil {
			f.f = nil
			var short *ShortError
			if !errors.As(err, &short) {
				err = explain(f.name, err)
			}
		}
	}()
	if m != nil && m.Path != f.path {
		return false, fmt.Errorf("the mark is of another output, %s", m.Path)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return false, err
	}
	path := f.path
	if f.opt.rotates() {
		if path, missing, err = f.findSegment(m, fresh); err != nil {
			return false, err
		}
		if missing || m != nil && f.segment.number != m.Segment.Number {
			m = nil
		}
	} else if m != nil && m.Segment != nil {
		return false, errors.New("it was begun with ?rotate=…; keep that option, or start over with --fresh")
	}
	if m != nil && !fresh && m.Length > 0 {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			missing, m = true, nil
		}
	}
	if err := f.create(path); err != nil {
		return false, err
	}
	if f.regular {
		err = f.cut(m, fresh)
	}
	if err != nil {
		f.f.Close()
	}
	return missing, err
}

// create opens path for writing, as a new file or one that is there, and locks it.
func (f *file) create(path string) error {
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	flags := os.O_RDWR | os.O_CREATE
	if err == nil && !isRegular(path) {
		flags = os.O_WRONLY
	}
	h, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return err
	}
	info, err := h.Stat()
	if err != nil {
		h.Close()
		return err
	}
	f.f, f.regular = h, info.Mode().IsRegular()
	f.length, f.synced, f.started, f.dropped, f.lastSync = 0, 0, 0, 0, f.now()
	f.sum.Reset()
	if !f.regular {
		return nil
	}
	f.length = info.Size()
	if !Lock(h) {
		h.Close()
		return errBusy(f.shown())
	}
	if isNew && f.opt.sync != "never" {
		return syncFolder(filepath.Dir(path))
	}
	return nil
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// syncFolder makes a new file's name survive a power cut. Where folders cannot be synced it is left
// to the system.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

// cut brings the open file back to m: to its end when m is nil, to nothing when fresh. What stands behind
// a closed mark is kept.
func (f *file) cut(m *fileMark, fresh bool) error {
	want := f.length
	switch {
	case fresh:
		want = 0
	case m != nil:
		want = m.Length
		if f.length < want {
			return &ShortError{Target: f.path, Path: f.shown(), Have: f.length, Want: want}
		}
		ok, err := f.verify(m)
		if err != nil {
			return err
		}
		if !ok {
			return &ShortError{Target: f.path, Path: f.shown(), Have: m.Synced, Want: want}
		}
		if m.Closed {
			f.grown, want = f.length-want, f.length
		}
	}
	if want != f.length {
		if err := f.f.Truncate(want); err != nil {
			return err
		}
		f.length = want
	}
	if (m == nil || f.grown > 0) && want > 0 && f.opt.codec == nil {
		if err := f.endLine(); err != nil {
			return err
		}
	}
	f.dropped = f.length
	return f.sync()
}

// verify says whether what was not known to be on the disk at the mark is there now.
func (f *file) verify(m *fileMark) (bool, error) {
	sum, want := hash.Hash64(xxh3.New()), m.Sum
	switch {
	case m.OldSum != "":
		sum, want = xxhash.New(), m.OldSum
	case want == "":
		return true, nil
	}
	if _, err := io.CopyBuffer(sum, io.NewSectionReader(f.f, m.Synced, m.Length-m.Synced), make([]byte, 256<<10)); err != nil {
		return false, err
	}
	return hexSum(sum.Sum64()) == want, nil
}

// endLine ends a last line that someone else left open.
func (f *file) endLine() error {
	var last [1]byte
	if _, err := f.f.ReadAt(last[:], f.length-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err := f.f.WriteAt([]byte("\n"), f.length)
	f.length++
	return err
}

func hexSum(sum uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], sum)
	return hex.EncodeToString(b[:])
}

// shown is the open file's name for messages.
func (f *file) shown() string {
	if f.segment.number > 0 {
		return f.segment.path(f.name)
	}
	return f.name
}

// append writes one page, whole or not at all: what a failed write left is cut off again.
func (f *file) append(page []byte) error {
	if len(page) == 0 {
		return nil
	}
	if f.f == nil {
		return fmt.Errorf("%s: it is not open", f.name)
	}
	if err := f.rotate(int64(len(page))); err != nil {
		return explain(f.name, err)
	}
	if f.opt.header != nil && f.length == 0 {
		if h := f.opt.header(); len(h) > 0 {
			page = append(h, page...)
		}
	}
	if f.opt.codec != nil {
		f.buf = f.opt.codec.encode(f.buf[:0], page)
		page = f.buf
	}
	if !f.regular {
		n, err := f.f.Write(page)
		f.length += int64(n)
		return explain(f.name, err)
	}
	if _, err := f.f.WriteAt(page, f.length); err != nil {
		return explain(f.shown(), errors.Join(err, f.f.Truncate(f.length)))
	}
	f.length += int64(len(page))
	if f.opt.sums() {
		_, _ = f.sum.Write(page)
	}
	f.hurry()
	return nil
}

// whole makes a compressed file of nothing one that can be read: it has one member.
func (f *file) whole() error {
	if f.opt.codec == nil || f.opt.header != nil || !f.regular || f.length > 0 { // a header is to come first
		return nil
	}
	member := f.opt.codec.encode(nil, nil)
	if _, err := f.f.WriteAt(member, 0); err != nil {
		return explain(f.shown(), errors.Join(err, f.f.Truncate(0)))
	}
	f.length = int64(len(member))
	if f.opt.sums() {
		_, _ = f.sum.Write(member)
	}
	return nil
}

// mark says where the file ends, after forcing it to the disk when that is due.
func (f *file) mark() (*fileMark, error) {
	if f.f == nil {
		return nil, fmt.Errorf("%s: it is not open", f.name)
	}
	m := &fileMark{Path: f.path}
	if f.regular {
		due := f.opt.sync == "page" || f.opt.sync == "interval" && f.now().Sub(f.lastSync) >= f.opt.every
		if due && f.synced < f.length {
			if err := f.force(); err != nil {
				return nil, err
			}
		}
	}
	m.Length, m.Synced, m.Segment = f.length, f.synced, f.segment.mark()
	if f.opt.sums() && f.synced < f.length && f.regular {
		m.Sum = hexSum(f.sum.Sum64())
	}
	return m, nil
}

// durable says whether all that was marked is on the disk, or will never be promised to be.
func (f *file) durable() bool {
	return f.synced == f.length || !f.regular || f.opt.sync == "never"
}

// force brings what was written to the disk. Where that fails the file is cut back to what is there: the
// kernel forgets what it could not write and calls the next sync a success, so the records must come
// again.
func (f *file) force() error {
	err := f.sync()
	if err == nil {
		return nil
	}
	if f.regular {
		if cut := f.f.Truncate(f.synced); cut != nil {
			err = errors.Join(err, cut)
		} else {
			f.length, f.started, f.dropped = f.synced, f.synced, min(f.dropped, f.synced)
			f.sum.Reset()
		}
	}
	return explain(f.shown(), err)
}

func (f *file) sync() error {
	if f.opt.sync != "never" && f.regular {
		if err := dataSync(f.f); err != nil {
			return err
		}
	}
	f.synced, f.started, f.lastSync = f.length, f.length, f.now()
	f.sum.Reset()
	return nil
}

func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	var err error
	if f.synced < f.length {
		err = f.force()
	}
	err = errors.Join(err, explain(f.name, f.f.Close()))
	f.f = nil
	return err
}
