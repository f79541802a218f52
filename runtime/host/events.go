package host

import (
	"encoding/json"
	"sync"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

const (
	eventsKept = 4096 // for those who come back with Last-Event-ID
	eventsLag  = 1024 // how far a listener may fall behind before it is let go
	listeners  = 64   // at a time
)

// event is one server-sent event.
type event struct {
	id   uint64
	kind string // run job connector page notice …
	run  string // "" when it is about none
	data []byte // JSON
}

// events hands what happens to everybody who listens, and keeps the latest.
type events struct {
	mu   sync.Mutex
	last uint64
	ring []event
	to   map[chan event]string // listener: the run it wants, "" for all
}

func newEvents() *events { return &events{to: map[chan event]string{}} }

// publish tells an event that is about no page.
func (e *events) publish(kind string, about any) {
	data, err := json.Marshal(about)
	if err != nil {
		return
	}
	run := ""
	if s, ok := about.(RunStatus); ok {
		run = s.ID
	}
	e.put(event{kind: kind, run: run, data: data})
}

func (e *events) put(v event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last++
	v.id = e.last
	if len(e.ring) == eventsKept {
		copy(e.ring, e.ring[eventsKept/4:])
		e.ring = e.ring[:len(e.ring)-eventsKept/4]
	}
	e.ring = append(e.ring, v)
	for ch, run := range e.to {
		if run != "" && run != v.run {
			continue
		}
		select {
		case ch <- v:
		default: // too slow: it is let go and comes back with Last-Event-ID
			delete(e.to, ch)
			close(ch)
		}
	}
}

// listen returns a channel of what happens from now on, after those events behind `after` that are
// still kept; nil when there are too many listeners. quit ends it; a channel that is closed has fallen
// too far behind.
func (e *events) listen(run string, after uint64) (ch chan event, missed []event, quit func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.to) >= listeners {
		return nil, nil, nil
	}
	if after > 0 {
		for _, v := range e.ring {
			if v.id > after && (run == "" || run == v.run) {
				missed = append(missed, v)
			}
		}
	}
	ch = make(chan event, eventsLag)
	e.to[ch] = run
	return ch, missed, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.to, ch)
	}
}

// wanted reports whether anybody is listening to a run.
func (e *events) wanted(run string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.to {
		if r == "" || r == run {
			return true
		}
	}
	return false
}

// runEvent is what a run tells, as JSON.
type runEvent struct {
	At        string     `json:"at"`
	Run       string     `json:"run"`
	Job       string     `json:"job,omitempty"`
	Connector string     `json:"connector"`
	Stream    string     `json:"stream,omitempty"`
	Chain     string     `json:"chain,omitempty"`
	Name      string     `json:"name,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	Verdict   string     `json:"verdict,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Seconds   float64    `json:"seconds,omitempty"` // retry: the wait before the next attempt
	Until     string     `json:"until,omitempty"`
	Page      *pageEvent `json:"page,omitempty"`
}

type pageEvent struct {
	Index    int64   `json:"index"`
	Records  int     `json:"records"`
	New      int     `json:"new"`
	Bytes    int64   `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	Attempts int     `json:"attempts"`
	Received int64   `json:"received"`
	Total    *int64  `json:"total,omitempty"`
	Verdict  string  `json:"verdict"`
}

// publishRun tells what a run tells. Pages are told only while somebody listens.
func (e *events) publishRun(v runtime.Event, job string, redact *transport.Redactor) {
	if v.Kind == runtime.EventConsole || v.Kind == runtime.EventPage && !e.wanted(v.Run) {
		return
	}
	out := runEvent{At: v.At.UTC().Format(timeLayout), Run: v.Run, Job: job, Connector: v.Connector, Stream: v.Stream, Chain: redact.String(v.Chain),
		Name: v.Name, Detail: redact.String(v.Detail), Verdict: v.Verdict, Reason: v.Reason, Seconds: v.Wait.Seconds()}
	if !v.Until.IsZero() {
		out.Until = v.Until.UTC().Format(timeLayout)
	}
	if p := v.Page; p != nil {
		out.Page = &pageEvent{Index: p.Index, Records: p.Records, New: p.New, Bytes: p.Bytes, Seconds: p.Took.Seconds(), Attempts: p.Attempts, Received: p.Received, Verdict: p.Verdict}
		if p.Total >= 0 {
			out.Page.Total = &p.Total
		}
	}
	if data, err := json.Marshal(out); err == nil {
		e.put(event{kind: string(v.Kind), run: v.Run, data: data})
	}
}

// timeLayout is RFC 3339 with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"
