package engine

import (
	"encoding/json"
	cmdline "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = cmdline.Bool("update", false, "write the golden files of this package anew")

var witnessNames = []string{WitnessStatus, WitnessToken, WitnessMore, WitnessDone, WitnessTotal, WitnessRemaining,
	WitnessTotalPages, WitnessPage, WitnessTime, WitnessHook}

// The order of the deciders of every pattern, and each decider that a connector may declare before it.
func deciderLists() [][]string {
	lists := [][]string{
		{WitnessPage},
		{WitnessTotal, WitnessPage},
		{WitnessTotalPages, WitnessTotal, WitnessPage},
		{WitnessToken},
		{WitnessMore, WitnessPage},
		{WitnessMore, WitnessTime, WitnessPage},
		{WitnessHook, WitnessToken},
		{WitnessHook, WitnessMore, WitnessDone, WitnessTotalPages, WitnessTotal, WitnessPage},
		{WitnessStatus, WitnessToken},
	}
	for _, d := range Deciders {
		lists = append(lists, []string{string(d), WitnessToken})
	}
	return lists
}

// Judge, for every combination of what the witnesses say, is the two rules of section 6.
func TestJudgeEveryCombination(t *testing.T) {
	kinds := []Says{Silent, SaysMore, SaysEnd}
	all := 1
	for range witnessNames {
		all *= len(kinds)
	}
	witnesses := make([]Witness, len(witnessNames))
	for _, deciders := range deciderLists() {
		for combination := range all {
			says := map[string]Says{}
			c := combination
			for i, name := range witnessNames {
				witnesses[i] = Witness{Name: name, Says: kinds[c%3], Detail: "x"}
				says[name] = kinds[c%3]
				c /= 3
			}
			for _, missing := range []string{"", CodeCycle} {
				for _, next := range []json.RawMessage{nil, json.RawMessage("1")} {
					if missing != "" && next != nil {
						continue // a position that cannot be used is not handed on
					}
					got := judge(Evidence{Witnesses: witnesses, Deciders: deciders, Next: next, Missing: missing})
					decision, doubt := twoRules(deciders, says, missing, next != nil)
					if got.decision != decision || got.doubt != doubt {
						t.Fatalf("deciders %v, witnesses %v, missing %q, next %s:\n got %v %q\nwant %v %q",
							deciders, says, missing, next, got.decision, got.doubt, decision, doubt)
					}
					if got.doubt != "" && missing == "" && got.detail == "" {
						t.Fatalf("deciders %v, witnesses %v: a doubt without a sentence", deciders, says)
					}
					for _, flag := range []string{WitnessMore, WitnessDone} {
						ignored := decision == SaysMore && says[flag] == SaysEnd && got.decider != flag
						if slices.Contains(got.flags, flag) != ignored {
							t.Fatalf("deciders %v, witnesses %v: flags %v", deciders, says, got.flags)
						}
					}
				}
			}
		}
	}
}

// twoRules is section 6 said a second time, without a look at judge.
func twoRules(deciders []string, says map[string]Says, missing string, next bool) (decision Says, doubt string) {
	speaking := slices.DeleteFunc(slices.Clone(deciders), func(name string) bool { return says[name] == Silent })
	if len(speaking) == 0 {
		if missing != "" {
			return SaysEnd, missing
		}
		return SaysEnd, "next_token_missing"
	}
	decider := speaking[0]
	// Rule 1: going on follows the decider, if there is anywhere to go.
	if says[decider] == SaysMore {
		switch {
		case missing != "":
			return SaysMore, missing
		case !next:
			return SaysMore, "next_token_missing"
		}
		return SaysMore, ""
	}
	// Rule 2: an end is clean only when no witness contradicts it.
	against := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return n != decider && says[n] == SaysMore })
	}
	counts, flags := against("total", "remaining", "total_pages"), against("more", "done")
	switch {
	case !counts && !flags:
		return SaysEnd, ""
	case counts && decider != "token" && decider != "hook":
		return SaysEnd, "short_of_total"
	}
	return SaysEnd, "next_token_missing"
}

