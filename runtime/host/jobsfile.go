package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
)

// jobsFile is the jobs file as it was read last.
type jobsFile struct {
	mu      sync.Mutex
	sum     [32]byte  // of the text that was looked at last
	problem error     // with that text; the jobs before stay
	since   time.Time // of problem
	loaded  time.Time // when its jobs were taken over
}

// openJobs reads the jobs file for the first time.
func (h *Host) openJobs(ctx context.Context) error {
	remembered, err := h.book.jobs(ctx)
	if err != nil || h.opt.Jobs == "" {
		return err
	}
	src, err := os.ReadFile(h.opt.Jobs)
	if err != nil {
		return err
	}
	jobs, err := h.readJobs(src)
	if err != nil {
		return err
	}
	h.jobsFile.sum, h.jobsFile.loaded = sha256.Sum256(src), h.now()
	h.schedule.set(jobs, remembered, h.now())
	return nil
}

// readJobs reads jobs and checks them against the connectors as they are now.
func (h *Host) readJobs(src []byte) ([]*Job, error) {
	jobs, err := ParseJobs(h.opt.Jobs, src)
	if err != nil {
		return nil, err
	}
	return jobs, checkJobs(jobs, func(name string) (*runtime.Connector, error) {
		v, err := h.Catalog.Use(name)
		if err != nil {
			return nil, err
		}
		defer v.Done()
		return v.Connector, nil
	})
}

// watchJobs takes over the jobs file when it has changed. It looks at the text and trusts no time of
// change, so that every way of saving a file is seen.
func (h *Host) watchJobs(ctx context.Context) {
	t := time.NewTicker(h.opt.JobsPoll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			h.reloadJobs(ctx)
		}
	}
}

// reloadJobs looks at the jobs file once. A file with a problem changes nothing; one whose problem lay
// in a connector is looked at again.
func (h *Host) reloadJobs(ctx context.Context) {
	f := &h.jobsFile
	src, err := os.ReadFile(h.opt.Jobs)
	var jobs []*Job
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := sha256.Sum256(src)
	switch {
	case err == nil && sum == f.sum && f.problem == nil:
		return
	case err == nil:
		jobs, err = h.readJobs(src)
	}
	before := f.problem
	f.sum, f.problem = sum, err
	switch {
	case err == nil:
		f.loaded, f.since = h.now(), time.Time{}
		h.metrics.reloads.WithLabelValues("jobs", "reloaded").Inc()
		h.log.Info("jobs reloaded", "path", h.opt.Jobs, "jobs", len(jobs))
		h.events.publish("jobs", map[string]any{"change": "reloaded", "jobs": len(jobs)})
		remembered, err := h.book.jobs(ctx)
		if err != nil {
			h.log.Error("when jobs were due could not be read", "error", err)
		}
		h.schedule.set(jobs, remembered, h.now())
	case before == nil || before.Error() != err.Error():
		f.since = h.now()
		h.metrics.reloads.WithLabelValues("jobs", "refused").Inc()
		for _, p := range problems(err) {
			h.log.Warn("jobs refused", "path", h.opt.Jobs, "problem", p)
		}
		h.events.publish("jobs", map[string]any{"change": "refused", "problems": problems(err)})
	}
}

// problems lists what is wrong with a file, one element each.
func problems(err error) []string {
	if err == nil {
		return nil
	}
	var many spec.Errors
	var path *fs.PathError
	switch {
	case errors.As(err, &many):
		out := make([]string, len(many))
		for i, e := range many {
			out[i] = e.Error()
		}
		return out
	case errors.As(err, &path):
		return []string{path.Path + ": " + path.Err.Error()}
	}
	return []string{err.Error()}
}
