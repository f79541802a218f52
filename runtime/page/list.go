package page

import (
	"fmt"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// listed checks that the scanner has met a list of records. A null where the list should be is an
// empty list, or, with NullLost, none.
func (p *Page) listed() error {
	pl, s := p.plan, &p.scan
	gate := s.Gate.Of(p.src)
	switch rawjson.Kind(gate) {
	case 0:
		return p.missing()
	case '[':
	case 'n':
		if pl.NullLost {
			return p.missing()
		}
	case '{':
		if pl.prog.all < 0 && pl.One {
			p.doc = append(append(append(p.doc[:0], '['), gate...), ']')
			return p.rescan(p.doc)
		}
		if pl.prog.all < 0 {
			return p.notArray(gate)
		}
	default:
		return p.notArray(gate)
	}
	if len(s.Rows) > 0 || s.Gated == 0 {
		return nil
	}
	if s.Finals == 0 || s.Elements > 0 && pl.prog.tail {
		return p.missing()
	}
	return nil
}

// lookup finds the records of a path that counts elements (`data[0].items`) in the validated body,
// and scans them for what is wanted of each.
func (p *Page) lookup() error {
	pl := p.plan
	if pl.prog.all < 0 {
		v, ok := pl.Path.Get(p.src)
		if !ok {
			return p.missing()
		}
		return p.rescan(v)
	}
	if v, ok := pl.Path[:pl.prog.all].Get(p.src); !ok || pl.NullLost && rawjson.Kind(v) == 'n' {
		return p.missing()
	}
	p.doc = gather(p.doc[:0], pl.Path, p.src)
	p.doc = append(p.doc, ']')
	return p.rescan(p.doc)
}

// rescan scans list, which stands where the records are, for what is wanted of each.
func (p *Page) rescan(list []byte) error {
	p.ready(p.plan, list)
	if !p.scan.Document(p.plan.prog.list) {
		return p.scan.Err()
	}
	return p.listed()
}

// gather appends what stands at path in doc to an array that is not closed yet.
func gather(dst []byte, path engine.Path, doc []byte) []byte {
	if len(dst) == 0 {
		dst = append(dst, '[')
	}
	path.Each(doc, func(v []byte) {
		if len(dst) > 1 {
			dst = append(dst, ',')
		}
		dst = append(dst, v...)
	})
	return dst
}

// missing is the error of a records path at which nothing stands; nil when the plan allows that.
func (p *Page) missing() error {
	pl := p.plan
	if pl.Optional {
		p.scan.Rows, p.scan.Grid = p.scan.Rows[:0], p.scan.Grid[:0]
		return nil
	}
	doc, at := p.Body, 0
	for at < len(pl.Path) && pl.Path[at].Kind != engine.StepAll {
		v, ok := pl.Path[at : at+1].Get(doc)
		if !ok {
			break
		}
		doc = v
		at++
	}
	msg := fmt.Sprintf("nothing stands at records.path `%s`: ", pl.Path)
	switch {
	case at < len(pl.Path) && pl.Path[at].Kind == engine.StepAll && rawjson.Kind(doc) != 'n':
		msg += fmt.Sprintf("no element of %s has `%s`", name(pl.Path[:at]), pl.Path[at+1:])
	default:
		msg += name(pl.Path[:at]) + " " + describe(doc)
		if at < len(pl.Path) && pl.Path[at].Kind == engine.StepField {
			msg += near(doc, pl.Path[:at], pl.Path[at].Field)
		}
		msg += "; if the list is left out when it is empty, set `records.optional: true`"
	}
	return &Error{Code: CodePathMissing, Msg: msg}
}

// notArray is the error of a records path that leads to v, which is no list.
func (p *Page) notArray(v []byte) error {
	pl := p.plan
	if !pl.HasPath {
		if rawjson.Kind(v) == '{' {
			return &Error{Code: CodePathMissing, Msg: "the body " + describe(v) + near(v, nil, "") + "; say with `records.path` where the records stand"}
		}
		return &Error{Code: CodeNotArray, Msg: "the body " + describe(v) + ", not a list of records"}
	}
	path := pl.Path
	if pl.prog.all >= 0 {
		path = path[:pl.prog.all]
	}
	return &Error{Code: CodeNotArray, Msg: fmt.Sprintf("records.path `%s` must lead to a list: %s %s%s", pl.Path, name(path), describe(v), near(v, path, ""))}
}

func name(path engine.Path) string {
	if len(path) == 0 {
		return "the body"
	}
	return "`" + path.String() + "`"
}

// describe says what v is, in the words after "the body".
func describe(v []byte) string {
	switch rawjson.Kind(v) {
	case '{':
		if keys := keys(v); keys != "" {
			return "is an object with " + keys
		}
		return "is an object without members"
	case '[':
		return fmt.Sprintf("is an array of %d", rawjson.Len(v))
	case '"':
		return "is a string"
	case '0':
		return "is a number"
	case 't', 'f':
		return "is a boolean"
	}
	return "is null"
}

// shownKeys bounds how many keys a message lists.
const shownKeys = 12

func keys(obj []byte) string {
	var names []string
	n := 0
	for k := range rawjson.Members(obj) {
		if n++; n <= shownKeys {
			s, _ := rawjson.String(k)
			names = append(names, "`"+shorten(s)+"`")
		}
	}
	if n > shownKeys {
		names = append(names, fmt.Sprintf("%d more", n-shownKeys))
	}
	return strings.Join(names, ", ")
}

// shorten cuts a name of the server's choosing to what a message can hold.
func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// near is advice for a wrong path: the member that is written almost the same, or else the arrays
// that stand in obj and one level below. "" when there is none.
func near(obj []byte, at engine.Path, field string) string {
	var arrays []string
	below := func(k []byte, path engine.Path) engine.Path {
		s, _ := rawjson.String(k)
		return append(path[:len(path):len(path)], engine.Step{Field: s})
	}
	for k, v := range rawjson.Members(obj) {
		path := below(k, at)
		if field != "" && similar(path[len(path)-1].Field, field) {
			return "; did you mean `" + path.String() + "`?"
		}
		if rawjson.Kind(v) == '[' {
			arrays = append(arrays, "`"+path.String()+"`")
		}
		for k, v := range rawjson.Members(v) {
			if rawjson.Kind(v) == '[' {
				arrays = append(arrays, "`"+below(k, path).String()+"`")
			}
		}
	}
	switch {
	case len(arrays) == 1:
		return "; did you mean " + arrays[0] + "?"
	case len(arrays) > 1 && len(arrays) <= shownKeys:
		return "; arrays stand at " + strings.Join(arrays, ", ")
	}
	return ""
}

// similar says whether two names differ by case, punctuation or a plural only.
func similar(a, b string) bool {
	plain := func(s string) string {
		s = strings.Map(func(r rune) rune {
			if strings.ContainsRune("_-. @$", r) {
				return -1
			}
			return r
		}, strings.ToLower(s))
		return strings.TrimSuffix(s, "s")
	}
	return plain(a) == plain(b)
}
