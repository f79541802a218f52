package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// fault is one misbehaviour that a request asked for: NAME[:VALUE][@WHERE][*TIMES].
type fault struct {
	spec  string // as written
	name  string
	value string
	kind  *misdeed

	from, to int  // pages, both 0 for every page
	every    int  // every so many pages, 0 without
	last     bool // the last page
	request  int  // the so-manieth request to the endpoint, 0 without
	times    int  // how often per page, 0 for always
}

// parseFaults reads a comma-separated list of faults.
func parseFaults(list string) ([]*fault, error) {
	var out []*fault
	for spec := range strings.SplitSeq(list, ",") {
		spec = strings.TrimSpace(spec)
		if spec == "" {
			continue
		}
		f, err := parseFault(spec)
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", spec, err)
		}
		out = append(out, f)
	}
	return out, nil
}

func parseFault(spec string) (*fault, error) {
	f := &fault{spec: spec, times: -1}
	rest := spec
	if head, times, ok := strings.Cut(rest, "*"); ok {
		rest, f.times = head, 0
		if times != "" {
			n, err := strconv.Atoi(times)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q after * is not a number of times", times)
			}
			f.times = n
		}
	}
	rest, where, placed := strings.Cut(rest, "@")
	if placed {
		if err := f.place(where); err != nil {
			return nil, err
		}
	}
	f.name, f.value, _ = strings.Cut(rest, ":")
	f.kind = misdeeds.find(f.name)
	if f.kind == nil {
		return nil, fmt.Errorf("there is no fault %q; the front page lists them", f.name)
	}
	if f.times < 0 {
		f.times = 0
		if f.kind.Once {
			f.times = 1
		}
	}
	return f, nil
}

// place reads WHERE: 3, 3-5, 3-, last, /10 (every tenth) or r7 (seventh request).
func (f *fault) place(where string) error {
	bad := fmt.Errorf("%q after @ is none of 3, 3-5, 3-, last, /10, r7", where)
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	}
	switch {
	case where == "last":
		f.last = true
		return nil
	case strings.HasPrefix(where, "/"):
		if f.every = number(where[1:]); f.every < 1 {
			return bad
		}
		return nil
	case strings.HasPrefix(where, "r"):
		if f.request = number(where[1:]); f.request < 1 {
			return bad
		}
		return nil
	}
	from, to, span := strings.Cut(where, "-")
	f.from = number(from)
	f.to = f.from
	if span {
		f.to = 1 << 40
		if to != "" {
			f.to = number(to)
		}
	}
	if f.from < 1 || f.to < f.from {
		return bad
	}
	return nil
}

// at reports whether f strikes page number page (from 1) of a walk, asked for by the request-th
// request to the endpoint.
func (f *fault) at(page, request int, last bool) bool {
	switch {
	case f.last:
		return last
	case f.every > 0:
		return page%f.every == 0
	case f.request > 0:
		return request == f.request
	case f.from > 0:
		return f.from <= page && page <= f.to
	}
	return true
}

// stage says when a fault is looked at. Faults of later stages wait, uncounted, while one of an
// earlier stage spoils the answer.
type stage uint8

const (
	stageChange stage = iota // records change before the page is read
	stageSpoil               // nothing usable arrives: at most one a request
	stageShape               // the page is whole, but what it says is wrong
)

// misdeed is a kind of fault.
type misdeed struct {
	Name    string
	Stage   stage
	Once    bool   // strikes once a page unless *TIMES says otherwise; else always
	Example string // a value of the parameter fault
	Doc     string
}

type misdeedList []misdeed

