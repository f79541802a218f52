package runtime

import (
	"sync"
	"time"
)

// stats counts what a stream's run did.
type stats struct {
	mu         sync.Mutex
	pages      int64
	records    int64
	received   int64
	duplicates int64
	crossed    int64 // of duplicates: delivered in another window
	met        int64 // received, and delivered by an earlier run that a limit ended inside the page
	sent       int64
	retries    int64
	recoveries int64
	bytes      int64
	chains     int64
	events     map[string]int64
	began      time.Time
}

// begin counts on from what the run has done before.
func (s *stats) begin(now time.Time, e Earlier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = now
	s.pages += e.Pages
	s.records += e.Records
	s.received += e.Received
	s.bytes += e.Bytes
	s.sent += e.Requests
	s.retries += e.Retries
}

func (s *stats) requests(attempts int) {
	s.mu.Lock()
	s.sent += int64(attempts)
	s.retries += int64(max(0, attempts-1))
	s.mu.Unlock()
}

func (s *stats) retried() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retries
}

func (s *stats) recovered() {
	s.mu.Lock()
	s.recoveries++
	s.mu.Unlock()
}

func (s *stats) page(p *pending) {
	s.mu.Lock()
	s.pages++
	s.records += int64(p.event.New)
	s.received += int64(p.event.Records)
	s.duplicates += int64(p.duplicates)
	s.crossed += int64(p.crossed)
	s.met += int64(p.met)
	s.bytes += p.event.Bytes
	s.mu.Unlock()
}

func (s *stats) event(name string) {
	s.mu.Lock()
	if s.events == nil {
		s.events = map[string]int64{}
	}
	s.events[name]++
	s.mu.Unlock()
}

// of is how often an event was counted.
func (s *stats) of(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[name]
}

func (s *stats) chain() {
	s.mu.Lock()
	s.chains++
	s.mu.Unlock()
}

// report writes the counts into r.
func (s *stats) report(r *StreamReport, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Pages, r.Records, r.Received, r.Duplicates, r.crossed, r.met = s.pages, s.records, s.received, s.duplicates, s.crossed, s.met
	r.Requests, r.Retries, r.Recoveries, r.Bytes, r.Chains = s.sent, s.retries, s.recoveries, s.bytes, s.chains
	r.Seconds = now.Sub(s.began).Seconds()
	r.Events = map[string]int64{}
	for k, v := range s.events {
		r.Events[k] = v
	}
}
