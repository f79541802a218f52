package host

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/script"
)

// Problem is an answer that is none: RFC 9457, application/problem+json.
type Problem struct {
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Code     string   `json:"code"` // stable
	Detail   string   `json:"detail,omitempty"`
	Problems []string `json:"problems,omitempty"` // each with its place, where there are several
	Verdict  string   `json:"verdict,omitempty"`  // of a step that did not read its page
	Reason   string   `json:"reason,omitempty"`
	Until    string   `json:"until,omitempty"` // when to come back, RFC 3339

	retry time.Duration // Retry-After
}

func (p *Problem) Error() string { return p.Detail }

// problem makes one.
func problem(status int, code, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// write sends the problem.
func (p *Problem) write(w http.ResponseWriter) {
	b, err := json.Marshal(p)
	if err != nil {
		b = []byte(`{"title":"Internal Server Error","status":500,"code":"internal"}`)
	}
	head := w.Header()
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	if p.retry > 0 {
		head.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(b, '\n'))
}

// problemOf turns an error into what the caller is told. Errors that nobody has thought of are logged
// and not shown.
func (h *Host) problemOf(err error) *Problem {
	var p *Problem
	var unknown *catalog.UnknownError
	var version *catalog.VersionError
	var held *engine.HeldError
	var config *runtime.ConfigError
	var argument *runtime.ArgumentError
	var file spec.Errors
	var one *spec.Error
	var scripts script.Errors
	var run *runtime.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &unknown):
		if unknown.Problem != nil {
			p := problem(http.StatusConflict, "connector_unusable", "connector "+unknown.Name+" cannot be used: its file has problems")
			p.Problems = catalog.Problems(unknown.Problem)
			return p
		}
		return problem(http.StatusNotFound, "no_connector", err.Error())
	case errors.As(err, &version):
		return problem(http.StatusNotFound, "no_version", err.Error())
	case errors.As(err, &held):
		return problem(http.StatusConflict, "held", err.Error())
	case errors.As(err, &config):
		return problem(http.StatusUnprocessableEntity, "config", err.Error())
	case errors.As(err, &argument):
		return problem(http.StatusUnprocessableEntity, argument.Name, err.Error())
	case errors.As(err, &file), errors.As(err, &one), errors.As(err, &scripts):
		return problem(http.StatusUnprocessableEntity, "connector", err.Error())
	case errors.As(err, &run):
		return problem(http.StatusUnprocessableEntity, run.Code, err.Error())
	case errors.Is(err, ErrNoRun):
		return problem(http.StatusNotFound, "no_run", err.Error())
	case errors.Is(err, ErrOver):
		return problem(http.StatusConflict, "run_over", err.Error())
	case errors.Is(err, ErrPhase):
		return problem(http.StatusConflict, "run_phase", err.Error())
	case errors.Is(err, ErrBusy):
		return problem(http.StatusConflict, "streams_busy", err.Error()+"; wait for it, or send \"wait\": true")
	case errors.Is(err, ErrFull):
		p := problem(http.StatusServiceUnavailable, "too_many_runs", err.Error())
		p.retry = time.Minute
		return p
	case errors.Is(err, ErrEnding), errors.Is(err, catalog.ErrClosed):
		p := problem(http.StatusServiceUnavailable, "ending", ErrEnding.Error())
		p.retry = 5 * time.Second
		return p
	}
	h.log.Error("an API call went wrong", "error", err)
	return problem(http.StatusInternalServerError, "internal", "something went wrong that is no fault of the call; the log says what")
}
