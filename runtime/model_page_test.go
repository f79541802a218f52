package runtime_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// modelPage is an answer on its way.
type modelPage struct {
	true []int  // the records of this place
	ids  []int  // the records that are sent
	to   int    // index behind the page
	next string // JSON of the next position, "" for none
	how  string // what stands in place of a token that is missing: absent null empty
	more bool

	total, remaining, pages int
	noTotal                 bool
}

// page is what an honest API answers.
func (a *modelAPI) page(q ask) *modelPage {
	m := a.m
	n := m.sizes[q.chain]
	size := q.limit
	empties := q.empties
	if m.tokens() && q.own && q.token == nil {
		empties = m.emptiesAt(0)
	}
	if empties > 0 {
		size = 0
	}
	if m.pattern == "none" {
		size = n
	}
	from := min(max(q.at, 0), n)
	to := min(from+size, n)
	p := &modelPage{to: to, how: m.end}
	for i := from; i < to; i++ {
		p.ids = append(p.ids, q.chain*chainStep+i+1)
	}
	p.true = p.ids
	left := empties - 1 // empty pages before the next records
	if empties == 0 && to < n {
		left = m.emptiesAt(to)
	}
	p.more = to < n || left > 0
	if m.tokens() && (q.own || !m.bare) && (to < n || empties > 1) {
		p.next = a.token(q.chain, to, max(0, left))
	}
	p.total, p.remaining = n, n-to
	p.pages = (n + m.size - 1) / m.size
	if m.pattern == "page" {
		p.pages = (n + q.limit - 1) / max(1, q.limit)
	}
	return p
}

// spoil changes what the page says.
func (p *modelPage) spoil(a *modelAPI, q ask, fault string, pick uint64) {
	m := a.m
	mid := p.to < m.sizes[q.chain]
	switch fault {
	case "lost":
		if mid && p.next != "" && q.own {
			p.next, p.how = "", []string{"absent", "null", "empty"}[pick%3]
		}
	case "cycle self":
		if p.next != "" && q.own && q.token != nil {
			p.next = a.token(q.chain, q.at, q.empties)
			a.mixed = a.mixed || m.salted
		}
	case "cycle back":
		if walked := a.walked[q.chain]; p.next != "" && q.own && len(walked) > 0 {
			p.next = a.token(q.chain, walked[int(pick%uint64(len(walked)))], 0)
			a.mixed = true
		}
	case "same":
		before := a.before[q.chain]
		if m.pattern == "offset" || m.pattern == "page" {
			before = nil
			for i := max(0, q.at-q.limit); i < min(q.at, m.sizes[q.chain]); i++ {
				before = append(before, q.chain*chainStep+i+1)
			}
		}
		if len(before) > 0 {
			p.ids = before
			a.mixed = true
		}
	case "empty":
		if len(p.ids) > 0 {
			if p.next != "" {
				p.next = a.token(q.chain, q.at, 0)
			}
			p.ids, p.true, p.to = nil, nil, q.at
			p.more, p.remaining = true, m.sizes[q.chain]-q.at
			a.mixed = true
		}
	case "short":
		if len(p.ids) > 1 && m.pattern != "page" && m.pattern != "none" {
			n := len(p.ids) / 2
			p.ids, p.to = p.ids[:n], q.at+n
			p.true, p.more, p.remaining = p.ids, true, m.sizes[q.chain]-p.to
			if m.tokens() && (q.own || !m.bare) {
				p.next = a.token(q.chain, p.to, 0)
			}
		}
	case "flag":
		p.more = !p.more
	case "no total":
		p.noTotal = true
	case "total high":
		p.total += 1 + int(pick%9)
		p.pages++
	case "total low":
		if a.stated[q.chain] {
			p.total = min(p.total, q.at)
		}
	}
	if !p.noTotal && p.total >= m.sizes[q.chain] {
		a.stated[q.chain] = true
	}
}

// send writes the answer in the style of the pattern.
func (p *modelPage) send(w http.ResponseWriter, a *modelAPI, q ask, r *http.Request) {
	m := a.m
	var b strings.Builder
	field := func(name, value string) { fmt.Fprintf(&b, `,%q:%s`, name, value) }
	if !p.noTotal {
		if m.offers("total") {
			field("total", fmt.Sprint(p.stated(m)))
		}
		if m.offers("total_pages") {
			field("pages", fmt.Sprintf(`"%d"`, p.pages))
		}
	}
	if m.offers("remaining") {
		field("left", fmt.Sprint(p.remaining))
	}
	if m.offers("more") {
		field("more", []string{fmt.Sprint(p.more), map[bool]string{true: "1", false: "0"}[p.more], fmt.Sprintf("%q", fmt.Sprint(p.more))}[m.seed%3])
	}
	if m.offers("done") {
		field("done", fmt.Sprint(!p.more))
	}
	next := p.next
	if next == "" {
		next = map[string]string{"null": "null", "empty": `""`}[p.how]
	}
	switch m.pattern {
	case "link body", "link header":
		link := ""
		if p.next != "" {
			var tok string
			_ = json.Unmarshal([]byte(p.next), &tok) // it is ours
			v := r.URL.Query()
			for _, f := range []string{"fo", "fa", "ft"} {
				v.Del(f)
			}
			v.Set("tok", tok)
			link = "/list?" + v.Encode()
			if m.seed%2 == 0 {
				link = "http://" + r.Host + link
			}
		}
		if m.pattern == "link header" {
			if link != "" {
				w.Header().Add("Link", `</list>; rel="first", <`+link+`>; rel="next"`)
			}
		} else if link != "" {
			field("next", string(quoteJSON(link)))
		} else if next != "" {
			field("next", next)
		}
	case "pit":
		if len(p.ids) > 0 {
			field("sort", fmt.Sprint(q.at+len(p.ids)))
			if slices.Equal(p.ids, p.true) {
				break
			}
			b.Reset()
			first := p.ids[0] - q.chain*chainStep - 1
			field("sort", fmt.Sprint(first+len(p.ids)))
			if m.offers("total") && !p.noTotal {
				field("total", fmt.Sprint(p.stated(m)))
			}
		}
		if m.seed%2 == 0 {
			var id string
			for id = range a.sessions {
			}
			field("pit", fmt.Sprintf("%q", id))
		}
	default:
		if next != "" {
			field("next", next)
		}
	}
	items := m.render(p.ids)
	if m.details > 0 {
		items = strings.Trim(strings.ReplaceAll(fmt.Sprint(p.ids), " ", ","), "[]")
	}
	answer(w, `{"items":[%s]%s}`, items, b.String())
}

func quoteJSON(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}

// stated is the total as the API's kind of total has it.
func (p *modelPage) stated(m *model) int {
	switch m.totalKind {
	case "at_least":
		return p.total / 2
	case "estimate":
		return p.total*2 + 3
	}
	return p.total
}
