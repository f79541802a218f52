package script

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
	"unsafe"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// What parent and child say to each other is frames: four bytes of length, one byte that says what it
// is, and a body.
const (
	frameLoad   = 'L' // to the child: hook, expressions, limits, as JSON
	frameJob    = 'J' // to the child: a job
	frameReady  = 'O' // from the child: loaded
	frameResult = 'R' // from the child: results of calls, none when it only says that it is alive
	frameDone   = 'D' // from the child: the job is done
	frameError  = 'E' // from the child: the job has failed, as JSON
	frameLog    = 'G' // from the child: a message of console.log
)

// maxFrame bounds what one side believes of the other.
const maxFrame = 1 << 30

func writeFrame(w io.Writer, kind byte, body []byte) error {
	if len(body) >= maxFrame {
		return fmt.Errorf("a frame of %d bytes is too large for a child process", len(body))
	}
	head := binary.LittleEndian.AppendUint32(make([]byte, 0, 5), uint32(len(body)))
	if _, err := w.Write(append(head, kind)); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[:4])
	if n >= maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes is too large", n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return head[4], body, err
}

// packer writes the parts of a body.
type packer struct {
	out   []byte
	blobs map[blob]int // bytes that were written, so that the same page is sent once
}

type blob struct {
	at *byte
	n  int
}

func (p *packer) int(n int)       { p.out = binary.AppendVarint(p.out, int64(n)) }
func (p *packer) text(s string)   { p.int(len(s)); p.out = append(p.out, s...) }
func (p *packer) number(n uint64) { p.out = binary.LittleEndian.AppendUint64(p.out, n) }

func (p *packer) bool(b bool) {
	if b {
		p.int(1)
		return
	}
	p.int(0)
}

// bytes writes b, or where it was written before.
func (p *packer) bytes(b []byte) {
	key := blob{unsafe.SliceData(b), len(b)}
	if at, ok := p.blobs[key]; ok && len(b) > 0 {
		p.int(-at)
		p.int(len(b))
		return
	}
	p.int(len(b) + 1)
	if p.blobs == nil {
		p.blobs = map[blob]int{}
	}
	p.blobs[key] = len(p.out)
	p.out = append(p.out, b...)
}

func (p *packer) fields(fields []Field) {
	p.int(len(fields))
	for _, f := range fields {
		p.text(f.Name)
		p.value(f.Value)
	}
}

func (p *packer) value(v Value) {
	p.int(int(v.kind))
	p.bool(v.mutable)
	switch v.kind {
	case kindJSON:
		p.bytes(v.raw)
		p.int(len(v.spans))
		for _, s := range v.spans {
			p.int(s.Start)
			p.int(s.End)
		}
	case kindBytes:
		p.bytes(v.raw)
	case kindText:
		p.text(v.text)
	case kindHeader:
		p.int(len(v.header))
		for name, lines := range v.header {
			p.text(name)
			p.int(len(lines))
			for _, l := range lines {
				p.text(l)
			}
		}
	case kindObject:
		p.fields(v.fields)
	case kindLinks:
		p.int(len(v.links))
		for _, l := range v.links {
			p.text(l.Rel)
			p.text(l.URL)
			p.int(len(l.Attrs))
			for _, a := range l.Attrs {
				p.text(a.Name)
				p.text(a.Value)
			}
		}
	}
}

// packJob writes a job. names are the data names that it needs.
func packJob(j *job, names []string) []byte {
	p := &packer{}
	p.text(j.function)
	p.int(j.id)
	p.number(uint64(j.now.UnixNano()))
	p.number(j.seed)
	p.bool(j.each)
	p.bool(j.log != nil)
	p.fields(slices.DeleteFunc(slices.Clone(j.env), func(f Field) bool { return !slices.Contains(names, f.Name) }))
	p.int(len(j.args))
	for _, a := range j.args {
		p.value(a)
	}
	p.int(len(j.records))
	for _, r := range j.records {
		p.bytes(r)
	}
	return p.out
}

