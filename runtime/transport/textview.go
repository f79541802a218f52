package transport

import (
	"bytes"
	"cmp"
	"html"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// extent is a part of a text: the bytes from, up to and without to.
type extent struct{ from, to int }

// apart sorts spans and joins those that overlap.
func apart(spans []extent) []extent {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b extent) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	out := spans[:1]
	for _, s := range spans[1:] {
		if last := &out[len(out)-1]; s.from < last.to {
			last.to = max(last.to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// deepestView is how many encodings within one another are undone: JSON in a query in a log line.
const deepestView = 3

// textView is a text with one kind of escapes undone.
type textView struct {
	text  []byte
	cuts  []cut     // in order
	of    *textView // nil: text is the source
	depth int
}

// cut is an escape that was undone: the view's bytes at to at+n stand for the bytes of src.
type cut struct {
	at, n int
	src   extent
}

// views returns the text as it is and with every combination of escapes undone.
func views(text []byte) []*textView {
	list := []*textView{{text: text}}
	for i := 0; i < len(list); i++ {
		v := list[i]
		if v.depth == deepestView {
			break
		}
		for _, e := range escapes {
			if w := v.undo(e); w != nil {
				list = append(list, w)
			}
		}
	}
	return list
}

// source is the part of the source that a part of the view stands for.
func (v *textView) source(from, to int) extent {
	for ; v.of != nil; v = v.of {
		last := v.place(to - 1)
		from, to = v.place(from).from, last.to
	}
	return extent{from, to}
}

// place is what the view's byte i stands for in the text that it is a view of.
func (v *textView) place(i int) extent {
	k := sort.Search(len(v.cuts), func(k int) bool { return v.cuts[k].at > i }) - 1
	if k < 0 {
		return extent{i, i + 1}
	}
	c := v.cuts[k]
	if i < c.at+c.n {
		return c.src
	}
	from := c.src.to + i - c.at - c.n
	return extent{from, from + 1}
}

// escape is a way of writing bytes: read undoes the one that begins b, and says how long it is, 0 when
// none does.
type escape struct {
	sign byte // that every one begins with
	read func(dst, b []byte) ([]byte, int)
}

var escapes = []escape{{'%', percent}, {'\\', backslash}, {'&', entity}}

// undo returns the view without one kind of escapes, nil when there are none.
func (v *textView) undo(e escape) *textView {
	at := bytes.IndexByte(v.text, e.sign)
	if at < 0 {
		return nil
	}
	w := &textView{text: make([]byte, 0, len(v.text)), of: v, depth: v.depth + 1}
	done := 0
	for at < len(v.text) {
		before := len(w.text) + at - done
		w.text = append(w.text, v.text[done:at]...)
		text, n := e.read(w.text, v.text[at:])
		if n > 0 {
			w.text = text
			w.cuts = append(w.cuts, cut{before, len(w.text) - before, extent{at, at + n}})
		} else {
			w.text, n = append(w.text, v.text[at]), 1
		}
		done = at + n
		next := bytes.IndexByte(v.text[done:], e.sign)
		if next < 0 {
			break
		}
		at = done + next
	}
	if w.cuts == nil {
		return nil
	}
	w.text = append(w.text, v.text[done:]...)
	return w
}

// percent undoes %2F and %2f.
func percent(dst, b []byte) ([]byte, int) {
	if len(b) < 3 {
		return dst, 0
	}
	n, ok := hex(b[1:3])
	if !ok {
		return dst, 0
	}
	return append(dst, byte(n)), 3
}

func hex(b []byte) (n rune, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// backslash undoes the escapes of JSON and Go.
func backslash(dst, b []byte) ([]byte, int) {
	if len(b) < 2 {
		return dst, 0
	}
	const signs, mean = `"\/'bfnrtav`, "\"\\/'\b\f\n\r\t\a\v"
	if i := strings.IndexByte(signs, b[1]); i >= 0 {
		return append(dst, mean[i]), 2
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[b[1]]
	if digits == 0 || len(b) < 2+digits {
		return dst, 0
	}
	r, ok := hex(b[2 : 2+digits])
	switch {
	case !ok:
		return dst, 0
	case digits == 2:
		return append(dst, byte(r)), 4
	case utf16.IsSurrogate(r) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u':
		if low, ok := hex(b[8:12]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return utf8.AppendRune(dst, pair), 12
			}
		}
	}
	return utf8.AppendRune(dst, r), 2 + digits
}

// entity undoes the character references of HTML and XML that encoders write.
func entity(dst, b []byte) ([]byte, int) {
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 3 {
		return dst, 0
	}
	name := string(b[1:end])
	switch {
	case name[0] == '#':
		digits, base := name[1:], 10
		if digits[0]|0x20 == 'x' {
			digits, base = digits[1:], 16
		}
		r, err := strconv.ParseInt(digits, base, 32)
		if err != nil || r < 0 {
			return dst, 0
		}
		return utf8.AppendRune(dst, rune(r)), end + 1
	case len(name) > 1:
		if plain := html.UnescapeString("&" + name + ";"); !strings.HasPrefix(plain, "&") || name == "amp" {
			return append(dst, plain...), end + 1
		}
	}
	return dst, 0
}
