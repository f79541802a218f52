package runtime

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// summary gathers how the chains of a stream ended.
type summary struct {
	sr *streamRun

	mu       sync.Mutex
	worst    chainEnd
	place    int64 // ordinal of the worst; of equals the first counts
	attested engine.Attestation
	total    int64
	noTotal  bool
	ends     int
	bad      []badChain
	until    time.Time
	halt     bool
}

// maxBad is how many chains that did not end complete a report names.
const maxBad = 20

type badChain struct {
	ordinal int64
	report  ChainReport
}

// add counts the end of a chain in; the zero row stands for the stream itself.
func (s *summary) add(row engine.Chain, e chainEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.split {
		return
	}
	s.ends++
	if w := worse(s.worst.verdict, e.verdict); w != s.worst.verdict || e.verdict == s.worst.verdict && row.Ordinal < s.place {
		s.worst, s.place = e, row.Ordinal
	}
	s.attested = s.attested.Worse(e.attested)
	if e.total != nil {
		s.total += *e.total
	} else {
		s.noTotal = true
	}
	if e.verdict == Parked && e.until.After(s.until) {
		s.until = e.until
	}
	if e.verdict != Complete {
		s.blame(row, e)
	}
	if e.verdict == Interrupted || e.verdict == Failed && s.sr.spec.Chains.OnError == "stop" || s.sr.lost() {
		s.halt = true
	}
}

// blame keeps the first maxBad chains in the order of the list, whichever ended first.
func (s *summary) blame(row engine.Chain, e chainEnd) {
	b := badChain{row.Ordinal, ChainReport{Chain: s.sr.redact.String(row.Key), Verdict: e.verdict, Reason: e.reason, Detail: e.detail}}
	i, _ := slices.BinarySearchFunc(s.bad, b, func(a, b badChain) int { return cmp.Compare(a.ordinal, b.ordinal) })
	if s.bad = slices.Insert(s.bad, i, b); len(s.bad) > maxBad {
		s.bad = s.bad[:maxBad]
	}
}

func (s *summary) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halt
}

func (s *summary) verdict() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return orElse(s.worst.verdict, Complete)
}

// comesBack reports whether the run ended so that another one is to go on where it was.
func (s *summary) comesBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.worst.comesBack()
}

func (s *summary) report(r *StreamReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Verdict, r.Reason, r.Detail, r.Err = orElse(s.worst.verdict, Complete), s.worst.reason, s.worst.detail, s.worst.err
	r.ladder = len(s.sr.spec.Pagination.Fallback) > 0
	if r.Verdict == Complete {
		r.Attested = s.attested
		switch {
		case s.ends == 0 && s.sr.last > 0 && s.sr.roundData.Outcome != nil:
			was := s.sr.roundData.Outcome
			r.Attested, r.Total, r.before = was.Attested, was.Total, true
		case s.ends == 0:
			r.Attested = s.sr.empty()
		case s.sr.roundData.Reopened || s.sr.stats.of(NoticeDetailsMissing) > 0:
			r.Attested = engine.Assumed
		}
		if r.Reason != "skipped" {
			r.Reason, r.Detail = "", ""
		}
	}
	if !s.noTotal && s.ends > 0 {
		t := s.total
		r.Total = &t
	}
	if r.Verdict == Parked && !s.until.IsZero() {
		r.Until = s.until.UTC().Format(time.RFC3339)
	}
	for _, b := range s.bad {
		if b.report.Chain != "" {
			r.Bad = append(r.Bad, b.report)
		}
	}
}