// unpacker reads what packer wrote. After the first error it reads zeros.
type unpacker struct {
	in  []byte
	at  int
	err error
}

var errCut = errors.New("a frame is cut")

func (u *unpacker) int() int {
	n, size := binary.Varint(u.in[u.at:])
	if size <= 0 {
		u.err = errCut
		u.at = len(u.in)
		return 0
	}
	u.at += size
	return int(n)
}

// count reads how many things follow, each of at least one byte.
func (u *unpacker) count() int {
	n := u.int()
	if n < 0 || n > len(u.in)-u.at {
		u.err = errCut
		return 0
	}
	return n
}

func (u *unpacker) take(n int) []byte {
	if n < 0 || n > len(u.in)-u.at {
		u.err = errCut
		return nil
	}
	b := u.in[u.at : u.at+n : u.at+n]
	u.at += n
	return b
}

func (u *unpacker) text() string { return string(u.take(u.int())) }
func (u *unpacker) bool() bool   { return u.int() == 1 }

func (u *unpacker) number() uint64 {
	if b := u.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (u *unpacker) bytes() []byte {
	n := u.int()
	if n > 0 {
		return u.take(n - 1)
	}
	at, size := -n, u.int()
	if at < 0 || size < 0 || at > u.at || size > u.at-at {
		u.err = errCut
		return nil
	}
	return u.in[at : at+size : at+size]
}

func (u *unpacker) fields() []Field {
	fields := make([]Field, u.count())
	for i := range fields {
		fields[i].Name = u.text()
		fields[i].Value = u.value()
	}
	return fields
}

func (u *unpacker) value() Value {
	v := Value{kind: kind(u.int()), mutable: u.bool()}
	switch v.kind {
	case kindJSON:
		v.raw = u.bytes()
		v.spans = make([]rawjson.Span, u.count())
		for i := range v.spans {
			v.spans[i] = rawjson.Span{Start: u.int(), End: u.int()}
		}
	case kindBytes:
		v.raw = u.bytes()
	case kindText:
		v.text = u.text()
	case kindHeader:
		v.header = http.Header{}
		for range u.count() {
			name := u.text()
			lines := make([]string, u.count())
			for i := range lines {
				lines[i] = u.text()
			}
			v.header[name] = lines
		}
	case kindObject:
		v.fields = u.fields()
	case kindLinks:
		v.links = make([]Link, u.count())
		for i := range v.links {
			l := Link{Rel: u.text(), URL: u.text()}
			for range u.count() {
				l.Attrs = append(l.Attrs, Attr{u.text(), u.text()})
			}
			v.links[i] = l
		}
	}
	return v
}

func unpackJob(body []byte) (j *job, logs bool, err error) {
	u := &unpacker{in: body}
	j = &job{function: u.text(), id: u.int()}
	j.now = time.Unix(0, int64(u.number())).UTC()
	j.seed = u.number()
	j.each = u.bool()
	logs = u.bool()
	j.env = u.fields()
	j.args = make([]Value, u.count())
	for i := range j.args {
		j.args[i] = u.value()
	}
	j.records = make([][]byte, u.count())
	for i := range j.records {
		j.records[i] = u.bytes()
	}
	return j, logs, u.err
}

func packResult(out []byte, res Result) []byte {
	p := &packer{out: out}
	p.bool(res.Undefined)
	p.int(len(res.JSON))
	p.out = append(p.out, res.JSON...)
	p.int(len(res.absent))
	for _, a := range res.absent {
		p.text(a)
	}
	return p.out
}

func unpackResults(body []byte, results []Result) ([]Result, error) {
	u := &unpacker{in: body}
	for u.at < len(u.in) && u.err == nil {
		res := Result{Undefined: u.bool()}
		if b := u.take(u.int()); !res.Undefined {
			res.JSON = b
		}
		for range u.count() {
			res.absent = append(res.absent, u.text())
		}
		results = append(results, res)
	}
	return results, u.err
}
