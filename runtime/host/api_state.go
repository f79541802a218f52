package host

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/lastpage/lastpage/engine"
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
	round, err := h.db.Round(r.Context(), key)
	if err != nil {
		return err
	}
	list := []chainView{}
	err = h.db.Progress(r.Context(), key, func(p store.Progress) error {
		if p.Ordinal <= after {
			return nil
		}
		v, err := h.viewChain(r.Context(), key, &p, hidden)
		if err != nil {
			return err
		}
		v.Chain = runtime.ShownChain(round, v.Chain)
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
