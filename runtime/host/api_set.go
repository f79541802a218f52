package host

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

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
	lease, err := h.late.acquire(ctx, key, h.owner)
	if err != nil {
		return engine.Round{}, err
	}
	round := runtime.BeginRound(fp, now)
	if err = h.db.PutRound(ctx, lease, round); err == nil {
		err = h.db.AddChains(ctx, lease, []engine.Chain{{Ordinal: 1}})
	}
	return round, errors.Join(err, h.late.release(ctx, lease))
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
	mark.Base, mark.Updated, mark.Recent, mark.Asked = base, h.now(), nil, nil
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
