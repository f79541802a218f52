package runtime

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// Page is one page of a chain, as a loop over Pages sees it.
type Page struct {
	Stream   string
	Chain    string   // canonical JSON of the partition's values, "" without partitions
	Index    int64    // in the walk, from 0
	Records  [][]byte // JSON, one element each; valid until the loop asks for the next page
	Received int      // records as they came, before filter and de-duplication
	Status   int      // HTTP status
	Code     string   // code of the verdict: continue, end, next_token_missing …
	End      string   // verdict of the chain when it ends with this page, "" while it goes on
	Reason   string   // with End, unless it is complete
}

// EndError says that a run has not come to a complete end. What it has read so far is in Report, and a
// run that begins later with the same Ledger goes on from there.
type EndError struct {
	Report *Report
	cause  error // of the context, nil when it has not ended
}

func (e *EndError) Error() string { return e.Report.Message }

// Unwrap gives the error of the worst chain and the context's.
func (e *EndError) Unwrap() []error {
	var list []error
	for _, err := range []error{e.Report.Err, e.cause} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}

// Pages runs the job and hands its pages to the loop, also those without records:
//
//	for page, err := range runtime.Pages(ctx, job) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// A page is committed when the loop asks for the next one: after a break, a panic or a crash in the
// loop's body the same page comes again in the next run, and nothing is lost. When the loop ends by
// itself, everything is committed and the run was complete; else the last pair has an error and no
// page: an *EndError, or that of Run when nothing was begun. The pages of chains that run side by side
// come one at a time, in the order of each chain.
//
// Job.Sink may be nil; when it is not, a page goes there too, after the loop's body. Job.Ledger may be
// nil: then nothing is remembered when the loop has ended. Job.Group is not used. A loop that ranges a
// second time over the same value runs the job again.
func Pages(ctx context.Context, job *Job) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		own := *job
		if own.Ledger == nil {
			own.Ledger = new(MemoryLedger)
		}
		own.Group = Group{}
		out := &pageSink{Sink: job.Sink, pages: make(chan *Page), taken: make(chan struct{}), left: make(chan struct{})}
		if out.Sink == nil {
			out.Sink = noSink{}
		}
		own.Sink = out
		run, cancel := context.WithCancel(ctx)
		var report *Report
		var err error
		var wg sync.WaitGroup
		over := make(chan struct{})
		wg.Go(func() {
			defer close(over)
			report, err = Run(run, &own)
		})
		defer func() { // also when the loop's body panics
			cancel()
			close(out.left)
			wg.Wait()
		}()
		for {
			select {
			case p := <-out.pages:
				if !yield(p, nil) {
					return
				}
				out.taken <- struct{}{}
				continue
			case <-over:
			}
			break
		}
		switch {
		case err != nil:
			yield(nil, err)
		case report.Verdict != Complete:
			yield(nil, &EndError{Report: report, cause: context.Cause(ctx)})
		}
	}
}

// pageSink hands pages to a loop before they are committed.
type pageSink struct {
	Sink
	pages chan *Page
	taken chan struct{} // the loop asks for the next one
	left  chan struct{} // closed: the loop was left
	page  Page
}

// errLeft ends a run whose loop was left; the page under way is not committed.
var errLeft = &Error{Code: CodeInterrupted, Msg: "the loop over the pages was left"}

// Secrets are the sink's own.
func (s *pageSink) Secrets() []string { return secretsOf(s.Sink) }

// Keyless is the sink's own.
func (s *pageSink) Keyless() bool { return keyless(s.Sink) }

// Holds is the sink's own.
func (s *pageSink) Holds(stream string) bool { return holds(s.Sink, stream) }

// Repeats is true: what the loop had not asked to go on from comes again.
func (s *pageSink) Repeats(string) bool { return true }

// hand gives a page to the loop and returns when it asks for the next one.
func (s *pageSink) hand(d *delivery) error {
	e := d.commit.Entry
	if e == nil || d.sr.silent {
		return nil
	}
	s.page = Page{Stream: d.sr.spec.Name, Chain: e.Chain, Index: e.Page, Records: d.records, Received: e.Records, Status: e.Status,
		Code: e.Verdict, End: d.commit.Chain.Verdict, Reason: d.commit.Chain.Reason}
	select {
	case s.pages <- &s.page:
	case <-s.left:
		return errLeft
	}
	select {
	case <-s.taken:
		return nil
	case <-s.left:
		return errLeft
	}
}

// noSink keeps nothing.
type noSink struct{}

func (noSink) Target(string) string { return "" }

func (noSink) Open(context.Context, string, []byte, bool) error { return nil }

func (noSink) Write(context.Context, string, string, [][]byte, []string) error { return nil }

func (noSink) Mark(context.Context, string) (string, []byte, error) { return "", nil, nil }

func (noSink) Durable(string) bool { return true }

func (noSink) Keyless() bool { return true }

func (noSink) Notes() [][2]string { return nil }

func (noSink) Close(context.Context) error { return nil }

// ready says what a run cannot do without.
func (j *Job) ready() error {
	switch {
	case j.Connector == nil:
		return errors.New("the job has no Connector")
	case j.Ledger == nil:
		return errors.New("the job has no Ledger; a MemoryLedger remembers as long as the process lives")
	case j.Sink == nil:
		return errors.New("the job has no Sink; Pages hands records to a loop instead")
	}
	return nil
}
