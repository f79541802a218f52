package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store/sink"
)

// errEnough ends a walk over rows.
var errEnough = errors.New("enough")

// number reads a query parameter, 0 when it is not given.
func number(r *http.Request, name string, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || most > 0 && n > most {
		want := "a whole number"
		if most > 0 {
			want = fmt.Sprintf("a whole number up to %d", most)
		}
		return 0, problem(http.StatusBadRequest, "query", name+": want "+want)
	}
	return n, nil
}

// limitOf reads `limit`, 100 unless it is given.
func limitOf(r *http.Request) (int, error) {
	n, err := number(r, "limit", 1000)
	if err == nil && n == 0 {
		n = 100
	}
	return int(n), err
}

func (h *Host) serveRuns(w http.ResponseWriter, r *http.Request) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	list, err := h.listRuns(r.Context(), q.Get("job"), q.Get("connector"), q.Get("before"), limit)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"runs": list})
	return nil
}

// listRuns lists up to limit runs that began before the one named before ("": the newest), newest first,
// of one job or connector when those are named.
func (h *Host) listRuns(ctx context.Context, job, connector, before string, limit int) ([]RunStatus, error) {
	list, err := h.late.unlisted(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(list, func(s RunStatus) bool { return s.ID == before }); i >= 0 {
		list, before = list[i+1:], ""
	} else if before != "" {
		list = nil
	}
	list = slices.DeleteFunc(list, func(s RunStatus) bool {
		return job != "" && s.Job != job || connector != "" && s.Connector != connector
	})
	list = append(make([]RunStatus, 0, limit), list[:min(len(list), limit)]...)
	err = h.book.list(ctx, job, connector, before, limit-len(list), func(s RunStatus) error {
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		if s, ok := h.live(list[i].ID); ok {
			list[i] = s
		} else if s, ok := h.late.run(list[i].ID); ok {
			list[i] = s
		}
		list[i].Report = nil
	}
	return list, nil
}

// live is a run that is not over, as it is now.
func (h *Host) live(id string) (RunStatus, bool) {
	h.runs.mu.Lock()
	r := h.runs.byID[id]
	h.runs.mu.Unlock()
	if r == nil {
		return RunStatus{}, false
	}
	return r.view(), true
}

// runRequest is the body of POST /v1/runs.
type runRequest struct {
	Connector string                     `json:"connector"`
	Streams   []string                   `json:"streams"`
	Config    map[string]json.RawMessage `json:"config"`
	To        string                     `json:"to"`
	State     string                     `json:"state"`
	Fresh     bool                       `json:"fresh"`
	MaxPages  int64                      `json:"max_pages"`
	Limit     int64                      `json:"limit"`
	Chains    int                        `json:"chains"`
	TimeLimit string                     `json:"time_limit"`
	Wait      bool                       `json:"wait"`
}

func (h *Host) serveStart(w http.ResponseWriter, r *http.Request) error {
	var in runRequest
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	p, err := h.planOf(r, &in)
	if err != nil {
		return err
	}
	s, err := h.start(r.Context(), p, in.Wait)
	if err != nil {
		return err
	}
	answer(w, http.StatusAccepted, s)
	return nil
}

// planOf checks what a caller asks for.
func (h *Host) planOf(r *http.Request, in *runRequest) (Plan, error) {
	bad := func(code, format string, args ...any) (Plan, error) {
		return Plan{}, problem(http.StatusUnprocessableEntity, code, fmt.Sprintf(format, args...))
	}
	version, err := h.Catalog.Use(in.Connector)
	if err != nil {
		return Plan{}, err
	}
	defer version.Done()
	values, err := callerValues(in.Config)
	if err != nil {
		return Plan{}, err
	}
	if msgs := checkRequest(version.Connector.Spec, in.Streams, values); len(msgs) > 0 {
		return bad("request", "%s", strings.Join(msgs, "; "))
	}
	slices.Sort(in.Streams)
	in.Streams = slices.Compact(in.Streams)
	if in.State == "" {
		in.State = in.Connector
	}
	if !jobName.MatchString(in.State) {
		return bad("state", "state: letters, digits, dot, dash and underscore, at most 100")
	}
	if in.MaxPages < 0 || in.Limit < 0 || in.Chains < 0 {
		return bad("request", "max_pages, limit and chains are whole numbers above 0")
	}
	p := Plan{Connector: in.Connector, Streams: in.Streams, Config: values, To: in.To, State: in.State, Trigger: "api", Fresh: in.Fresh,
		MaxPages: in.MaxPages, Limit: in.Limit, Chains: in.Chains}
	if in.TimeLimit != "" {
		if p.TimeLimit, err = spec.ParseDuration(in.TimeLimit); err != nil {
			return bad("time_limit", "time_limit: %v", err)
		}
	}
	if p.To, err = h.outputOf(in.To); err != nil {
		return bad("to", "to: %v", err)
	}
	if _, err := sink.New(r.Context(), in.To, sink.Options{Ledger: h.db.Path()}); err != nil { // touches nothing yet
		return bad("to", "to: %v", err)
	}
	if out, err := sink.New(r.Context(), p.To, sink.Options{Ledger: h.db.Path()}); err == nil {
		if _, what := sink.Clash(out, streamsOf(version.Connector.Spec, in.Streams), h.ownFiles(version.Connector.Spec)); what != "" {
			return bad("to", "to: %s: it is %s; name another output", in.To, what)
		}
	}
	return p, nil
}

// outputOf is the sink that a caller may write to: files inside the data folder only.
func (h *Host) outputOf(to string) (string, error) {
	kind, target, ok := strings.Cut(to, ":")
	switch {
	case to == "":
		return "", errors.New("say where records go, such as jsonl:out-{stream}.jsonl")
	case to == "-" || target == "-":
		return "", errors.New("standard output is not a caller's")
	case !ok || !slices.Contains([]string{"jsonl", "csv", "sqlite"}, kind):
		return to, nil
	}
	file, options, has := strings.Cut(target, "?")
	if file == "" || !filepath.IsLocal(filepath.FromSlash(file)) || strings.Contains(file, "%") {
		return "", errors.New("want a path inside the service's data folder, such as jsonl:out-{stream}.jsonl")
	}
	out := kind + ":" + filepath.Join(h.opt.DataFolder, filepath.FromSlash(file))
	if has {
		out += "?" + options
	}
	return out, nil
}

func (h *Host) runOf(r *http.Request) (RunStatus, error) {
	id := r.PathValue("id")
	if s, ok := h.live(id); ok {
		return s, nil
	}
	s, ok, err := h.late.find(r.Context(), id)
	if err == nil && !ok {
		err = ErrNoRun
	}
	return s, err
}

func (h *Host) serveRun(w http.ResponseWriter, r *http.Request) error {
	s, err := h.runOf(r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, s)
	return nil
}

// pageView is a page of a run's journal.
type pageView struct {
	Chain    string          `json:"chain,omitempty"`
	Page     int64           `json:"page"`
	At       time.Time       `json:"at"`
	Position json.RawMessage `json:"position,omitempty"` // shortened, secrets removed
	Status   int             `json:"status"`
	Records  int             `json:"records"`
	New      int             `json:"new"`
	Bytes    int64           `json:"bytes"`
	Millis   int64           `json:"milliseconds"`
	Attempts int             `json:"attempts"`
	Retries  json.RawMessage `json:"retries,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
	Verdict  string          `json:"verdict"`
	Events   json.RawMessage `json:"events,omitempty"`
}

func (h *Host) servePages(w http.ResponseWriter, r *http.Request) error {
	s, err := h.runOf(r)
	if err != nil {
		return err
	}
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	after, err := number(r, "after", 0)
	if err != nil {
		return err
	}
	stream := r.URL.Query().Get("stream")
	if stream == "" {
		if len(s.Streams) != 1 {
			return problem(http.StatusBadRequest, "query", "stream: name one")
		}
		stream = s.Streams[0]
	}
	list := []pageView{}
	n := int64(0)
	key := engine.StreamKey{Connector: s.State, Stream: stream}
	round, err := h.db.Round(r.Context(), key)
	if err != nil {
		return err
	}
	err = h.db.Pages(r.Context(), key, s.ID, func(e engine.PageEntry) error {
		if n++; n <= after {
			return nil
		}
		list = append(list, pageView{runtime.ShownChain(round, e.Chain), e.Page, e.At, e.Position, e.Status, e.Records, e.New, e.Bytes, e.Millis, e.Attempts, e.Retries, e.Evidence, e.Verdict, e.Events})
		if len(list) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"stream": stream, "pages": list})
	return nil
}

func (h *Host) serveCancel(w http.ResponseWriter, r *http.Request) error {
	return told(w)(h.command(r.Context(), r.PathValue("id"), orderCancel))
}

func (h *Host) servePause(w http.ResponseWriter, r *http.Request) error {
	return told(w)(h.command(r.Context(), r.PathValue("id"), orderPause))
}

func (h *Host) serveResume(w http.ResponseWriter, r *http.Request) error {
	return told(w)(h.resume(r.Context(), r.PathValue("id")))
}

// told answers an order with the run as it is now.
func told(w http.ResponseWriter) func(RunStatus, error) error {
	return func(s RunStatus, err error) error {
		if err == nil {
			answer(w, http.StatusAccepted, s)
		}
		return err
	}
}
