package spec

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// source is the text of a connector file, to find the place of a character of a value again:
// quotes, escapes, folded lines and indents stand between the two.
type source struct {
	file   string
	lines  []string // without line ends
	traced map[*yaml.Node]*trace
}

func newSource(file, text string) *source {
	return &source{file: file, lines: linesOf(text), traced: map[*yaml.Node]*trace{}}
}

// lineEnds brings what YAML takes for the end of a line (YAML 1.1, section 5.4) to one form.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func linesOf(text string) []string { return strings.Split(lineEnds.Replace(text), "\n") }

// pos is where the node begins.
func (s *source) pos(n *yaml.Node) Pos { return Pos{s.file, max(n.Line, 1), max(n.Column, 1)} }

// place is where byte off of the scalar's value stands in the file, and the columns by which the
// following lines of that value are indented.
func (s *source) place(n *yaml.Node, off int) (Pos, int) {
	t := s.traced[n]
	if t == nil {
		t = s.trace(n)
		s.traced[n] = t
	}
	if !t.good || len(t.at) == 0 {
		return s.pos(n), 0
	}
	m := t.at[min(max(off, 0), len(t.at)-1)]
	col := utf8.RuneCountInString(s.lines[m.line][:min(m.col, len(s.lines[m.line]))])
	if off >= len(t.at) {
		col++
	}
	return Pos{s.file, m.line + 1, col + 1}, t.indent
}

// mark is the place of one byte of a value: line from 0, column in bytes from 0.
type mark struct{ line, col int }

// trace reads a scalar again from its source and notes where each byte came from.
type trace struct {
	lines  []string
	here   mark
	out    []byte
	at     []mark // at[i] is where out[i] stands
	solid  int    // length of out up to which white space at a line's end is kept
	indent int    // columns, of a block scalar
	good   bool   // out is the value: the places can be trusted
}

func (s *source) trace(n *yaml.Node) *trace {
	t := &trace{lines: s.lines}
	if n.Line < 1 || n.Line > len(s.lines) {
		return t
	}
	t.here.line = n.Line - 1
	for range n.Column - 1 {
		_, size := utf8.DecodeRuneInString(t.rest())
		t.here.col += size
	}
	t.skipProperties()
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		t.here.col++
		t.quoted('"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		t.here.col++
		t.quoted('\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		t.block(n.Value)
	default:
		t.plain(len(n.Value))
	}
	t.good = string(t.out) == n.Value
	return t
}

// rest is what remains of the line.
func (t *trace) rest() string {
	line := t.lines[t.here.line]
	return line[min(t.here.col, len(line)):]
}

// next goes to the beginning of the next line, false at the end of the file.
func (t *trace) next() bool {
	if t.here.line+1 >= len(t.lines) {
		return false
	}
	t.here = mark{t.here.line + 1, 0}
	return true
}

func (t *trace) skipBlanks() {
	t.here.col += len(t.rest()) - len(strings.TrimLeft(t.rest(), " \t"))
}

// skipProperties goes past `&anchor` and `!tag`.
func (t *trace) skipProperties() {
	for {
		t.skipBlanks()
		rest := t.rest()
		switch {
		case rest == "" || rest[0] == '#':
			if !t.next() {
				return
			}
		case rest[0] == '&' || rest[0] == '!':
			end := strings.IndexAny(rest, " \t")
			if end < 0 {
				end = len(rest)
			}
			t.here.col += end
		default:
			return
		}
	}
}

// emit appends text that stands at m; each byte of it has that place, or its own with spread.
func (t *trace) emit(text string, m mark, spread bool) {
	for i := range len(text) {
		t.out = append(t.out, text[i])
		t.at = append(t.at, m)
		if spread {
			m.col++
		}
	}
}

// fold ends a line of a flow scalar: one line end is a space, each further one a line feed.
// With joined the line ended in a backslash and the first line end is nothing.
func (t *trace) fold(joined bool) bool {
	t.out, t.at = t.out[:t.solid], t.at[:t.solid]
	at := mark{t.here.line, len(t.lines[t.here.line])}
	breaks := 0
	for {
		if !t.next() {
			return false
		}
		breaks++
		t.skipBlanks()
		if t.rest() != "" {
			break
		}
	}
	switch {
	case breaks > 1:
		t.emit(strings.Repeat("\n", breaks-1), at, false)
	case !joined:
		t.emit(" ", at, false)
	}
	t.solid = len(t.out)
	return true
}

// one takes one character as it stands.
func (t *trace) one() {
	_, size := utf8.DecodeRuneInString(t.rest())
	text := t.rest()[:size]
	t.emit(text, t.here, true)
	t.here.col += size
	if text != " " && text != "\t" {
		t.solid = len(t.out)
	}
}

func (t *trace) plain(length int) {
	for len(t.out) < length {
		if t.rest() == "" {
			if !t.fold(false) {
				return
			}
			continue
		}
		t.one()
	}
}

func (t *trace) quoted(quote byte) {
	for {
		rest := t.rest()
		switch {
		case rest == "":
			if !t.fold(false) {
				return
			}
		case quote == '\'' && strings.HasPrefix(rest, "''"):
			t.emit("'", t.here, false)
			t.solid = len(t.out)
			t.here.col += 2
		case rest[0] == quote:
			return
		case quote == '"' && rest == `\`:
			t.solid = len(t.out)
			if !t.fold(true) {
				return
			}
		case quote == '"' && rest[0] == '\\':
			t.escape()
		default:
			t.one()
		}
	}
}

var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", '\t': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// escape reads a backslash of a double quoted scalar and what follows.
func (t *trace) escape() {
	rest := t.rest()
	length, text := 2, escapes[rest[1]]
	if digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[rest[1]]; digits > 0 && len(rest) >= 2+digits {
		length = 2 + digits
		n, _ := strconv.ParseUint(rest[2:length], 16, 32)
		text = string(rune(n))
	}
	t.emit(text, t.here, false)
	t.solid = len(t.out)
	t.here.col += length
}

// block reads a literal or folded scalar by laying its lines over the value.
func (t *trace) block(value string) {
	firstText := strings.TrimLeft(value, "\n")
	if firstText == "" || !t.next() {
		return
	}
	start := t.here.line
	for strings.TrimLeft(t.rest(), " ") == "" {
		if !t.next() {
			return
		}
	}
	spaces := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	t.indent = spaces(t.rest()) - spaces(firstText)
	if t.indent < 0 {
		return
	}
	for t.here.line = start; len(t.out) < len(value); {
		end := mark{t.here.line, len(t.lines[t.here.line])}
		t.here.col = min(t.indent, end.col)
		if text := t.rest(); text != "" {
			if !strings.HasPrefix(value[len(t.out):], text) && value[len(t.out)] == ' ' {
				t.emit(" ", mark{t.here.line, 0}, false)
			}
			t.emit(text, t.here, true)
		}
		for next := len(t.out); next < len(value) && value[next] == '\n'; next++ {
			t.emit("\n", end, false)
			if t.here.line+1 < len(t.lines) && len(t.lines[t.here.line+1]) <= t.indent {
				t.here.line++
				end = mark{t.here.line, len(t.lines[t.here.line])}
			}
		}
		if !t.next() {
			return
		}
	}
}
