package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// entries are the journal of a walk of n pages; something happened on the pages of odd.
func entries(n int, odd map[int]string) func(func(engine.PageEntry) error) error {
	return func(fn func(engine.PageEntry) error) error {
		for i := range n {
			e := engine.PageEntry{Page: int64(i), Status: 200, Records: 10, New: 10, Attempts: 1, Verdict: "continue", Position: fmt.Appendf(nil, "%d", 10*i),
				Evidence: json.RawMessage(`{"decider":"page","said":[["page","more","10 records"]]}`)}
			switch odd[i] {
			case "event":
				e.Events = json.RawMessage(`["flag_disagrees"]`)
			case "end of a token":
				e.Events = json.RawMessage(`["next_token_missing_at_end"]`)
			case "retry":
				e.Attempts, e.Retries = 2, json.RawMessage(`[{"reason":"timeout","wait":1.5}]`)
			case "doubt":
				e.Verdict = engine.CodeCycle
			}
			if err := fn(e); err != nil {
				return err
			}
		}
		return nil
	}
}

func tellStory(t *testing.T, s *story, pages func(func(engine.PageEntry) error) error) string {
	t.Helper()
	var b strings.Builder
	w := bufio.NewWriter(&b)
	if err := s.text(w, pages); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	return b.String()
}

func TestStoryIsAbridged(t *testing.T) {
	run := &engine.Run{ID: "r", Started: time.Unix(0, 0), Ended: time.Unix(1, 0), Verdict: "failed"}
	odd := map[int]string{10: "retry", 20: "event", 30: "end of a token", 40: "doubt"}
	text := tellStory(t, &story{run: run}, entries(100, odd))
	var told []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "page" && strings.HasSuffix(fields[1], ",") {
			told = append(told, strings.TrimSuffix(fields[1], ","))
		}
	}
	if got, want := strings.Join(told, " "), "1 2 3 11 21 41 96 97 98 99 100"; got != want {
		t.Errorf("told pages %s, want %s\n%s", got, want, text)
	}
	for _, want := range []string{"attempt 1: timeout, waited 1.5 s", "event flag_disagrees: a flag says the opposite", "in doubt, cycle", "… 54 pages on which nothing happened"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if all := tellStory(t, &story{run: run, all: true}, entries(100, odd)); strings.Count(all, "\n  page ") != 100 {
		t.Errorf("--all tells %d pages", strings.Count(all, "\n  page "))
	}
}

func TestStoryEnds(t *testing.T) {
	held := &engine.HeldError{Owner: engine.Owner{PID: 7, Host: "here"}}
	ended := &engine.Run{Started: time.Unix(0, 0), Ended: time.Unix(2, 0), Verdict: "failed", Report: json.RawMessage(`{"streams":{"s":{"verdict":"parked","message":"parked: a wait"}}}`)}
	open := &engine.Run{Started: time.Unix(0, 0)}
	for want, s := range map[string]*story{
		"It stopped parked: a wait.":                 {run: ended, end: endOf(ended, "s")},
		"It ended failed after 2.0 s.":               {run: ended, end: endOf(ended, "other")},
		"It is running: process 7 on here.":          {run: open, held: held},
		"It has no end: the process is gone. Run it": {run: open},
	} {
		if text := tellStory(t, s, entries(0, nil)); !strings.Contains(text, "  no page was read\n") || !strings.Contains(text, want) {
			t.Errorf("%s\nwant %s", text, want)
		}
	}
}
