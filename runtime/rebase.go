package runtime

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// originOf is the origin of the stream's base URL, "" without one.
func (b *bound) originOf(ctx context.Context, st *spec.Stream) (string, error) {
	if st.HTTP.BaseURL == nil {
		return "", nil
	}
	sc := &scope{job: b, config: b.config, run: b.id}
	s, err := sc.str(ctx, st.HTTP.BaseURL, nil)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "", nil // what is wrong with it is told when the client is made
	}
	return transport.OriginOf(u).String(), nil
}

// rebase moves a position that is a URL from the origin that the last run had to this run's: an API that
// is reached under another address has the same links. Positions of other origins stay what they are.
func (sr *streamRun) rebase(position json.RawMessage) json.RawMessage {
	before, now := sr.before, sr.origin
	if before == "" || now == "" || before == now || len(position) == 0 || position[0] != '"' {
		return position
	}
	send := sr.spec.Pagination.Send
	if send == nil || send.One == nil || send.One.Kind != spec.TargetURL {
		return position
	}
	rest, ok := strings.CutPrefix(text(position), before)
	if !ok || rest != "" && !strings.ContainsAny(rest[:1], "/?#") {
		return position
	}
	return quote(now + rest)
}

// rebaseState moves every position that the state holds.
func (sr *streamRun) rebaseState(st *chainState) {
	st.Position, st.Origin, st.LastToken = sr.rebase(st.Position), sr.rebase(st.Origin), sr.rebase(st.LastToken)
}
