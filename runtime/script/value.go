package script

import (
	"net/http"
	"strconv"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Value is something that a script is given. It is read-only to the script unless Mutable says
// otherwise; the bytes behind it must not change until the call has returned. The zero Value is
// undefined.
type Value struct {
	kind    kind
	mutable bool
	raw     []byte // kindJSON
	spans   []rawjson.Span
	text    string // kindText
	header  http.Header
	fields  []Field
	links   []Link
}

type kind uint8

const (
	kindUndefined kind = iota
	kindNull
	kindJSON
	kindText
	kindBytes
	kindHeader
	kindObject
	kindLinks
)

// Field is a named Value, a property of an Object.
type Field struct {
	Name  string
	Value Value
}

// Link is one link of the Link headers.
type Link struct {
	Rel   string
	URL   string
	Attrs []Attr // its other attributes, in order
}

// Attr is an attribute of a Link.
type Attr struct{ Name, Value string }

// Undefined is JavaScript's undefined.
func Undefined() Value { return Value{} }

// Null is JavaScript's null.
func Null() Value { return Value{kind: kindNull} }

// JSON is a valid JSON document, read where a script touches it. Empty raw is null.
func JSON(raw []byte) Value { return JSONSpans(raw, nil) }

// JSONSpans is JSON whose reader knows already where some of its values end: spans, sorted by Start,
// are passed over without a look at their bytes unless a script touches them.
func JSONSpans(raw []byte, spans []rawjson.Span) Value {
	if len(raw) == 0 {
		return Null()
	}
	return Value{kind: kindJSON, raw: raw, spans: spans}
}

// Text is a string.
func Text(s string) Value { return Value{kind: kindText, text: s} }

// Bytes is a string whose UTF-8 stands in b; it is decoded only when a script touches it.
func Bytes(b []byte) Value { return Value{kind: kindBytes, raw: b} }

// Int is a whole number; beyond 2^53 the script sees a BigInt.
func Int(n int64) Value { return Value{kind: kindJSON, raw: strconv.AppendInt(nil, n, 10)} }

// Bool is true or false.
func Bool(b bool) Value { return Value{kind: kindJSON, raw: strconv.AppendBool(nil, b)} }

// Time is a time as RFC 3339 text in UTC; the zero time is null.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Null()
	}
	return Text(t.UTC().Format(time.RFC3339Nano))
}

// Header is the headers of an answer or request: names are looked up whatever their case, several
// lines of one name are joined by ", ".
func Header(h http.Header) Value { return Value{kind: kindHeader, header: h} }

// Links is the links of an answer: a property per rel, whose value is the URL. An attribute of a link
// is a property of that URL (`link.next.results`).
func Links(links []Link) Value { return Value{kind: kindLinks, links: links} }

// Object is an object of these fields, each bound when it is touched.
func Object(fields ...Field) Value { return Value{kind: kindObject, fields: fields} }

// Mutable lets the script change a JSON value: its own copy, never the bytes.
func (v Value) Mutable() Value { v.mutable = true; return v }
