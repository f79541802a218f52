package auth

import (
	"context"
	"net/http"
	"sync/atomic"
)

// renewed is a Scheme whose credential comes from a source.
type renewed struct {
	fetcher
	identity string
	env      *Env
	source   *source
	told     atomic.Uint64 // grant that AddSecret has been told
	put      func(ctx context.Context, r *http.Request, body []byte, value string) ([]byte, error)
}

func newRenewed(id string, env *Env, f fetcher) *renewed {
	return &renewed{fetcher: f, identity: id, env: env, source: env.Tokens.source(id, env.Connector), put: putAuthorization}
}

// putAuthorization sends value as the Authorization header.
func putAuthorization(_ context.Context, r *http.Request, body []byte, value string) ([]byte, error) {
	r.Header.Set("Authorization", value)
	return body, nil
}

func (s *renewed) Apply(ctx context.Context, r *http.Request, body []byte) ([]byte, uint64, error) {
	g, err := s.source.get(ctx, s.fetcher)
	if err != nil {
		return nil, 0, err
	}
	if s.told.Swap(g.id) != g.id {
		tell(s.env, g.value)
	}
	if body, err = s.put(ctx, r, body, g.value); err != nil {
		s.source.settle(g.id, false)
		return nil, 0, err
	}
	return body, g.id, nil
}

func (s *renewed) Refused(ctx context.Context, grant uint64, inARow, renewals int) (bool, bool, error) {
	return s.source.refused(ctx, s.fetcher, grant, inARow, renewals)
}

func (s *renewed) Settled(grant uint64, accepted bool) { s.source.settle(grant, accepted) }

func (s *renewed) Identity() string { return s.identity }
