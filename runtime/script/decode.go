package script

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Next is what the function next decided.
type Next struct {
	Token    json.RawMessage // go on with it, when HasToken
	HasToken bool
	End      *string         // stop: the reason
	Fail     *string         // the page contradicts itself: the reason
	Memo     json.RawMessage // for the next page, when HasMemo
	HasMemo  bool
	Wait     time.Duration // before the next request
}

// Silent says that the function left the decision to the YAML.
func (n *Next) Silent() bool { return !n.HasToken && n.End == nil && n.Fail == nil }

// DecodeNext reads what next returned. Nothing is coerced: a value of a wrong shape is an error that
// says what was wanted.
func DecodeNext(res Result) (Next, error) {
	var n Next
	if res.Undefined {
		return n, nil
	}
	d, err := decode("next", res, []string{"token", "end", "fail", "memo", "wait"})
	if err != nil {
		return n, err
	}
	for key, value := range d.members {
		switch key {
		case "token":
			if rawjson.Kind(value) == 'n' {
				return n, d.problem(`{token: null}`)
			}
			n.Token, n.HasToken = value, true
		case "end":
			n.End, err = d.reason(key, value)
		case "fail":
			n.Fail, err = d.reason(key, value)
		case "memo":
			n.Memo, n.HasMemo = value, true
		case "wait":
			n.Wait, err = d.wait(value)
		}
		if err != nil {
			return Next{}, err
		}
	}
	said := 0
	for _, yes := range []bool{n.HasToken, n.End != nil, n.Fail != nil} {
		if yes {
			said++
		}
	}
	if said > 1 {
		return Next{}, d.problem("more than one of token, end and fail")
	}
	for _, key := range res.absent {
		if said == 0 && key != "memo" && key != "wait" {
			return Next{}, d.problem("{" + key + ": undefined}")
		}
	}
	if said == 0 && !n.HasMemo && n.Wait == 0 {
		return Next{}, d.problem("an object without token, end or fail")
	}
	return n, nil
}

// Wrong is the error of a result that is well formed and of no use to whoever asked for it: what the
// function of that role returned, and what to return.
func Wrong(role string, res Result, what, want string) error {
	return newDecoded(role, res).error(shorten(what), want)
}

// DecodeClass reads what classify returned: "" leaves it to the YAML.
func DecodeClass(res Result) (string, error) {
	if res.Undefined {
		return "", nil
	}
	d := newDecoded("classify", res)
	class, ok := rawjson.String(res.JSON)
	if !ok {
		return "", d.problem(kindName(res.JSON))
	}
	if !slices.Contains(Classes, class) {
		hint := ""
		if n := near(class, Classes); n != "" {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
		return "", d.error(fmt.Sprintf("the unknown class %q; want %s", class, orList(Classes)), hint)
	}
	return class, nil
}

// DecodeRecord reads what record returned for the record given: the records that stand for it, none when
// it was dropped. A text, number or boolean is a record only where given is none of the others either.
func DecodeRecord(res Result, given []byte) ([][]byte, error) {
	d := newDecoded("record", res)
	if res.Undefined {
		return nil, d.problem("nothing")
	}
	switch rawjson.Kind(res.JSON) {
	case 'n':
		return nil, nil
	case '[':
		return d.records(res.JSON)
	case '{':
		return [][]byte{res.JSON}, nil
	}
	if k := rawjson.Kind(given); k != '{' && k != '[' {
		return [][]byte{res.JSON}, nil
	}
	return nil, d.problem(kindName(res.JSON))
}

// DecodeRecords reads what records returned.
func DecodeRecords(res Result) ([][]byte, error) {
	d := newDecoded("records", res)
	if res.Undefined {
		return nil, d.problem("nothing")
	}
	if rawjson.Kind(res.JSON) != '[' {
		return nil, d.problem(kindName(res.JSON))
	}
	return d.records(res.JSON)
}

// decoded is a result on the way to Go.
type decoded struct {
	role    string // in Functions
	name    string // of the hook's function
	at      place
	members iter.Seq2[string, json.RawMessage]
}

func newDecoded(role string, res Result) *decoded {
	d := &decoded{role: role, name: res.function, at: res.at}
	if d.name == "" {
		d.name = role
	}
	return d
}

// error makes an error at the function.
func (d *decoded) error(msg, hint string) error {
	return &Error{File: d.at.file, Line: d.at.line, Col: d.at.col, Msg: d.name + "() returned " + msg, Hint: hint, Function: d.name}
}

// decode takes a result that must be an object of known members.
func decode(role string, res Result, known []string) (*decoded, error) {
	d := newDecoded(role, res)
	if res.Undefined {
		return nil, d.problem("nothing")
	}
	if rawjson.Kind(res.JSON) != '{' {
		return nil, d.problem(kindName(res.JSON))
	}
	for _, key := range res.absent {
		if !slices.Contains(known, key) {
			return nil, d.unknown(key, known)
		}
	}
	for k := range rawjson.Members(res.JSON) {
		if key, _ := rawjson.String(k); !slices.Contains(known, key) {
			return nil, d.unknown(key, known)
		}
	}
	d.members = func(yield func(string, json.RawMessage) bool) {
		for k, v := range rawjson.Members(res.JSON) {
			key, _ := rawjson.String(k)
			if !yield(key, v) {
				return
			}
		}
	}
	return d, nil
}

func (d *decoded) unknown(key string, known []string) error {
	hint := ""
	if n := near(key, known); n != "" {
		hint = "did you mean `" + n + "`?"
	}
	return d.error("the unknown key `"+key+"`; want "+orList(known), hint)
}

// problem says what was returned and what was wanted.
func (d *decoded) problem(what string) error { return d.error(what+"; "+Role(d.role).Wants, "") }

func (d *decoded) text(key string, value []byte) (string, error) {
	s, ok := rawjson.String(value)
	if !ok {
		return "", d.problem(fmt.Sprintf("%s that is %s, not a text", key, kindName(value)))
	}
	return s, nil
}

func (d *decoded) reason(key string, value []byte) (*string, error) {
	s, err := d.text(key, value)
	if err != nil {
		return nil, err
	}
	if s == "" {
		return nil, d.problem(`{` + key + `: ""}, which gives no reason`)
	}
	return &s, nil
}

func (d *decoded) wait(value []byte) (time.Duration, error) {
	if rawjson.Kind(value) == 'n' {
		return 0, nil
	}
	s, err := d.text("wait", value)
	if err != nil {
		return 0, err
	}
	w, err := parseDuration(s)
	if err != nil || w < 0 {
		return 0, d.problem(fmt.Sprintf(`{wait: %q}, which is no duration such as "30s"`, s))
	}
	return w, nil
}

// records splits an array of records.
func (d *decoded) records(array []byte) ([][]byte, error) {
	var out [][]byte
	for e := range rawjson.Elements(array) {
		if rawjson.Kind(e) == 'n' {
			return nil, d.problem(fmt.Sprintf("an array whose element %d is null", len(out)))
		}
		out = append(out, e)
	}
	return out, nil
}

// kindName is what a JSON value is, for messages.
func kindName(v []byte) string {
	switch rawjson.Kind(v) {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
