package sink

import (
	"bytes"
	"encoding/json"
)

// inPlace gives write the records of a list, which has the same byte behind all but the last, as lines,
// without a copy: for as long as write lasts these bytes are line ends.
func inPlace(list []byte, records [][]byte, write func(lines []byte) error) error {
	between, last := list[len(records[0])], list[len(list)-1]
	separate(list, records, '\n', '\n')
	defer separate(list, records, between, last)
	return write(list)
}

// separate puts a byte between each two records of a list, and one behind the last.
func separate(list []byte, records [][]byte, between, last byte) {
	at := -1
	for _, r := range records {
		at += len(r) + 1
		list[at] = between
	}
	list[at] = last
}

// lines appends the records to buf, each with a line end. A record that has one inside, which JSON
// allows between its tokens, is written without.
func lines(buf []byte, records [][]byte) []byte {
	from := len(buf)
	for _, r := range records {
		buf = append(append(buf, r...), '\n')
	}
	if bytes.Count(buf[from:], newline) == len(records) {
		return buf
	}
	buf = buf[:from]
	for _, r := range records {
		buf = append(line(buf, r), '\n')
	}
	return buf
}

var newline = []byte{'\n'}

func line(buf, record []byte) []byte {
	if bytes.IndexByte(record, '\n') < 0 {
		return append(buf, record...)
	}
	b := bytes.NewBuffer(buf)
	if json.Compact(b, record) != nil {
		return append(buf, bytes.ReplaceAll(record, []byte("\n"), []byte(" "))...)
	}
	return b.Bytes()
}

// shrink lets go of a buffer that one large page has blown up, once a page uses little of it.
func shrink(buf []byte) []byte {
	if cap(buf) > 4<<20 && len(buf) < cap(buf)/4 {
		return nil
	}
	return buf[:0]
}
