package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// Where the watermark's field stands.
const (
	fieldNowhere = iota
	fieldOfList
	fieldOfDetails
)

// streamRun is one stream in one run: what its chains share.
type streamRun struct {
	*bound
	spec   *spec.Stream
	name   engine.StreamKey
	client *transport.Client
	lease  engine.Lease
	out    *committer
	silent bool // records are not delivered: the stream is walked for its children alone

	repeats bool // the output cannot be taken back: what is not committed comes again

	reader  *reader // of pages
	details *reader // of details, nil without
	fieldOf int
	kind    *watermarkKind // nil without incremental
	match   *regexp.Regexp // token.match
	walk    *engine.Walk   // shared by chains without a start of their own

	wantKeys    bool // the sink asks for keys
	keyPaths    []engine.Path
	needKeys    bool // duplicates can happen: keep their keys in memory
	persistKeys bool // and in the ledger
	changes     bool // its walks deliver changes: a record may come in several versions, without a watermark that tells them apart
	wholeKeys   bool // all of the walk's, because a fallback begins it again

	origin    string // of the base URL
	before    string // of the last run's base URL, "" when there was none
	round     engine.Round
	roundData roundData
	on        grounds         // of its positions
	over      grounds         // of its bookmarks
	asks      json.RawMessage // over, as a bookmark holds it
	named     []string        // variables whose relative times a walk keeps
	last      int64           // greatest ordinal that was listed
	parent    *streamRun      // whose records make this one's chains; nil without
	kids      []*child        // streams whose chains are made of this one's records
	stand     *streamRun      // a walk of this stream for its children alone, beside this one
	known     parents
	borders   *borders           // of its windows; nil without
	listedTo  map[string]*listed // by base: up to where earlier runs have listed windows
	relisted  bool               // its lists of values have changed since the round was listed
	queue     *queue
	turns     *turns
	limited   bool // to a number of records
	resumed   bool // the round was begun by an earlier run
	whole     bool // all chains of the round have ended
	report    *StreamReport
	ended     chan struct{} // closed when the report is whole

	stats stats

	sharing  sync.Mutex      // of the session in roundData
	outlived []*sessionState // older than ttl and replaced, still to be closed
	leftOpen *sessionState   // the one in roundData, as an earlier run has left it
	refused  error           // a new one lists other parts than those that were read: no chain goes on
	patience time.Time       // a session that is not ready by then is left open for another call to wait for; zero: for as long as it takes

	mu         sync.Mutex
	marks      map[string]engine.Bookmark
	lists      map[string][]json.RawMessage // values of the partitions, by name
	listing    *Config                      // of atRound
	listedAt   time.Time
	skew       *apart // the server's clock minus ours, as its last answer had it; nil before
	skewTold   bool
	ladder     bool // a fallback is declared, also where a step cannot climb it
	otherMarks bool // a bookmark was not used, and that was told
	fatal      error
	secret     []string // members of the chains' names that hold secrets
	taken      int64    // pages asked for
	left       int64    // records that the limit still allows; negative: no limit
	deadline   time.Time
}

// newStreamRun readies a stream: nothing is sent and nothing is stored yet.
func newStreamRun(ctx context.Context, b *bound, st *spec.Stream, name string) (*streamRun, error) {
	sr := &streamRun{bound: b, spec: st, name: engine.StreamKey{Connector: b.connector.Name, Stream: name}, marks: map[string]engine.Bookmark{}, left: -1}
	var err error
	if sr.client, err = b.client(ctx, st); err != nil {
		return nil, err
	}
	if sr.origin, err = b.originOf(ctx, st); err != nil {
		return nil, err
	}
	if sr.match, err = compileMatch(st.Pagination.Token.Match); err != nil {
		return nil, err
	}
	if st.Pagination.Token.OneUse {
		st.Pagination.Rules.Probe = false // a token that is used up cannot confirm the end
	}
	if sr.walk, err = engine.NewWalk(&st.Pagination.Rules, b.table); err != nil {
		return nil, err
	}
	sr.on, sr.over, sr.named = sr.stands(), sr.asked(), sr.times()
	sr.asks = sr.over.marshal()
	sr.read()
	sr.keep()
	sr.wantKeys = len(sr.keyPaths) > 0 && !keyless(b.job.Sink)
	for _, n := range []int64{st.Limits.Records, b.job.MaxRecords} {
		if n > 0 && (sr.left < 0 || n < sr.left) {
			sr.left, sr.limited = n, true
		}
	}
	return sr, nil
}

