package sink

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// segment is one file of a row: out.jsonl becomes out-000001-20260301T120000Z.jsonl, and so on, so
// that the names sort as the files were written.
type segment struct {
	number int64
	begun  time.Time // to the second
}

type segmentMark struct {
	Number int64     `json:"number"`
	Begun  time.Time `json:"begun"`
}

func (s segment) mark() *segmentMark {
	if s.number == 0 {
		return nil
	}
	return &segmentMark{s.number, s.begun}
}

const segmentTime = "20060102T150405Z"

// segmentParts gives what stands before and after a segment's number and time.
func segmentParts(path string) (before, after string) {
	after = ""
	if ext := filepath.Ext(path); ext == ".gz" || ext == ".zst" {
		after, path = ext, strings.TrimSuffix(path, ext)
	}
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext), ext + after
}

func (s segment) path(path string) string {
	before, after := segmentParts(path)
	return fmt.Sprintf("%s-%06d-%s%s", before, s.number, s.begun.Format(segmentTime), after)
}

// segments lists the segments of path that exist, oldest first.
func segments(path string) ([]segment, error) {
	before, after := segmentParts(path)
	entries, err := os.ReadDir(filepath.Dir(path)) // sorted by name
	if err != nil {
		return nil, err
	}
	form := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(before)) + `-(\d{6,})-(\d{8}T\d{6}Z)` + regexp.QuoteMeta(after) + "$")
	var list []segment
	for _, e := range entries {
		m := form.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		n, err1 := strconv.ParseInt(m[1], 10, 64)
		at, err2 := time.Parse(segmentTime, m[2])
		if err1 == nil && err2 == nil {
			list = append(list, segment{n, at})
		}
	}
	return list, nil
}

// findSegment says which file to open for m and removes those that were begun after it, unless m is
// closed: then somebody else has begun them, and the next segment is a new one. So it is without a mark;
// missing says that the mark's is gone.
func (f *file) findSegment(m *fileMark, fresh bool) (path string, missing bool, err error) {
	list, err := segments(f.path)
	if err != nil {
		return "", false, err
	}
	if m != nil && m.Segment == nil {
		return "", false, fmt.Errorf("it was begun without ?rotate=…; leave that option out, or start over with --fresh")
	}
	if err := f.idle(list); err != nil {
		return "", false, err
	}
	keep := int64(-1)
	if m != nil {
		keep = m.Segment.Number
	}
	if fresh {
		keep = 0
	}
	last := max(keep, 0)
	found := false
	for _, s := range list {
		if keep >= 0 && s.number > keep && (fresh || !m.Closed) {
			if err := os.Remove(s.path(f.path)); err != nil {
				return "", false, err
			}
			continue
		}
		last = max(last, s.number)
		found = found || s.number == keep
	}
	missing = m != nil && !fresh && !found
	if found && last > keep {
		if n, whole := sizeBehind(f.path, list, m); whole {
			f.grown, found = n, false
		}
	}
	if found {
		f.segment = segment{m.Segment.Number, m.Segment.Begun.UTC()}
		return f.segment.path(f.path), false, nil
	}
	f.segment = segment{last + 1, f.now().UTC().Truncate(time.Second)}
	return f.segment.path(f.path), missing, nil
}

// sizeBehind is how many bytes stand behind m in its segment and those after it; whole is false when its
// segment is shorter than m says.
func sizeBehind(path string, list []segment, m *fileMark) (n int64, whole bool) {
	n = -m.Length
	for _, s := range list {
		info, err := os.Stat(s.path(path))
		if err != nil || s.number < m.Segment.Number {
			continue
		}
		n += info.Size()
		whole = whole || s.number == m.Segment.Number && info.Size() >= m.Length
	}
	return n, whole
}

// idle makes sure that nobody is writing to the last segment, before any is removed.
func (f *file) idle(list []segment) error {
	if len(list) == 0 {
		return nil
	}
	last := list[len(list)-1]
	h, err := os.Open(last.path(f.path))
	if err != nil {
		return err
	}
	defer h.Close()
	if !Lock(h) {
		return errBusy(last.path(f.name))
	}
	return nil
}

// rotate begins the next file when the page that comes would make this one too large, or when it is
// too old. A file holds one page at least. Of a compressed file the size is known after the fact, so
// it may be larger by a page.
func (f *file) rotate(page int64) error {
	if !f.opt.rotates() || f.length == 0 {
		return nil
	}
	if f.opt.codec != nil {
		page = 0
	}
	full := f.opt.size > 0 && (f.length+page > f.opt.size || f.length >= f.opt.size)
	old := f.opt.age > 0 && f.now().Sub(f.segment.begun) >= f.opt.age
	if !full && !old {
		return nil
	}
	if err := f.force(); err != nil {
		return err
	}
	if err := f.f.Close(); err != nil {
		return err
	}
	f.segment = segment{f.segment.number + 1, f.now().UTC().Truncate(time.Second)}
	if err := f.create(f.segment.path(f.path)); err != nil {
		f.f = nil
		return err
	}
	return nil
}

// parseRotation reads a size, an age, or both with a comma between.
func parseRotation(v string) (bytes int64, age time.Duration, err error) {
	for part := range strings.SplitSeq(v, ",") {
		if n, ok := size(part); ok && bytes == 0 {
			bytes = n
		} else if d, ok := duration(part); ok && age == 0 {
			age = d
		} else {
			return 0, 0, fmt.Errorf("option rotate=%s: it is a size, an age, or both: 100MB, 1h, 100MB,1h", v)
		}
	}
	return bytes, age, nil
}