func (l misdeedList) find(name string) *misdeed {
	for i := range l {
		if l[i].Name == name {
			return &l[i]
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 400 && n <= 599 {
		return l.find("STATUS")
	}
	return nil
}

// misdeeds lists every fault, in the order of the front page.
var misdeeds = misdeedList{
	{"STATUS", stageSpoil, true, "429:2@3", "any status from 400 to 599. The value says when to come back: seconds (2 or 1.5), date=2 (RFC 1123), date850=2, asctime=2; or in X-RateLimit-* headers: epoch=2, epoch_ms=2, seconds=2, ms=2000, http_date=2, rfc3339=2; none. Without a value a 429 says 1 second."},
	{"reset", stageSpoil, true, "reset@3", "the connection is reset before the answer; reset:mid after half of the body"},
	{"cut", stageSpoil, true, "cut@3", "half a body: the length promised was longer; cut:chunked breaks off a chunked body, cut:eof closes a body without a length, cut:short declares the short length"},
	{"garbage", stageSpoil, true, "garbage@3", "text behind the body; garbage:second a second value, garbage:nul zero bytes"},
	{"html", stageSpoil, true, "html@3", "an HTML page with status 200; html:json calls it JSON"},
	{"blank", stageSpoil, true, "blank@3", "status 200 and an empty body"},
	{"utf8", stageSpoil, true, "utf8@3", "bytes inside a string that are not UTF-8"},
	{"bom", stageSpoil, true, "bom@3", "a byte order mark before the body"},
	{"stall", stageSpoil, true, "stall@3", "half a body, then silence until the client hangs up"},
	{"hidden", stageSpoil, true, "hidden:429@3", "status 200, no records, no token, and the truth in errors[0].code"},
	{"multi", stageSpoil, true, "multi:429@3", "status 207 with that code inside errors[]"},
	{"okfalse", stageSpoil, true, "okfalse:ratelimited@3", "status 200 with ok: false and that error"},
	{"redirect", stageSpoil, true, "redirect:307@3", "a redirect to the same page; redirect:foreign to the parameter foreign_origin, redirect:loop for ever in a circle"},
	{"expire", stageSpoil, true, "expire:410@3", "the token that asked for this page is refused, and stays refused, with status 410, 400, 404 or 200 (errors inside); a fresh token for the same place works"},
	{"session_lost", stageSpoil, true, "session_lost@3", "the point in time or export job is gone"},

	{"insert", stageChange, true, "insert:2@3", "so many new records appear before the page is read (at the head of newest-first lists)"},
	{"update", stageChange, true, "update:5@3", "the first so many records of the list are updated before the page is read"},
	{"delete", stageChange, true, "delete:2@3", "the first so many records of the list are deleted before the page is read"},

	{"lost", stageShape, true, "lost@3", "the page's token or link is missing although more is to come: lost, lost:null, lost:empty (\"\"), lost:zero (\"0\"); lost@3* for good"},
	{"cycle", stageShape, false, "cycle:2@5", "the page's token leads back: cycle or cycle:1 to this page again (A, A, …), cycle:2 to the one before (A, B, A, …), cycle:7 …"},
	{"wrong", stageShape, false, "wrong:number@3", "the page's token has another type: number, bool, object or list"},
	{"same", stageShape, true, "same@3", "the records of the page before once more, with this page's token"},
	{"clamp", stageShape, false, "clamp", "positions beyond the end give the last page again"},
	{"empty", stageShape, true, "empty@3", "a page without records although more is to come; its token leads on"},
	{"short", stageShape, true, "short@3", "half the records that were asked for, although more is to come"},
	{"max", stageShape, false, "max:50", "the page size is silently capped"},
	{"cap", stageShape, false, "cap:1000", "positions beyond this many records are refused with status 400"},
	{"total", stageShape, false, "total:low", "the total lies: high, low, shrinking (counts what is left), changing, estimate (rounded up), atleast; or is null, absent, string, zero"},
	{"pages", stageShape, false, "pages:low", "the same for the number of pages"},
	{"remaining", stageShape, false, "remaining:high", "the same for the count still to come"},
	{"more", stageShape, false, "more:lie@3", "flags that say whether more is to come: lie (inverted), true, false; text (\"true\"), int (1), digit (\"1\"), yes (\"yes\"), null, absent"},
	{"done", stageShape, false, "done:lie@3", "the same for flags that say done"},
	{"foreign", stageShape, false, "foreign@3", "the next URL points to the parameter foreign_origin (http://foreign.invalid)"},
	{"missing", stageShape, true, "missing:3", "details leave out so many of the ids"},
	{"jobfail", stageShape, false, "jobfail", "the export job ends with status ERROR"},
	{"slow", stageShape, false, "slow:10ms@3", "the body comes in sixteen pieces with this pause between them"},
	{"latency", stageShape, false, "latency:200ms@3", "so long before the answer starts"},
	{"skew", stageShape, false, "skew:-90s", "the Date header is off by this much"},
}