// read sets up the readers: which references are wanted from which bodies.
func (sr *streamRun) read() {
	st := sr.spec
	pg := &st.Pagination
	picks := []*spec.Pick{pg.Next, pg.Total, pg.Remaining, pg.TotalPages, pg.More, pg.Done, pg.Keep}
	for _, f := range pg.Fallback {
		picks = append(picks, f.Next)
	}
	if st.Session != nil {
		picks = append(picks, st.Session.Refresh)
	}
	var fields []engine.Path
	var compare func(a, b []byte) int
	if in := st.Incremental; in != nil {
		sr.kind = newWatermarkKind(in)
		if w := sr.windowPartition(); w != nil {
			sr.kind.windows = orElse(w.Format, "rfc3339")
		}
		compare = sr.kind.compare
		if path := fieldPath(in.Watermark); path != nil {
			fields = []engine.Path{path}
			sr.fieldOf = fieldOfList
		}
	}
	rules := st.Records
	if st.Details == nil {
		if st.Incremental != nil {
			picks = append(picks, st.Incremental.Watermark)
		}
		sr.reader = newReader(&rules, fields, compare, picks...)
		sr.reader.plan.NoRecords = sr.recordsHook() // the hook finds them
		sr.keyPaths = st.Records.Key
		return
	}
	listed := fields
	if len(rules.Key) == 0 {
		listed = nil // nobody asks which version of a thing an entry is of
	}
	sr.reader = newReader(&rules, listed, compare, picks...)
	if st.Incremental != nil {
		if fields != nil {
			sr.fieldOf = fieldOfDetails
		}
		sr.details = newReader(&st.Details.Records, fields, compare, st.Incremental.Watermark)
	} else {
		sr.details = newReader(&st.Details.Records, nil, nil)
	}
	sr.details.plan.One = st.Details.Batch <= 1 // what was asked for by one id may come by itself
	sr.details.plan.NullLost = true             // things that were asked for by id are not known to be none
	sr.keyPaths = st.Details.Records.Key
	if sr.keyPaths == nil {
		sr.keyPaths = st.Records.Key
	}
}

// fieldPath is the record's field that a watermark is taken from, nil when it is none of a record's.
func fieldPath(p *spec.Pick) engine.Path {
	if p == nil || len(p.Any) != 1 || p.Any[0].Ref == nil {
		return nil
	}
	switch r := p.Any[0].Ref; r.Root {
	case engine.RootMax, engine.RootMin, engine.RootFirst, engine.RootLast:
		return r.Path
	}
	return nil
}

// keep decides which keys are remembered: in memory and in the ledger wherever a record could come
// twice, also in the next run; all of them where a walk may begin again.
func (sr *streamRun) keep() {
	st := sr.spec
	if len(st.Records.Key) == 0 && (st.Details == nil || len(st.Details.Records.Key) == 0) {
		return
	}
	sr.needKeys, sr.persistKeys = true, true
	sr.changes = st.Incremental == nil && (st.Pagination.Keep != nil || st.Pagination.KeepToken)
	for _, f := range st.Pagination.Rules.Fallback {
		if f == engine.FallbackRestart {
			sr.wholeKeys = true
		}
	}
}

func (sr *streamRun) recordsHook() bool { return sr.hooked(sr.spec, "records") }

