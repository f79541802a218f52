package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// maxElements bounds how deep elements may stand in each other. What stands in an element is moved
// when the element ends: maxMoves bounds the bytes that are, in bodies.
const (
	maxElements = 1000
	maxMoves    = 100
)

// readXML reads one XML document. It becomes an object whose only member is the root element. An
// element becomes an object with a member "@name" for each attribute, one for each element by its
// name, an array where the name stands more than once, and "#text" for text; an element with nothing
// but text becomes a string, an empty one "", one with xsi:nil="true" null. Namespace prefixes and
// declarations are dropped. What the records path takes all of is an array even with one element in
// it. Entities are the five of XML and character references; declared ones are refused. UTF-8,
// US-ASCII, ISO-8859-1 and windows-1252 are read.
func readXML(pl *Plan, body []byte, contentType string, p *Page) error {
	body = Unmark(body)
	start := bytes.TrimLeft(body, " \t\r\n")
	if len(start) == 0 || start[0] != '<' || webPage(start) {
		if err := foreign(body, "xml", contentType); err != nil {
			return err
		}
		return &Error{Code: CodeBody, Msg: "the body is not XML" + declared(contentType)}
	}
	if !utf8.Valid(body) && western(charset(contentType)) && !bytes.Contains(body[:min(len(body), 200)], []byte("encoding=")) {
		body = fromWestern(body)
	}
	w := xmlWriter{prog: pl.prog, out: p.doc[:0], open: []element{{}}, left: maxMoves * (len(body) + 64<<10)}
	err := w.run(body)
	p.doc = w.out
	if err != nil {
		return err
	}
	return p.document(pl, p.doc)
}

// webPage says whether XML is a web page.
func webPage(start []byte) bool {
	head := strings.ToLower(string(start[:min(len(start), 64)]))
	return strings.HasPrefix(head, webTags[0]) || strings.HasPrefix(head, webTags[1]+">") || strings.HasPrefix(head, webTags[1]+" ")
}

// element is an element that is not closed yet. The values of its children stand one after the
// other at the end of the output.
type element struct {
	name  string
	start int // of its children in the output
	match int // how many of the records path's names lead here, -1 when they lead elsewhere
	null  bool
	kids  []child
	text  []byte
}

// child is the value of an attribute or element.
type child struct {
	name     string
	from, to int
	list     bool // an array even when it stands alone
}

// xmlWriter writes a document as JSON.
type xmlWriter struct {
	prog *program
	out  []byte
	tmp  []byte
	open []element // the first one stands for the document
	left int       // bytes that may still be moved
}

func (w *xmlWriter) run(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if !western(label) {
			return nil, fmt.Errorf("encoding %s is not one of utf-8, us-ascii, iso-8859-1, windows-1252", shorten(label))
		}
		all, err := io.ReadAll(r)
		return bytes.NewReader(fromWestern(all)), err
	}
	for {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.token(t)
		}
		if err != nil {
			return badXML(err, d)
		}
	}
	if len(w.open[0].kids) == 0 {
		return badXML(errors.New("there is no element"), d)
	}
	w.close(&w.open[0])
	return nil
}

func badXML(err error, d *xml.Decoder) error {
	line, col := d.InputPos()
	msg := strings.TrimPrefix(err.Error(), "xml: ")
	what := "the body is not valid XML"
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		msg, line = syntax.Msg, syntax.Line
		if syntax.Msg == "unexpected EOF" {
			what, msg = "the body is cut", "an element is not closed"
		}
	}
	return &Error{Code: CodeBody, Offset: d.InputOffset(), Msg: fmt.Sprintf("%s: at line %d, column %d, %s", what, line, col, msg)}
}

func (w *xmlWriter) token(t xml.Token) error {
	top := &w.open[len(w.open)-1]
	switch t := t.(type) {
	case xml.StartElement:
		if len(w.open) == 1 && len(top.kids) > 0 {
			return errors.New("a second root element")
		}
		if len(w.open) > maxElements {
			return fmt.Errorf("elements stand more than %d deep in each other", maxElements)
		}
		w.begin(t, top)
	case xml.EndElement:
		e := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		w.end(&e, &w.open[len(w.open)-1])
		if w.left < 0 {
			return errors.New("elements stand too deep in each other for what they hold")
		}
	case xml.CharData:
		blank := len(bytes.TrimSpace(t)) == 0
		if len(w.open) > 1 {
			top.text = append(top.text, t...)
		} else if !blank {
			return errors.New("text outside the root element")
		}
	}
	return nil
}

// begin opens an element and writes its attributes.
func (w *xmlWriter) begin(t xml.StartElement, parent *element) {
	e := element{name: t.Name.Local, start: len(w.out), match: -1}
	if names := w.prog.names; parent.match >= 0 && parent.match < len(names) && names[parent.match] == e.name {
		e.match = parent.match + 1
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		if a.Name.Local == "nil" && strings.HasSuffix(a.Name.Space, "XMLSchema-instance") {
			e.null = a.Value == "true" || a.Value == "1"
			continue
		}
		from := len(w.out)
		w.out = rawjson.AppendString(w.out, a.Value)
		e.kids = append(e.kids, child{name: "@" + a.Name.Local, from: from, to: len(w.out)})
	}
	w.open = append(w.open, e)
}

// end closes an element: its value takes the place of its children's in the output.
func (w *xmlWriter) end(e, parent *element) {
	blank := len(bytes.TrimSpace(e.text)) == 0
	switch {
	case len(e.kids) == 0 && e.null && blank:
		w.out = append(w.out, "null"...)
	case len(e.kids) == 0 && blank && bytes.IndexByte(e.text, '\n') >= 0: // laid out, not meant
		w.out = append(w.out, `""`...)
	case len(e.kids) == 0:
		w.out = rawjson.AppendString(w.out, string(e.text))
	default:
		if !blank {
			from := len(w.out)
			w.out = rawjson.AppendString(w.out, strings.TrimSpace(string(e.text)))
			e.kids = append(e.kids, child{name: "#text", from: from, to: len(w.out)})
		}
		w.close(e)
	}
	list := e.match > 0 && w.prog.arrays[e.match-1]
	parent.kids = append(parent.kids, child{name: e.name, from: e.start, to: len(w.out), list: list})
}

// close writes the children of an element as the members of an object, those of one name together.
func (w *xmlWriter) close(e *element) {
	type group struct{ first, last, n int }
	var groups []group
	byName := make(map[string]int, min(len(e.kids), 64))
	next := make([]int, len(e.kids))
	for i, k := range e.kids {
		g, seen := byName[k.name]
		if !seen {
			byName[k.name] = len(groups)
			groups = append(groups, group{i, i, 1})
			continue
		}
		next[groups[g].last] = i
		groups[g].last = i
		groups[g].n++
	}
	w.tmp = append(w.tmp[:0], '{')
	for n, g := range groups {
		if n > 0 {
			w.tmp = append(w.tmp, ',')
		}
		first := e.kids[g.first]
		w.tmp = append(rawjson.AppendString(w.tmp, first.name), ':')
		array := g.n > 1 || first.list
		if array {
			w.tmp = append(w.tmp, '[')
		}
		for i, left := g.first, g.n; left > 0; i, left = next[i], left-1 {
			w.tmp = append(w.tmp, w.out[e.kids[i].from:e.kids[i].to]...)
			if left > 1 {
				w.tmp = append(w.tmp, ',')
			}
		}
		if array {
			w.tmp = append(w.tmp, ']')
		}
	}
	w.tmp = append(w.tmp, '}')
	w.out = append(w.out[:e.start], w.tmp...)
	w.left -= len(w.tmp)
}
