package host

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// stateView is what is stored of one stream, in short.
type stateView struct {
	State   string    `json:"state"`
	Stream  string    `json:"stream"`
	Round   int64     `json:"round"`
	Open    bool      `json:"open"` // a walk is under way
	Chains  int64     `json:"chains"`
	Done    int64     `json:"done"`
	Pages   int64     `json:"pages"`
	Records int64     `json:"records"`
	Marks   int64     `json:"bookmarks"`
	Since   time.Time `json:"since,omitzero"` // when the walk began
	Held    string    `json:"held,omitempty"` // who is running it
}

func viewState(s *store.Stream) stateView {
	v := stateView{State: s.Connector, Stream: s.StreamKey.Stream, Round: s.Round.Number, Open: s.Round.Open, Chains: s.Chains, Done: s.Done,
		Pages: s.Pages, Records: s.Records, Marks: s.Bookmarks, Since: s.Round.Now}
	if s.Held != nil {
		v.Held = s.Held.Error()
	}
	return v
}

func (h *Host) serveStates(w http.ResponseWriter, r *http.Request) error {
	return h.listStates(w, r, "")
}

func (h *Host) serveState(w http.ResponseWriter, r *http.Request) error {
	return h.listStates(w, r, r.PathValue("state"))
}

func (h *Host) listStates(w http.ResponseWriter, r *http.Request, state string) error {
	streams, err := h.db.Streams(r.Context(), state)
	if err != nil {
		return err
	}
	if state != "" && len(streams) == 0 {
		return noState(state)
	}
	list := make([]stateView, len(streams))
	for i := range streams {
		list[i] = viewState(&streams[i])
	}
	answer(w, http.StatusOK, map[string]any{"streams": list})
	return nil
}

func noState(name string) *Problem {
	return problem(http.StatusNotFound, "no_state", "nothing is stored for "+name)
}

// stored checks that something is stored of a stream.
func (h *Host) stored(ctx context.Context, key engine.StreamKey) error {
	streams, err := h.db.Streams(ctx, key.Connector)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(streams, func(s store.Stream) bool { return s.StreamKey == key }) {
		return noState(key.Connector + "/" + key.Stream)
	}
	return nil
}

