package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A fault changes what an honest server says. strike is called for each answer; n counts requests
// from 0. It reports what cannot happen to a pattern by applies.
type fault struct {
	name    string
	applies func(r *Rules) bool
	strike  func(a *api) func(n int, q Request, r *reply)
}

func tokens(r *Rules) bool     { return !r.positional() && r.Type != HookType }
func opaque(r *Rules) bool     { return r.Type == Cursor || r.Type == Link }
func anyPattern(r *Rules) bool { return r.Type != None }

// setNext replaces the token, in the hook's answer too.
func (r *reply) setNext(v json.RawMessage) {
	if r.hook != nil && r.hook.Token != nil {
		r.hook = &HookSays{Token: v}
		return
	}
	r.next = v
}

// faultAt is the index of the request that a fault strikes, or strikes from on.
const faultAt = 2

func faults() []fault {
	lost := func(name, token string, times int) fault {
		return fault{name, tokens, func(a *api) func(int, Request, *reply) {
			struck := 0
			return func(n int, q Request, r *reply) {
				if n >= faultAt && struck < times && r.at+len(r.ids) < a.n && q.Rung == 0 {
					struck++
					r.next = nil
					if token != "" {
						r.next = json.RawMessage(token)
					}
				}
			}
		}}
	}
	always := func(name string, applies func(*Rules) bool, f func(a *api, n int, q Request, r *reply)) fault {
		return fault{name, applies, func(a *api) func(int, Request, *reply) {
			return func(n int, q Request, r *reply) { f(a, n, q, r) }
		}}
	}
	return []fault{
		lost("token missing once", "", 1),
		lost("token null once", "null", 1),
		lost(`token "" once`, `""`, 1),
		lost("token missing for good", "", 1<<30),
		always("the token of the request again (A, A)", anyPatternWithToken, func(a *api, n int, q Request, r *reply) {
			if n >= faultAt && q.Value != nil && q.Rung == 0 && hasNext(r) {
				r.setNext(q.Value)
			}
		}),
		{"the token before last (A, B, A)", anyPatternWithToken, func(a *api) func(int, Request, *reply) {
			var sent []json.RawMessage
			return func(n int, q Request, r *reply) {
				if q.Rung == 0 && q.Value != nil {
					sent = append(sent, q.Value)
				}
				if len(sent) >= 3 && q.Rung == 0 && hasNext(r) {
					r.setNext(sent[len(sent)-2])
				}
			}
		}},
		{"the page before again, once", anyPattern, func(a *api) func(int, Request, *reply) {
			var before []int
			return func(n int, q Request, r *reply) {
				if n == faultAt {
					r.ids = before
				}
				before = r.ids
			}
		}},
		{"the page before and its token again, from then on", anyPattern, func(a *api) func(int, Request, *reply) {
			var page reply
			return func(n int, q Request, r *reply) {
				if n >= faultAt {
					*r = page
				}
				page = *r
			}
		}},
		always("empty pages with new tokens for ever", func(r *Rules) bool { return opaque(r) || r.Type == HookType }, func(a *api, n int, q Request, r *reply) {
			if n >= faultAt {
				r.ids = nil
				r.next, r.hook = json.RawMessage(fmt.Sprintf(`"/list?at=20&empties=0&n=%d"`, n)), nil
				if a.rules.Type == HookType {
					r.hook, r.next = &HookSays{Token: r.next}, nil
				}
			}
		}),
		always("more is always false", hasMore, func(a *api, n int, q Request, r *reply) { r.more = json.RawMessage("false") }),
		always("more is always true", hasMore, func(a *api, n int, q Request, r *reply) { r.more = json.RawMessage("true") }),
		always("more is missing from then on", hasMore, func(a *api, n int, q Request, r *reply) {
			if n >= faultAt {
				r.more = nil
			}
		}),
		always("total too high", hasTotal, func(a *api, n int, q Request, r *reply) { r.total = number(int64(a.n + 7)) }),
		always("total too low", hasTotal, func(a *api, n int, q Request, r *reply) { r.total = number(int64(a.n - 7)) }),
		always("total 0", hasTotal, func(a *api, n int, q Request, r *reply) { r.total = number(0) }),
		always("total counts down", hasTotal, func(a *api, n int, q Request, r *reply) { r.total = number(int64(a.n - r.at)) }),
		always("total on the first page only", hasTotal, func(a *api, n int, q Request, r *reply) {
			if n > 0 {
				r.total = nil
			}
		}),
		always("total grows with every page", hasTotal, func(a *api, n int, q Request, r *reply) {
			r.total = number(int64(min(a.n, r.at+len(r.ids)+5)))
		}),
		{"token expired once", tokens, func(a *api) func(int, Request, *reply) {
			return func(n int, q Request, r *reply) { r.expired = n == faultAt }
		}},
		{"token expired, the answer has a new one", opaque, func(a *api) func(int, Request, *reply) {
			return func(n int, q Request, r *reply) {
				if n == faultAt || n == faultAt+1 {
					r.expired, r.fresh = true, q.Value
				}
			}
		}},
		{"tokens expire for good", tokens, func(a *api) func(int, Request, *reply) {
			return func(n int, q Request, r *reply) { r.expired = n >= faultAt && q.Follow }
		}},
		{"two records inserted at the head", func(r *Rules) bool { return r.positional() }, func(a *api) func(int, Request, *reply) {
			return func(n int, q Request, r *reply) {
				if n < faultAt || q.Rung != 0 && a.rules.Fallback[q.Rung-1] != FallbackOffset {
					return
				}
				from, size := int(q.Offset), min(a.size, int(q.Limit))
				if q.Rung == 0 && a.rules.Type == PageNumber {
					from = int(q.Number-1) * a.size
				} else if q.Rung != 0 {
					from = atoi(q.Value, 0)
				}
				r.ids = nil
				for i := from; i < min(from+size, a.n+2); i++ {
					r.ids = append(r.ids, i-2) // -2 and -1 are new
				}
				if a.off.total {
					r.total = number(int64(a.n + 2))
				}
				if a.off.more {
					r.more = json.RawMessage(fmt.Sprint(from+size < a.n+2))
				}
			}
		}},
	}
}

