package script

import (
	"strings"
	"unicode/utf8"
)

// HookSource is the text of a connector's hook file. File is printed in errors.
type HookSource struct {
	File string
	Text string
}

// Source is one expression as it stands in a YAML file.
type Source struct {
	ID     int    // what Eval calls it by; unique in a Program
	Text   string // what stands between ${ and }
	File   string // path of the YAML file, as errors print it
	Line   int    // of the first character of Text, from 1
	Col    int    // of the first character of Text, in characters from 1
	Indent int    // columns to add on the second and later lines (block scalars)
	Names  []string
}

// place is a position in an author's file. Line and Col count from 1, Col in characters; Line 0
// means that it is not known.
type place struct {
	file      string
	line, col int
}

// origin translates positions of a compiled text into positions of the author's file.
type origin struct {
	file              string
	text              string
	line, col, indent int
	shift             int // bytes that were put before text on its first line
}

// at translates a position as the engine reports it: line from 1, col in bytes from 1.
func (o *origin) at(line, col int) place {
	if line < 1 {
		return place{file: o.file, line: o.line, col: o.col}
	}
	if line == 1 {
		col -= o.shift
	}
	col = o.characters(line, col)
	if line == 1 {
		return place{file: o.file, line: o.line, col: o.col + col - 1}
	}
	return place{file: o.file, line: o.line + line - 1, col: o.indent + col}
}

// offset translates a byte offset of the compiled text.
func (o *origin) offset(off int) place {
	off -= o.shift
	off = max(0, min(off, len(o.text)))
	before := o.text[:off]
	line := 1 + strings.Count(before, "\n")
	col := off - (strings.LastIndexByte(before, '\n') + 1) + 1
	if line == 1 {
		col += o.shift
	}
	return o.at(line, col)
}

// characters turns a column in bytes into one in characters.
func (o *origin) characters(line, col int) int {
	text := o.text
	for ; line > 1; line-- {
		i := strings.IndexByte(text, '\n')
		if i < 0 {
			return max(col, 1)
		}
		text = text[i+1:]
	}
	if col < 1 {
		return 1
	}
	return utf8.RuneCountInString(text[:min(col-1, len(text))]) + 1
}