// chainView is one chain of a stream.
type chainView struct {
	Chain     string          `json:"chain"` // "" without partitions
	Ordinal   int64           `json:"ordinal"`
	Done      bool            `json:"done"`
	Position  json.RawMessage `json:"position,omitempty"`
	Watermark json.RawMessage `json:"watermark,omitempty"`
	Kept      json.RawMessage `json:"kept,omitempty"`
	Pages     int64           `json:"pages"`
	Records   int64           `json:"records"`
	Verdict   string          `json:"verdict,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Updated   time.Time       `json:"updated,omitzero"`
}

func (h *Host) serveChains(w http.ResponseWriter, r *http.Request) error {
	key := engine.StreamKey{Connector: r.PathValue("state"), Stream: r.PathValue("stream")}
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	after, err := number(r, "after", 0)
	if err != nil {
		return err
	}
	if err := h.stored(r.Context(), key); err != nil {
		return err
	}
	hidden := h.hidden(key)
	list := []chainView{}
	err = h.db.Progress(r.Context(), key, func(p store.Progress) error {
		if p.Ordinal <= after {
			return nil
		}
		v, err := h.viewChain(r.Context(), key, &p, hidden)
		if err != nil {
			return err
		}
		if list = append(list, v); len(list) == limit {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"state": key.Connector, "stream": key.Stream, "chains": list})
	return nil
}

// hidden reports whether positions of the stream are secret, or may be for all that is known.
func (h *Host) hidden(key engine.StreamKey) bool {
	c, done, err := h.connectorOf(key.Connector)
	if err != nil {
		return true
	}
	defer done()
	st := c.Spec.Stream(key.Stream)
	return st == nil || st.Pagination.Token.Secret
}

func (h *Host) viewChain(ctx context.Context, key engine.StreamKey, p *store.Progress, hidden bool) (chainView, error) {
	at, err := runtime.ReadCheckpoint(p.State)
	if err != nil {
		return chainView{}, err
	}
	base, err := runtime.ChainBase(p.Key)
	if err != nil {
		return chainView{}, err
	}
	mark, err := h.db.Bookmark(ctx, key, base)
	if err != nil {
		return chainView{}, err
	}
	v := chainView{Chain: p.Key, Ordinal: p.Ordinal, Done: p.Done, Position: at.Position, Watermark: mark.Watermark, Kept: mark.Kept,
		Pages: p.Pages, Records: p.Records, Verdict: p.Verdict, Reason: p.Reason, Updated: p.Updated}
	if p.Done {
		v.Position = nil
	}
	if v.Watermark == nil {
		v.Watermark = at.Watermark
	}
	if hidden {
		for _, f := range []*json.RawMessage{&v.Position, &v.Kept} {
			if *f != nil {
				*f = json.RawMessage(`"***"`)
			}
		}
	}
	return v, nil
}

// connectorOf is the connector whose checkpoints are kept under a name; done gives it back.
func (h *Host) connectorOf(state string) (c *runtime.Connector, done func(), err error) {
	name := state
	if j := h.jobOfState(state); j != nil {
		name = j.Connector
	}
	v, err := h.Catalog.Use(name)
	if err != nil {
		return nil, nil, err
	}
	return v.Connector, v.Done, nil
}

// jobOfState is a job that keeps its checkpoints under a name, nil when none does.
func (h *Host) jobOfState(state string) *Job {
	for _, st := range h.schedule.list() {
		if st.job.State == state {
			return st.job
		}
	}
	return nil
}

// resetRequest is the body of POST /v1/reset.
type resetRequest struct {
	Connector string `json:"connector"`
	Stream    string `json:"stream"`
	State     string `json:"state"`
}

func (h *Host) serveReset(w http.ResponseWriter, r *http.Request) error {
	var in resetRequest
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	if in.State == "" {
		in.State = in.Connector
	}
	streams, err := h.db.Streams(r.Context(), in.State)
	if err != nil {
		return err
	}
	list := []string{}
	for _, s := range streams {
		if in.State == "" || in.Stream != "" && s.StreamKey.Stream != in.Stream {
			continue
		}
		if err := h.db.Reset(r.Context(), s.StreamKey); err != nil {
			return err
		}
		list = append(list, s.StreamKey.Stream)
	}
	if len(list) == 0 { // nothing is stored: that is no fault where there could be
		v, err := h.Catalog.Use(in.Connector)
		if err != nil {
			return err
		}
		defer v.Done()
		if in.Stream != "" && v.Connector.Spec.Stream(in.Stream) == nil {
			return problem(http.StatusNotFound, "no_stream", unknown("stream "+in.Stream, in.Stream, streamsOf(v.Connector.Spec, nil), "connector "+in.Connector+" has"))
		}
	}
	answer(w, http.StatusOK, map[string]any{"state": in.State, "streams": list})
	return nil
}

func (h *Host) serveForget(w http.ResponseWriter, r *http.Request) error {
	key := engine.StreamKey{Connector: r.PathValue("state"), Stream: r.PathValue("stream")}
	if err := h.stored(r.Context(), key); err != nil {
		return err
	}
	if q := r.URL.Query(); q.Has("chain") {
		chain, err := h.chainOf(r.Context(), key, q.Get("chain"))
		if err != nil {
			return err
		}
		base, err := runtime.ChainBase(chain)
		if err != nil {
			return err
		}
		if err := h.db.ResetChain(r.Context(), key, chain, &base); err != nil {
			return err
		}
	} else if err := h.db.Reset(r.Context(), key); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"state": key.Connector, "streams": []string{key.Stream}})
	return nil
}

// chainOf checks that a chain is listed.
func (h *Host) chainOf(ctx context.Context, key engine.StreamKey, chain string) (string, error) {
	_, ok, err := h.db.Chain(ctx, key, chain)
	if err == nil && !ok {
		err = problem(http.StatusNotFound, "no_chain", "stream "+key.Stream+" has no such chain")
	}
	return chain, err
}

// setRequest is the body of PUT /v1/state/{state}/{stream}: one of position, watermark and kept.
type setRequest struct {
	Chain     *string         `json:"chain"`
	Position  json.RawMessage `json:"position"`
	Watermark json.RawMessage `json:"watermark"`
	Kept      json.RawMessage `json:"kept"`
}

func (h *Host) serveSet(w http.ResponseWriter, r *http.Request) error {
	var in setRequest
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	given := 0
	for _, v := range []*json.RawMessage{&in.Position, &in.Watermark, &in.Kept} {
		if string(*v) == "null" {
			*v = nil
		} else if *v != nil {
			given++
		}
	}
	if given != 1 {
		return problem(http.StatusUnprocessableEntity, "request", "want one of position, watermark and kept")
	}
	key := engine.StreamKey{Connector: r.PathValue("state"), Stream: r.PathValue("stream")}
	c, done, err := h.connectorOf(key.Connector)
	if err != nil {
		return err
	}
	defer done()
	st := c.Spec.Stream(key.Stream)
	if st == nil {
		return problem(http.StatusNotFound, "no_stream", unknown("stream "+key.Stream, key.Stream, streamsOf(c.Spec, nil), "connector "+c.Spec.Name+" has"))
	}
	var chain string
	if in.Position != nil {
		chain, err = h.setPosition(r.Context(), key, c, st, &in)
	} else {
		chain, err = h.setBookmark(r.Context(), key, st, &in)
	}
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"state": key.Connector, "stream": key.Stream, "chain": chain})
	return nil
}

func unfit(err error) *Problem {
	return problem(http.StatusUnprocessableEntity, "value", err.Error())
}

func (h *Host) setPosition(ctx context.Context, key engine.StreamKey, c *runtime.Connector, st *spec.Stream, in *setRequest) (string, error) {
	if err := runtime.CheckPosition(st, in.Position); err != nil {
		return "", unfit(err)
	}
	round, err := h.db.Round(ctx, key)
	if err != nil {
		return "", err
	}
	if round.Number == 0 {
		if round, err = h.beginRound(ctx, key, c, st); err != nil {
			return "", err
		}
	}
	chain, err := h.onlyChain(ctx, key, in.Chain)
	if err != nil {
		return "", err
	}
	row, _, err := h.db.Chain(ctx, key, chain)
	if err != nil {
		return "", err
	}
	state, err := runtime.MoveCheckpoint(row.State, runtime.RoundFingerprint(round), in.Position)
	if err != nil {
		return "", err
	}
	return chain, h.db.SetState(ctx, key, chain, state)
}

// onlyChain is the chain that is named, or the stream's only one.
func (h *Host) onlyChain(ctx context.Context, key engine.StreamKey, named *string) (string, error) {
	if named != nil {
		return h.chainOf(ctx, key, *named)
	}
	list, err := h.db.Chains(ctx, key, 0, 2, false)
	switch {
	case err != nil:
		return "", err
	case len(list) == 0:
		return "", problem(http.StatusConflict, "no_chain", "stream "+key.Stream+" has no chains yet; run it first")
	case len(list) > 1:
		return "", problem(http.StatusUnprocessableEntity, "chain", "stream "+key.Stream+" has several chains; name one as `chain`")
	}
	return list[0].Key, nil
}

// beginRound begins the first walk of a stream that has never been run: with one chain.
func (h *Host) beginRound(ctx context.Context, key engine.StreamKey, c *runtime.Connector, st *spec.Stream) (engine.Round, error) {
	if len(st.Partitions) > 0 {
		return engine.Round{}, problem(http.StatusConflict, "no_chain", "stream "+st.Name+" has partitions and has never been run: its chains are not known yet; run it first")
	}
	job := &runtime.Job{Connector: c, Env: os.LookupEnv, Script: h.opt.Script}
	if j := h.jobOfState(key.Connector); j != nil {
		var err error
		if job.Set, job.Config, err = j.Config.resolve(os.LookupEnv); err != nil {
			return engine.Round{}, err
		}
	}
	now := h.now()
	fp, err := runtime.Fingerprint(ctx, job, st.Name)
	if err != nil {
		return engine.Round{}, err
	}
	lease, err := h.db.Acquire(ctx, key, h.owner)
	if err != nil {
		return engine.Round{}, err
	}
	round := runtime.BeginRound(fp, now)
	if err = h.db.PutRound(ctx, lease, round); err == nil {
		err = h.db.AddChains(ctx, lease, []engine.Chain{{Ordinal: 1}})
	}
	return round, errors.Join(err, h.db.Release(ctx, lease))
}

// setBookmark moves the watermark or the kept position, which the next walk begins with. A walk that
// is under way without windows is given up for it.
func (h *Host) setBookmark(ctx context.Context, key engine.StreamKey, st *spec.Stream, in *setRequest) (string, error) {
	value, check := in.Watermark, runtime.CheckWatermark
	if in.Kept != nil {
		value, check = in.Kept, runtime.CheckPosition
	}
	if err := check(st, value); err != nil {
		return "", unfit(err)
	}
	base, open, err := h.baseOf(ctx, key, in.Chain)
	if err != nil {
		return "", err
	}
	mark, err := h.db.Bookmark(ctx, key, base)
	if err != nil {
		return "", err
	}
	mark.Base, mark.Updated, mark.Recent = base, h.now(), nil
	if in.Kept != nil {
		mark.Kept = value
	} else {
		mark.Watermark = value
	}
	if err := h.db.SetBookmark(ctx, key, mark); err != nil {
		return "", err
	}
	for _, chain := range open {
		if err := h.db.ResetChain(ctx, key, chain, nil); err != nil {
			return "", err
		}
	}
	return base, nil
}

// baseOf is the bookmark that a chain belongs to, and the chains of it whose walk is given up when it
// moves.
func (h *Host) baseOf(ctx context.Context, key engine.StreamKey, named *string) (base string, open []string, err error) {
	want := ""
	if named != nil {
		if want, err = runtime.ChainBase(*named); err != nil {
			return "", nil, problem(http.StatusUnprocessableEntity, "chain", "chain: "+err.Error())
		}
	}
	bases := map[string]bool{}
	windows := false
	err = h.db.Progress(ctx, key, func(p store.Progress) error {
		b, err := runtime.ChainBase(p.Key)
		if err != nil {
			return err
		}
		if base == "" {
			base = b
		}
		bases[b] = true
		windows = windows || b != p.Key
		if !p.Done && p.State != nil && (named == nil || b == want) {
			open = append(open, p.Key)
		}
		return nil
	})
	if windows {
		open = nil
	}
	switch {
	case err != nil:
		return "", nil, err
	case named != nil && len(bases) > 0 && !bases[want]:
		return "", nil, problem(http.StatusNotFound, "no_chain", "stream "+key.Stream+" has no such chain")
	case named != nil:
		return want, open, nil
	case len(bases) > 1:
		return "", nil, problem(http.StatusUnprocessableEntity, "chain", "stream "+key.Stream+" has several chains; name one as `chain`")
	}
	return base, open, nil
}