func hasNext(r *reply) bool             { return r.next != nil || r.hook != nil && r.hook.Token != nil }
func hasMore(r *Rules) bool             { return r.HasMore }
func hasTotal(r *Rules) bool            { return r.HasTotal }
func anyPatternWithToken(r *Rules) bool { return !r.positional() && r.Type != None }

// Each fault against each pattern, with the witnesses and the fallbacks that can be declared. What the
// table says is checked to be the truth: an end that is called clean has every record, unless nothing
// in the answers could have told.
func TestFaults(t *testing.T) {
	var b strings.Builder
	b.WriteString("What becomes of a walk over 53 records, 10 a page: verdict, records delivered, requests.\n" +
		"[!] marks a loss that no declared witness could see; ladder is token, search_after, restart.\n")
	ladders := []struct {
		name  string
		kinds []FallbackKind
	}{
		{"no fallback", nil},
		{"offset", []FallbackKind{FallbackOffset}},
		{"search_after", []FallbackKind{FallbackSearchAfter}},
		{"timestamp", []FallbackKind{FallbackTimestamp}},
		{"restart", []FallbackKind{FallbackRestart}},
		{"ladder", []FallbackKind{FallbackToken, FallbackSearchAfter, FallbackRestart}},
	}
	fmt.Fprintf(&b, "\n%-24s", "")
	for _, l := range ladders {
		fmt.Fprintf(&b, " %-28s", l.name)
	}
	b.WriteString("\n")
	for _, f := range faults() {
		fmt.Fprintf(&b, "\n# %s\n", f.name)
		for _, typ := range []Type{Offset, PageNumber, Cursor, Link, SearchAfter, Timestamp, HookType} {
			for _, witness := range []string{"", "total", "more"} {
				row := fmt.Sprintf("%-12s  %-10s", typ, witness)
				for _, l := range ladders {
					a := faulty(typ, witness, l.kinds)
					if !f.applies(&a.rules) {
						row = ""
						break
					}
					a.fault = f.strike(a)
					o := drain(t, a, State{})
					mark := truth(t, f.name+": "+row+l.name, a, o, f.name)
					row += fmt.Sprintf(" %-28s", o.cell()+mark)
				}
				if row != "" {
					b.WriteString(strings.TrimRight(row, " ") + "\n")
				}
			}
		}
	}
	golden(t, "testdata/faults.txt", b.String())
}

