package script

import "github.com/lastpage/lastpage/engine/rawjson"

// Result is what a call gave, as JSON: numbers with all their digits, objects in the order of their
// keys.
type Result struct {
	JSON      []byte // nil when Undefined
	Undefined bool

	absent   []string // members that were written down with the value undefined
	function string   // that gave it, "" for an expression
	at       place    // where that begins
}

// Truthy says whether JavaScript takes the value for true.
func (r Result) Truthy() bool {
	if r.Undefined {
		return false
	}
	switch rawjson.Kind(r.JSON) {
	case 't', '{', '[':
		return true
	case '"':
		return len(r.JSON) > 2
	case '0':
		for _, c := range r.JSON {
			if c >= '1' && c <= '9' {
				return true
			}
			if c == 'e' || c == 'E' {
				break
			}
		}
	}
	return false
}

// Null says whether the value is null or undefined.
func (r Result) Null() bool { return r.Undefined || rawjson.Kind(r.JSON) == 'n' }
