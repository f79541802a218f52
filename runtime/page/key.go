package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// identify hashes the key of every record.
func (p *Page) identify() error {
	prog := p.plan.prog
	if len(prog.keys) == 0 {
		return nil
	}
	if cap(p.Keys) < len(p.Records) {
		p.Keys = make([]uint64, 0, len(p.Records))
	}
	for i := range p.Records {
		cells := p.cells(i)
		if len(prog.keys) == 1 {
			v := prog.keys[0].of(cells, p.src)
			switch {
			case absent(v):
				p.Keys = append(p.Keys, p.whole(i))
			case plain(v):
				p.Keys = append(p.Keys, xxhash.Sum64(v))
			default:
				p.buf = rawjson.Canonical(p.buf[:0], v)
				p.Keys = append(p.Keys, xxhash.Sum64(p.buf))
			}
			continue
		}
		some := false
		p.buf, some = prog.key(p.buf[:0], cells, p.src)
		if some {
			p.Keys = append(p.Keys, xxhash.Sum64(p.buf))
		} else {
			p.Keys = append(p.Keys, p.whole(i))
		}
	}
	if len(p.Records) > 0 && p.Keyless == len(p.Records) {
		return p.keyMissing()
	}
	return nil
}

// key appends the canonical array of a record's key fields; some is false when it has none of them.
func (pr *program) key(dst []byte, cells []rawjson.Span, src []byte) (key []byte, some bool) {
	dst = append(dst, '[')
	for k, s := range pr.keys {
		if k > 0 {
			dst = append(dst, ',')
		}
		switch v := s.of(cells, src); {
		case absent(v):
			dst = append(dst, "null"...)
		case plain(v):
			dst, some = append(dst, v...), true
		default:
			dst, some = rawjson.Canonical(dst, v), true
		}
	}
	return append(dst, ']'), some
}

// whole identifies a record without a key by all of it.
func (p *Page) whole(record int) uint64 {
	p.Keyless++
	p.buf = rawjson.Canonical(p.buf[:0], p.Records[record])
	return xxhash.Sum64(p.buf)
}

func absent(v []byte) bool { return len(v) == 0 || v[0] == 'n' }

// plain says whether v is its own canonical form at first sight: a string without escapes, an
// integer.
func plain(v []byte) bool {
	if v[0] == '"' {
		return bytes.IndexByte(v, '\\') < 0
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// KeyText returns a record's key as text: of one field its text (a string without quotes, a number's
// digits, canonical JSON otherwise), of several fields their canonical JSON array. For a record that
// has none of its key fields it is "sha256:" and a hash of all of it. The text does not tell 1 from
// "1"; Keys does. It is "" when the plan has no Keys.
func (p *Page) KeyText(record int) string {
	prog := p.plan.prog
	cells := p.cells(record)
	switch len(prog.keys) {
	case 0:
		return ""
	case 1:
		if v := prog.keys[0].of(cells, p.src); !absent(v) {
			if s, ok := rawjson.String(v); ok {
				return s
			}
			return string(rawjson.Canonical(nil, v))
		}
	default:
		if key, some := prog.key(nil, cells, p.src); some {
			return string(key)
		}
	}
	sum := sha256.Sum256(rawjson.Canonical(nil, p.Records[record]))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// keyMissing is the error of a page on which no record has a key: the key is named wrongly.
func (p *Page) keyMissing() error {
	first := p.Records[0]
	names := make([]string, len(p.plan.Keys))
	for i, k := range p.plan.Keys {
		names[i] = name(k)
	}
	which := "records.key " + strings.Join(names, ", ")
	if len(names) > 1 {
		which = "any part of " + which
	}
	msg := fmt.Sprintf("no record of the page has %s: ", which)
	for _, k := range p.plan.Keys {
		if v, ok := k.Get(first); ok && absent(v) {
			if len(names) == 1 {
				return &Error{Code: CodeKeyMissing, Msg: msg + "in the first one its value is null"}
			}
			return &Error{Code: CodeKeyMissing, Msg: msg + "in the first one " + name(k) + " is null"}
		}
	}
	for _, k := range p.plan.Keys {
		if len(k) == 0 || k[0].Kind != engine.StepField {
			continue
		}
		for m, v := range rawjson.Members(first) {
			switch s, _ := rawjson.String(m); {
			case s == k[0].Field: // what lies in it is missing
				return &Error{Code: CodeKeyMissing, Msg: msg + name(k[:1]) + " of the first one " + describe(v)}
			case similar(s, k[0].Field):
				return &Error{Code: CodeKeyMissing, Msg: msg + "the first one " + describe(first) + "; did you mean `" + shorten(s) + "`?"}
			}
		}
	}
	return &Error{Code: CodeKeyMissing, Msg: msg + "the first one " + describe(first)}
}
