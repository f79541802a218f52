package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

// An abridged story tells this many pages at its beginning and end.
const (
	storyHead = 3
	storyTail = 5
)

// story is the last run of a stream, page by page.
type story struct {
	key  engine.StreamKey
	run  *engine.Run
	held *engine.HeldError
	end  *streamEnd // nil when the run has not ended
	all  bool

	chain   string // told last
	left    int    // pages that were left out since the last one that was told
	told    int
	last    *engine.PageEntry
	waiting []engine.PageEntry // the last pages, which are told if none come after them
}

// text tells the story in plain words.
func (s *story) text(w *bufio.Writer, pages func(func(engine.PageEntry) error) error) error {
	fmt.Fprintf(w, "%s/%s, run %s, begun %s\n", s.key.Connector, s.key.Stream, s.run.ID, stamp(s.run.Started))
	n := 0
	err := pages(func(e engine.PageEntry) error {
		n++
		s.last = &e
		if s.all || n <= storyHead {
			s.page(w, &e)
			return nil
		}
		s.waiting = append(s.waiting, e)
		if len(s.waiting) > storyTail {
			first := s.waiting[0]
			s.waiting = s.waiting[1:]
			if notable(&first) {
				s.page(w, &first)
			} else {
				s.left++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range s.waiting {
		s.page(w, &s.waiting[i])
	}
	if n == 0 {
		fmt.Fprintln(w, "  no page was read")
	}
	s.ending(w)
	return nil
}

// notable reports whether something happened on a page.
func notable(e *engine.PageEntry) bool {
	return e.Attempts > 1 || len(eventsOf(e)) > 0 || e.Verdict != "continue" && e.Verdict != "end"
}

// eventsOf are the events of a page but for the one that every ordinary end of a token chain is.
func eventsOf(e *engine.PageEntry) []string {
	var names, out []string
	if json.Unmarshal(e.Events, &names) != nil {
		return nil
	}
	for _, n := range names {
		if n != engine.EventTokenAbsentAtEnd {
			out = append(out, n)
		}
	}
	return out
}

func (s *story) page(w io.Writer, e *engine.PageEntry) {
	if s.left > 0 {
		fmt.Fprintf(w, "  … %s on which nothing happened\n", count(int64(s.left), "page"))
		s.left = 0
	}
	if e.Chain != "" && (e.Chain != s.chain || s.told == 0) {
		fmt.Fprintf(w, "  chain %s\n", e.Chain)
	}
	s.chain = e.Chain
	s.told++
	at := "the first page"
	if e.Position != nil {
		at = "at " + short(e.Position, 60)
	}
	records := count(int64(e.Records), "record")
	if e.New != e.Records {
		records += fmt.Sprintf(", %d new", e.New)
	}
	fmt.Fprintf(w, "  page %d, %s: %d, %s, %d ms\n", e.Page+1, at, e.Status, records, e.Millis)
	s.retries(w, e)
	said := runtime.ReadEvidence(e.Evidence)
	var parts []string
	for _, v := range said.Witnesses {
		part := v.Name + " says " + v.Says
		if v.Detail != "" {
			part += " (" + v.Detail + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) > 0 {
		fmt.Fprintf(w, "      %s\n", strings.Join(parts, "; "))
	}
	for _, name := range eventsOf(e) {
		fmt.Fprintf(w, "      event %s%s\n", name, meaning(name))
	}
	decided := ""
	if said.Decider != "" {
		decided = said.Decider + " decides: "
	}
	switch e.Verdict {
	case "continue":
		fmt.Fprintf(w, "      %sit goes on\n", decided)
	case "end":
		fmt.Fprintf(w, "      %sthe end, and no witness contradicts it\n", decided)
	default:
		why := said.Detail
		if why != "" {
			why = ": " + why
		}
		fmt.Fprintf(w, "      %sin doubt, %s%s\n", decided, e.Verdict, why)
	}
}

// retries tells the attempts before the one that brought the page.
func (s *story) retries(w io.Writer, e *engine.PageEntry) {
	var list []struct {
		Reason string
		Status int
		Wait   float64
	}
	if json.Unmarshal(e.Retries, &list) != nil { // none
		return
	}
	for i, r := range list {
		status := ""
		if r.Status != 0 {
			status = fmt.Sprintf(" (status %d)", r.Status)
		}
		fmt.Fprintf(w, "      attempt %d: %s%s, waited %.1f s\n", i+1, r.Reason, status, r.Wait)
	}
}

// ending says why the run stopped.
func (s *story) ending(w io.Writer) {
	switch {
	case s.end != nil && s.end.Verdict == runtime.Complete:
		fmt.Fprintf(w, "It ended %s.\n", s.end.Message)
	case s.end != nil:
		fmt.Fprintf(w, "It stopped %s.\n", strings.TrimSuffix(s.end.Message, "."))
	case s.running():
		fmt.Fprintf(w, "It is running: process %d on %s.\n", s.held.Owner.PID, s.held.Owner.Host)
	case s.run.Ended.IsZero():
		fmt.Fprintln(w, "It has no end: the process is gone. Run it again: it goes on behind the last page above.")
	default:
		fmt.Fprintf(w, "It ended %s after %s.\n", s.run.Verdict, s.took())
	}
}

// meaning says in one clause what an event means.
func meaning(event string) string {
	if m := meanings[event]; m != "" {
		return ": " + m
	}
	return ""
}

var meanings = map[string]string{
	engine.EventNextTokenMissing: "the token is absent although another witness says more",
	engine.EventTokenRepeated:    "the token was sent before in this walk",
	engine.EventTokenMalformed:   "the token is not what token.match allows, or no request can carry it",
	engine.EventTokenExpired:     "the token was too old, or the API refused it as expired",
	engine.EventFlagDisagrees:    "a flag says the opposite of what decides; it was not obeyed",
	engine.EventTotalChanged:     "the API's total is another than on the page before",
	engine.EventTotalExceeded:    "more records came than the API's total",
	engine.EventEmptyPage:        "no records, and the walk goes on",
	engine.EventPageRepeated:     "the same records as on the page before",
	engine.EventRecovered:        "the walk went on by a fallback",
}
