package demo

import (
	"net/http"
	"strconv"
	"time"
)

const groupJob = "Export jobs"

var exportEndpoints = []endpoint{
	{Method: "POST", Path: "/export", Group: groupJob, Example: "-X POST '/export?chunk=200&polls=3'",
		Doc: "starts an export of everything as it is now: {\"export_uuid\"}. chunk says how many records a chunk has (500), polls how many looks at the status it takes to finish (3).", serve: (*call).submit},
	{Method: "GET", Path: "/export/{job}/status", Group: groupJob, Example: "/export/job-000001/status",
		Doc: "status QUEUED, PROCESSING, then FINISHED (fault=jobfail: ERROR), chunks_available (grows while it works), total_chunks, total_records, progress in percent; retry_after=1 sends that header", serve: (*call).status},
	{Method: "GET", Path: "/export/{job}/chunks/{chunk}", Group: groupJob, Example: "/export/job-000001/chunks/1",
		Doc: "one chunk, a bare array; chunks may be fetched in any order", serve: (*call).chunk},
	{Method: "DELETE", Path: "/export/{job}", Group: groupJob, Example: "-X DELETE /export/job-000001", Doc: "ends the job", serve: (*call).cancelJob},
}

func (c *call) submit() {
	size, polls := 500, 3
	err := c.integer("chunk", &size, 1, maxRecords)
	if err == nil {
		err = c.integer("polls", &polls, 1, 1000)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	if !c.gate(c.number, false) {
		return
	}
	id, s := c.open("job", time.Hour)
	c.world.mu.Lock()
	s.chunk, s.needed = size, polls
	c.world.mu.Unlock()
	c.reply(http.StatusOK, object{{"export_uuid", id}})
}

// job finds the job of the path, or answers 404.
func (c *call) job() (*session, bool) {
	id := c.r.PathValue("job")
	missing := func() { c.problem(http.StatusNotFound, "no export "+id) }
	s := c.world.find("job", id)
	if s == nil {
		missing()
		return nil, false
	}
	c.lose = func() { c.world.shut(id); missing() }
	return s, true
}

func (c *call) status() {
	s, ok := c.job()
	if !ok || !c.gate(c.number, false) {
		return
	}
	c.world.mu.Lock()
	s.polls++
	polls, needed := s.polls, s.needed
	c.world.mu.Unlock()
	whole := (len(s.view) + s.chunk - 1) / s.chunk
	ready := whole * min(max(polls-1, 0), needed) / needed
	state := "PROCESSING"
	switch {
	case polls >= needed:
		state, ready = "FINISHED", whole
	case polls == 1:
		state = "QUEUED"
	}
	if _, bad := c.strikes("jobfail"); bad {
		state = "ERROR"
	}
	chunks := make([]int, ready)
	for i := range chunks {
		chunks[i] = i + 1
	}
	if v := c.param("retry_after"); v != "" && state != "FINISHED" {
		c.w.Header().Set("Retry-After", v)
	}
	c.reply(http.StatusOK, object{
		{"uuid", c.r.PathValue("job")}, {"status", state}, {"chunks_available", chunks}, {"chunks_failed", []int{}},
		{"total_chunks", whole}, {"total_records", len(s.view)}, {"progress", 100 * min(polls, needed) / needed},
	})
}

func (c *call) chunk() {
	s, ok := c.job()
	if !ok {
		return
	}
	n, err := strconv.Atoi(c.r.PathValue("chunk"))
	whole := (len(s.view) + s.chunk - 1) / s.chunk
	if err != nil || n < 1 || n > whole {
		c.problem(http.StatusNotFound, "no chunk "+c.r.PathValue("chunk"))
		return
	}
	if !c.gate(n, n == whole) {
		return
	}
	recs := s.view[(n-1)*s.chunk : min(n*s.chunk, len(s.view))]
	c.world.log.add(&c.world.log.s.Records, len(recs))
	c.w.Header().Set("X-Total-Count", strconv.Itoa(len(recs)))
	c.reply(http.StatusOK, recs)
}

func (c *call) cancelJob() {
	s, ok := c.job()
	if ok && s != nil && c.gate(c.number, false) {
		c.world.shut(c.r.PathValue("job"))
		c.send(http.StatusNoContent, "application/json", nil)
	}
}