// recordRules are the filter, set and drop that apply to what a page delivers: of details, their own, and
// set and drop of the list where they say neither.
func (sr *streamRun) recordRules(list *page.Page) *spec.Records {
	listed := &sr.spec.Records
	if sr.spec.Details == nil {
		return listed
	}
	own := sr.spec.Details.Records
	if listed.Filter != nil && sr.meansDetails(list) {
		own.Filter = listed.Filter
	}
	if len(own.Set) == 0 && len(own.Drop) == 0 {
		own.Set, own.Drop = listed.Set, listed.Drop
	}
	return &own
}

// filterBy is a watermark as requests filter by it: less the overlap, unless it is `start`, before which
// nothing was read.
func (sr *streamRun) filterBy(w json.RawMessage, first bool) json.RawMessage {
	switch {
	case sr.kind == nil || w == nil:
		return w
	case first:
		return sr.kind.begin(w)
	}
	return sr.kind.shift(w)
}

func (sr *streamRun) tell(e Event) {
	e.Stream = sr.spec.Name
	sr.bound.tell(e)
}

// notice counts and tells something worth noticing.
func (sr *streamRun) notice(chain, name, detail string) {
	sr.stats.event(name)
	sr.tell(Event{Kind: EventNotice, Chain: chain, Name: name, Detail: sr.redact.String(detail)})
}

// mark returns the bookmark of a base; it has been loaded.
func (sr *streamRun) mark(base string) engine.Bookmark {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	return sr.marks[base]
}

// forgetMark lets go of a bookmark that no other chain needs.
func (sr *streamRun) forgetMark(c *chain) {
	if c.window != nil {
		return
	}
	sr.mu.Lock()
	delete(sr.marks, c.base)
	sr.mu.Unlock()
}

func (sr *streamRun) setMark(m engine.Bookmark) {
	sr.mu.Lock()
	sr.marks[m.Base] = m
	sr.mu.Unlock()
}

// loadMark brings a bookmark into memory.
func (sr *streamRun) loadMark(ctx context.Context, base string) (engine.Bookmark, error) {
	sr.mu.Lock()
	m, ok := sr.marks[base]
	sr.mu.Unlock()
	if ok || sr.silent { // a walk for the children brings all there is
		return m, nil
	}
	m, err := sr.job.Ledger.Bookmark(ctx, sr.name, base)
	if err != nil {
		return m, err
	}
	m = sr.usable(m)
	m.Base = base
	sr.setMark(m)
	return m, nil
}

// reserve takes one page off the limits of the run; it says which limit is used up, "" for none.
func (sr *streamRun) reserve() string {
	if sr.timeUp() {
		return "the time limit is reached"
	}
	sr.mu.Lock()
	defer sr.mu.Unlock()
	if sr.left == 0 {
		return sr.limitText()
	}
	for _, n := range []int64{sr.spec.Limits.Pages, sr.job.MaxPages} {
		if n > 0 && sr.taken >= n {
			return fmt.Sprintf("the limit of %d pages is reached", n)
		}
	}
	sr.taken++
	return ""
}

// timeUp reports whether the run's time is.
func (sr *streamRun) timeUp() bool { return !sr.deadline.IsZero() && !sr.now().Before(sr.deadline) }

// unreserve gives a page back that could not be had.
func (sr *streamRun) unreserve() {
	sr.mu.Lock()
	sr.taken--
	sr.mu.Unlock()
}

func (sr *streamRun) limitText() string { return "the limit of records is reached" }

// cut says how many of n records the limit allows, and takes them off it.
func (sr *streamRun) cut(n int) int {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	if sr.left < 0 {
		return n
	}
	n = int(min(int64(n), sr.left))
	sr.left -= int64(n)
	return n
}

// fail ends the stream's run by an error that concerns all chains.
func (sr *streamRun) fail(err error) {
	sr.mu.Lock()
	if sr.fatal == nil {
		sr.fatal = err
	}
	sr.mu.Unlock()
}

// lost reports whether nothing can be stored any more.
func (sr *streamRun) lost() bool {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	var e *Error
	return errors.As(sr.fatal, &e) && (e.Code == CodeSink || e.Code == CodeState)
}