// The cases that people ask about, with what Step makes of them.
func TestJudgeTable(t *testing.T) {
	text := func(s string) json.RawMessage {
		if s == "" {
			return nil
		}
		return json.RawMessage(s)
	}
	type answer struct{ next, total, more, done, remaining, pages string }
	var b strings.Builder
	row := func(rules Rules, what string, records int, a answer, change ...func(*State, *Page)) {
		w, err := NewWalk(&rules, Strategies())
		if err != nil {
			t.Fatal(err)
		}
		s := State{Version: 1, Pages: 3, Received: 30, Position: json.RawMessage(`"c"`)}
		if rules.positional() {
			s.Position = map[Type]json.RawMessage{Offset: number(30), PageNumber: number(4)}[rules.Type]
		}
		p := Page{Records: records, New: records, Print: 77, Next: text(a.next), Total: text(a.total), More: text(a.more),
			Done: text(a.done), Remaining: text(a.remaining), TotalPages: text(a.pages)}
		for _, f := range change {
			f(&s, &p)
		}
		v, err := w.Step(s, p)
		result := v.Kind.String()
		switch {
		case err != nil:
			result = "error: " + err.Error()
		case v.Kind == End:
			result += ", " + string(v.Attested)
		case v.Kind == Doubt || v.Kind == Truncated:
			result += ", " + v.Code + ": " + v.Detail
		}
		for _, e := range v.Events {
			result += " [" + e.Name + "]"
		}
		fmt.Fprintf(&b, "%-12s %-56s %s\n", rules.Type, what, result)
	}
	head := func(s string) { fmt.Fprintf(&b, "\n# %s\n", s) }

	b.WriteString("What the fourth page means, after 30 records, for a connector that declares the witnesses named.\n")
	head("token decides")
	cursor := Rules{Type: Cursor, HasNext: true}
	row(cursor, "token", 10, answer{next: `"d"`})
	row(cursor, "no token", 10, answer{})
	row(cursor, "token null", 10, answer{next: `null`})
	row(cursor, `token ""`, 10, answer{next: `""`})
	row(cursor, `token "0"`, 10, answer{next: `"0"`})
	ends := cursor
	ends.EndValues = []json.RawMessage{text(`null`), text(`""`), text(`"0"`)}
	row(ends, `token "0", an end value`, 10, answer{next: `"0"`})
	row(cursor, "empty page, token", 0, answer{next: `"d"`})
	row(cursor, "empty page, token, the eleventh in a row", 0, answer{next: `"d"`}, func(s *State, _ *Page) { s.Empty = 10 })
	row(cursor, "empty page, no token", 0, answer{})
	row(cursor, "the token that was sent", 10, answer{next: `"c"`})
	again := cursor
	again.Repeat = "end"
	row(again, "the token that was sent, repeat: end", 10, answer{next: `"c"`})
	again.Repeat = "allow"
	row(again, "the token that was sent, repeat: allow", 10, answer{next: `"c"`})
	row(cursor, "204", 0, answer{}, func(_ *State, p *Page) { p.Class = PageNone })
	row(cursor, "an end signal", 0, answer{}, func(_ *State, p *Page) { p.Class = PageEnd })
	row(cursor, "a token that token.match refuses", 10, answer{next: `"?"`}, func(_ *State, p *Page) { p.BadNext = "it does not match ^[a-z]+$" })

	head("token decides, a total is declared")
	cursor.HasTotal = true
	row(cursor, "no token, 40 of 40", 10, answer{total: "40"})
	row(cursor, `no token, 40 of "40"`, 10, answer{total: `"40"`})
	row(cursor, "no token, 40 of 100", 10, answer{total: "100"})
	row(cursor, "no token, 40 of 20", 10, answer{total: "20"})
	row(cursor, "no token, 40, total was 100 and is 40", 10, answer{total: "40"}, func(s *State, _ *Page) { n := int64(100); s.Total = &n })
	row(cursor, "no token, no total on this page, 100 on an earlier one", 10, answer{}, func(s *State, _ *Page) { n := int64(100); s.Total = &n })
	row(cursor, "no token, no total", 10, answer{})
	row(cursor, "token, 40 of 40", 10, answer{next: `"d"`, total: "40"})
	row(cursor, "total is a word", 10, answer{next: `"d"`, total: `"many"`})
	row(cursor, "an end signal, 30 of 100", 0, answer{}, func(s *State, p *Page) { n := int64(100); s.Total, p.Class = &n, PageEnd })
	cursor.TotalKind = AtLeast
	row(cursor, "no token, 40 of at least 100", 10, answer{total: "100"})
	row(cursor, "no token, 40 of at least 20", 10, answer{total: "20"})
	cursor.TotalKind = Estimate
	row(cursor, "no token, 40 of about 100", 10, answer{total: "100"})

	head("token decides, flags are declared")
	cursor = Rules{Type: Cursor, HasNext: true, HasMore: true, HasDone: true}
	row(cursor, "token, more is true", 10, answer{next: `"d"`, more: "true"})
	row(cursor, "token, more is false", 10, answer{next: `"d"`, more: "false"})
	row(cursor, "token, done is 1", 10, answer{next: `"d"`, done: "1"})
	row(cursor, "no token, more is false", 10, answer{more: "false"})
	row(cursor, `no token, more is "false", done is "true"`, 10, answer{more: `"false"`, done: `"true"`})
	row(cursor, "no token, more is true", 10, answer{more: "true"})
	row(cursor, "no token, done is false", 10, answer{done: "false"})
	row(cursor, "no token, more is null", 10, answer{more: "null"})
	row(cursor, `more is "yes"`, 10, answer{next: `"d"`, more: `"yes"`})

	head("decides: more")
	cursor.Decides = ByMore
	row(cursor, "token, more is true", 10, answer{next: `"d"`, more: "true"})
	row(cursor, "token, more is false", 10, answer{next: `"d"`, more: "false"})
	row(cursor, "no token, more is true", 10, answer{more: "true"})
	row(cursor, "token, more is absent", 10, answer{next: `"d"`})
	row(cursor, "no token, more is absent", 10, answer{})

	head("decides: page, and a link that never disappears")
	link := Rules{Type: Link, HasNext: true, Decides: ByPage, Repeat: "end"}
	row(link, "records, another link", 10, answer{next: `"d"`})
	row(link, "records, the same link", 10, answer{next: `"c"`})
	row(link, "no records, another link", 0, answer{next: `"d"`})
	row(link, "records, no link", 10, answer{})

	head("positions that the client counts")
	offset := Rules{Type: Offset, Limit: 10}
	row(offset, "10 records", 10, answer{})
	row(offset, "3 records", 3, answer{})
	row(offset, "no records", 0, answer{})
	offset.ShortPage = true
	row(offset, "3 records, short_page", 3, answer{})
	offset.ShortPage = false
	row(offset, "the records of the page before", 10, answer{}, func(s *State, p *Page) { s.Print = p.Print })
	offset.HasTotal = true
	row(offset, "40 of 40", 10, answer{total: "40"})
	row(offset, "40 of 100", 10, answer{total: "100"})
	row(offset, "no records, 30 of 100", 0, answer{total: "100"})
	row(offset, "no records, 30 of 100, the eleventh in a row", 0, answer{total: "100"}, func(s *State, _ *Page) { s.Empty = 10 })
	offset.Cap = 40
	row(offset, "40 of 100, cap: 40", 10, answer{total: "100"})
	pages := Rules{Type: PageNumber, Limit: 10, HasTotalPages: true, HasTotal: true}
	row(pages, "page 4 of 4, 40 of 40", 10, answer{pages: "4", total: "40"})
	row(pages, "page 4 of 4, 40 of 100", 10, answer{pages: "4", total: "100"})
	row(pages, "page 4 of 5, 40 of 40", 10, answer{pages: "5", total: "40"})

	head("the last record is the position")
	after := Rules{Type: SearchAfter, HasNext: true, HasMore: true}
	row(after, "more is true", 10, answer{next: `"d"`, more: "true"})
	row(after, "more is false", 10, answer{next: `"d"`, more: "false"})
	row(after, "more is true, no records", 0, answer{more: "true"})
	row(after, "more is absent, records", 10, answer{next: `"d"`})
	row(after, "more is absent, no records", 0, answer{})
	row(after, "records without the field", 10, answer{more: "true"})
	after.HasRemaining = true
	row(after, "more is false, 60 remain", 10, answer{next: `"d"`, more: "false", remaining: "60"})

	head("the time of the last record is the position")
	times := Rules{Type: Timestamp, HasNext: true, HasKey: true, Limit: 10}
	row(times, "the time moves", 10, answer{next: `"d"`})
	row(times, "no records", 0, answer{})
	row(times, "the same time, nothing new", 10, answer{next: `"c"`}, func(_ *State, p *Page) { p.New = 0 })
	row(times, "the same time, a short page", 4, answer{next: `"c"`}, func(_ *State, p *Page) { p.New = 3 })
	row(times, "the same time, a full page with new records", 10, answer{next: `"c"`}, func(_ *State, p *Page) { p.New = 3 })
	times.HasMore = true
	row(times, "the same time, nothing new, more is true", 10, answer{next: `"c"`, more: "true"}, func(_ *State, p *Page) { p.New = 0 })

	head("a hook")
	hook := Rules{Type: HookType, HasTotal: true}
	row(hook, "a token", 10, answer{total: "100"}, func(_ *State, p *Page) { p.Hook = &HookSays{Token: text(`"d"`)} })
	row(hook, "an end, 40 of 40", 10, answer{total: "40"}, func(_ *State, p *Page) { p.Hook = &HookSays{Ends: true, End: "done"} })
	row(hook, "an end, 40 of 100", 10, answer{total: "100"}, func(_ *State, p *Page) { p.Hook = &HookSays{Ends: true, End: "done"} })
	row(hook, "a contradiction", 10, answer{total: "100"}, func(_ *State, p *Page) { p.Hook = &HookSays{Fail: "the index says 12 pages"} })
	row(hook, "nothing, 40 of 40", 10, answer{total: "40"})
	row(hook, "nothing, 40 of 100", 10, answer{total: "100"})
	row(hook, "the token that was sent", 10, answer{total: "100"}, func(_ *State, p *Page) { p.Hook = &HookSays{Token: text(`"c"`)} })

	hook.HasNext = true
	row(hook, "nothing, next is declared and present", 10, answer{next: `"d"`, total: "100"})
	row(hook, "nothing, next is declared and absent, 40 of 40", 10, answer{total: "40"})
	row(hook, "nothing, next is declared and absent, 40 of 100", 10, answer{total: "100"})
	row(hook, "an end, next is declared and present", 10, answer{next: `"d"`}, func(_ *State, p *Page) { p.Hook = &HookSays{Ends: true, End: "done"} })

	head("a page that a fallback asked for")
	rung := Rules{Type: Cursor, HasNext: true, HasKey: true, HasTotal: true, Fallback: []FallbackKind{FallbackOffset, FallbackSearchAfter}}
	onOffset := func(s *State, _ *Page) { s.Rung, s.Position, s.Recovered, s.Recoveries = 1, number(30), 1, 1 }
	onAfter := func(s *State, p *Page) {
		s.Rung, s.Position, s.Recovered, s.Recoveries, s.Largest = 2, number(30), 1, 1, 10
		p.Backups = []json.RawMessage{nil, number(40)}
	}
	row(rung, "offset, a token", 10, answer{next: `"d"`, total: "100"}, onOffset)
	row(rung, "offset, no token, 40 of 100", 10, answer{total: "100"}, onOffset)
	row(rung, "offset, no token, no total", 10, answer{}, onOffset)
	row(rung, "offset, no token, 40 of 40", 10, answer{total: "40"}, onOffset)
	row(rung, "offset, no records", 0, answer{}, onOffset)
	row(rung, "search_after, no token, no total", 10, answer{}, onAfter)
	row(rung, "search_after, the record at the position only", 1, answer{}, onAfter, func(_ *State, p *Page) { p.New, p.Backups[1] = 0, number(30) })
	row(rung, "search_after, a whole page that ends at the position", 10, answer{}, onAfter, func(s *State, p *Page) {
		p.New, p.Backups[1], s.Recoveries = 0, number(30), 5
	})

	head("one page")
	none := Rules{Type: None, HasTotal: true}
	row(none, "10 of 10", 10, answer{total: "10"}, func(s *State, _ *Page) { *s = State{} })
	row(none, "10 of 25", 10, answer{total: "25"}, func(s *State, _ *Page) { *s = State{} })

	golden(t, "testdata/judge.txt", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("%s:%d (run with -update to accept)\n got %s\nwant %s", path, i+1, g[i], w[i])
			}
		}
		t.Fatalf("%s has %d lines, want %d", path, len(w), len(g))
	}
}
