package host

import (
	"net/http"
	"time"
)

// jobView is a job as callers see it: of its config the names alone, of webhooks nothing.
type jobView struct {
	Name          string    `json:"name"`
	Connector     string    `json:"connector"`
	Streams       []string  `json:"streams,omitempty"`
	Config        []string  `json:"config,omitempty"`
	State         string    `json:"state"`
	Schedule      string    `json:"schedule,omitempty"`
	Enabled       bool      `json:"enabled"`
	SkipIfRunning bool      `json:"skip_if_running"`
	Due           time.Time `json:"due,omitzero"`   // when it was due last
	Next          time.Time `json:"next,omitzero"`  // when it is due next
	Retry         time.Time `json:"retry,omitzero"` // when it is tried again
	Skipped       int64     `json:"skipped"`        // due times that were left out since the service began
	Open          []string  `json:"open"`           // ids of its runs that are not over
}

func (h *Host) viewJob(st jobState) jobView {
	j := st.job
	v := jobView{Name: j.Name, Connector: j.Connector, Streams: j.Streams, State: j.State, Enabled: j.Enabled, SkipIfRunning: j.SkipIfRunning,
		Due: st.memo.Due, Retry: st.memo.Retry, Skipped: st.left, Open: []string{}}
	if j.Schedule != nil {
		v.Schedule = j.Schedule.Text
		if j.Enabled {
			v.Next = st.next.UTC()
		}
	}
	v.Config = sortedNames(j.Config)
	h.runs.mu.Lock()
	defer h.runs.mu.Unlock()
	for id, r := range h.runs.byID {
		if r.plan.Job == j.Name {
			v.Open = append(v.Open, id)
		}
	}
	return v
}

func (h *Host) serveJobs(w http.ResponseWriter, _ *http.Request) error {
	list := []jobView{}
	for _, st := range h.schedule.list() {
		list = append(list, h.viewJob(st))
	}
	h.jobsFile.mu.Lock()
	file := map[string]any{"path": h.opt.Jobs, "problems": problems(h.jobsFile.problem)}
	if !h.jobsFile.loaded.IsZero() {
		file["loaded"] = h.jobsFile.loaded
	}
	h.jobsFile.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"jobs": list, "file": file})
	return nil
}

func (h *Host) serveJob(w http.ResponseWriter, r *http.Request) error {
	_, st, err := h.jobOf(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, h.viewJob(st))
	return nil
}

func (h *Host) jobOf(r *http.Request) (*Job, jobState, error) {
	name := r.PathValue("name")
	j, st, ok := h.schedule.find(name)
	if !ok {
		return nil, st, problem(http.StatusNotFound, "no_job", "there is no job "+name)
	}
	return j, st, nil
}

func (h *Host) serveJobRun(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Fresh bool `json:"fresh"`
		Wait  bool `json:"wait"`
	}
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	j, _, err := h.jobOf(r)
	if err != nil {
		return err
	}
	p := j.plan("api")
	p.Fresh = in.Fresh
	s, err := h.start(r.Context(), p, in.Wait)
	if err != nil {
		return err
	}
	answer(w, http.StatusAccepted, s)
	return nil
}
