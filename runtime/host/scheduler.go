package host

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// scheduler begins runs of jobs when they are due.
type scheduler struct {
	mu     sync.Mutex
	jobs   []*Job
	byName map[string]*jobState
	wake   chan struct{}
}

// jobState is when a job is due.
type jobState struct {
	job    *Job
	memo   memo
	base   time.Time // when it is due next by its schedule
	next   time.Time // base and jitter
	missed bool      // base lies in the time when the service was down
	left   int64     // due times that were left out because a run was under way
}

func newScheduler() *scheduler {
	return &scheduler{byName: map[string]*jobState{}, wake: make(chan struct{}, 1)}
}

// poke lets the scheduler look again.
func (s *scheduler) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// set takes over the jobs of a file. What is remembered of a job stays with its name.
func (s *scheduler) set(jobs []*Job, remembered map[string]memo, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byName := map[string]*jobState{}
	for _, j := range jobs {
		st := &jobState{job: j, memo: remembered[j.Name]}
		if old := s.byName[j.Name]; old != nil {
			st.memo, st.left = old.memo, old.left
			if old.job.Schedule != nil && j.Schedule != nil && old.job.Schedule.Text == j.Schedule.Text && old.job.Jitter == j.Jitter {
				st.base, st.next, st.missed = old.base, old.next, old.missed
			}
		}
		if st.base.IsZero() {
			st.plan(now)
		}
		byName[j.Name] = st
	}
	s.jobs, s.byName = jobs, byName
	s.poke()
}

// plan says when the job is due next.
func (st *jobState) plan(now time.Time) {
	st.base = st.job.Schedule.Next(st.memo.Due, now)
	st.missed = !st.base.IsZero() && !st.memo.Due.IsZero() && st.base.Before(now)
	st.next = st.base
	if st.base.IsZero() {
		return
	}
	if st.missed {
		st.base = st.job.Schedule.Latest(st.base, now)
		st.next = now
	}
	if st.job.Jitter > 0 {
		st.next = st.next.Add(rand.N(st.job.Jitter))
	}
}

// due takes the jobs whose time has come, with why, and says when the next one's comes.
func (s *scheduler) due(now time.Time) (list []dueJob, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, j := range s.jobs {
		st := s.byName[j.Name]
		if !j.Enabled {
			continue
		}
		switch {
		case !st.next.IsZero() && !st.next.After(now):
			trigger := "schedule"
			if st.missed {
				trigger = "missed"
			}
			st.memo.Due = j.Schedule.Latest(st.base, now)
			st.memo.Retry = time.Time{} // this run is the next try
			list = append(list, dueJob{j, trigger, st.memo})
			st.plan(now)
			st.missed = false
		case !st.memo.Retry.IsZero() && !st.memo.Retry.After(now):
			st.memo.Retry = time.Time{}
			list = append(list, dueJob{j, "retry", st.memo})
		}
		sooner(st.next)
		sooner(st.memo.Retry)
	}
	return list, next
}

type dueJob struct {
	job     *Job
	trigger string
	memo    memo
}

// schedule begins what is due until ctx ends.
func (h *Host) scheduleLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.schedule.wake:
		case <-timer.C:
		}
		now := h.now()
		list, next := h.schedule.due(now)
		for _, d := range list {
			h.begin(ctx, d)
		}
		ids, wake := h.runs.due(now)
		for _, id := range ids {
			if _, err := h.resume(ctx, id); err != nil {
				h.log.Warn("a parked run could not go on", "run", id, "error", err)
			}
		}
		if next.IsZero() || !wake.IsZero() && wake.Before(next) {
			next = wake
		}
		d := time.Minute // clocks are set: look at least so often
		if !next.IsZero() {
			d = min(d, max(time.Millisecond, next.Sub(h.now())))
		}
		timer.Reset(d)
	}
}

// begin begins a job that is due.
func (h *Host) begin(ctx context.Context, d dueJob) {
	if err := h.late.putJob(ctx, d.job.Name, d.memo); err != nil {
		h.log.Error("when a job was due could not be noted yet", "job", d.job.Name, "error", err)
	}
	if d.job.SkipIfRunning && h.runs.ofJob(d.job.Name) {
		h.metrics.skipped(d.job.Name)
		h.schedule.leave(d.job.Name)
		h.log.Info("a due run is left out: one of the job is under way", "job", d.job.Name)
		return
	}
	if _, err := h.start(ctx, d.job.plan(d.trigger), true); err != nil {
		h.metrics.runEnd(d.job.Connector, Ended, runtime.Failed, true)
		h.log.Error("a job could not be begun", "job", d.job.Name, "error", err)
		h.events.publish("job", map[string]string{"job": d.job.Name, "error": err.Error()})
	}
}

func (s *scheduler) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byName[name]; st != nil {
		st.left++
	}
}

// find is a job of the file as it is now.
func (s *scheduler) find(name string) (*Job, jobState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byName[name]
	if st == nil {
		return nil, jobState{}, false
	}
	return st.job, *st, true
}

// list are the jobs in the order of the file.
func (s *scheduler) list() []jobState {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]jobState, len(s.jobs))
	for i, j := range s.jobs {
		out[i] = *s.byName[j.Name]
	}
	return out
}

// react does what the job says about the verdict of its run.
func (h *Host) react(s RunStatus) {
	job, _, ok := h.schedule.find(s.Job)
	if s.Job == "" || !ok {
		return
	}
	do := job.On[s.Verdict]
	m, changed := h.schedule.after(s, do, h.now())
	if changed {
		if err := h.late.putJob(context.Background(), job.Name, m); err != nil {
			h.log.Error("when a job is tried again could not be noted yet", "job", job.Name, "error", err)
		}
	}
	if !do.Webhook.IsZero() {
		h.hooks.send(do.Webhook, s)
	}
}

// after notes when the job is tried again.
func (s *scheduler) after(r RunStatus, do Reaction, now time.Time) (memo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byName[r.Job]
	if st == nil || r.Phase != Ended {
		return memo{}, false
	}
	before := st.memo
	switch {
	case do.RetryAfter > 0 && st.memo.Retries < do.Retries:
		st.memo.Retry = now.Add(do.RetryAfter)
		st.memo.Retries++
	default:
		st.memo.Retry, st.memo.Retries = time.Time{}, 0
	}
	return st.memo, st.memo != before
}