// cell writes the outcome for the table.
func (o outcome) cell() string {
	name := o.Verdict.Code
	switch {
	case o.Refused:
		name = "refused"
	case o.Verdict.Kind == End:
		name = string(o.Verdict.Attested)
	}
	return fmt.Sprintf("%s %d %d", name, len(o.Delivered), o.Requests)
}

func faulty(typ Type, witness string, ladder []FallbackKind) *api {
	a := honest(typ, 53, 10, 0)
	a.shape, a.noRung = "url", len(ladder) > 1
	a.rules.HasKey, a.rules.Fallback = true, ladder
	switch witness {
	case "total":
		a.rules.HasTotal, a.off.total = true, true
	case "more":
		a.rules.HasMore, a.off.more = true, true
	}
	return a
}

// truth checks that the outcome says what is so, and returns the mark of a loss that nobody could see.
func truth(t *testing.T, name string, a *api, o outcome, fault string) string {
	t.Helper()
	set := slices.DeleteFunc(slices.Clone(o.Delivered), func(id int) bool { return id < 0 })
	if o.Verdict.Next.Recovered > 0 { // what was left out comes later
		slices.Sort(set)
	}
	all := slices.Equal(set, upTo(a.n))
	slices.Sort(set)
	if len(slices.Compact(set)) != len(set) {
		t.Errorf("%s: records came twice: %v", name, brief(o.Delivered))
	}
	if o.Verdict.Kind != End || o.Refused {
		return ""
	}
	if all {
		return ""
	}
	if o.Verdict.Attested == Proved && fault != "total too low" {
		t.Errorf("%s: %v, and called proved", name, o)
	}
	return " [!]"
}

// A walk that a doubt or a refused token has stopped goes on in the next run, once the server is well
// again: the page that left the doubt is asked for once more, and nothing comes twice, keys or not.
func TestNextRunAfterDoubt(t *testing.T) {
	for _, f := range faults() {
		for _, typ := range []Type{Offset, PageNumber, Cursor, Link, SearchAfter, Timestamp, HookType} {
			for _, witness := range []string{"", "total", "more"} {
				for _, key := range []bool{true, false} {
					a := faulty(typ, witness, nil)
					a.rules.HasKey = key
					if !f.applies(&a.rules) {
						continue
					}
					a.fault = f.strike(a)
					o := drain(t, a, State{})
					if o.Verdict.Kind == End {
						continue
					}
					name := fmt.Sprintf("%s: %s %s key %v: %v", f.name, typ, witness, key, o)
					if o.Verdict.Kind == Truncated {
						t.Errorf("%s", name)
					}
					before := o.Requests
					a.fault = nil
					o.drain(t, a, nil, 100)
					if o.Verdict.Kind != End || !slices.Equal(o.Delivered, upTo(a.n)) {
						t.Errorf("%s\nthen %v (%s): %v\n%v", name, o, o.Verdict.Detail, brief(o.Delivered), o.Verdict.Evidence)
					}
					if o.Requests-before > 7 {
						t.Errorf("%s\nthen %d requests more", name, o.Requests-before)
					}
				}
			}
		}
	}
}
