package runtime

import (
	"context"
	"net/url"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// group finds the rate limit bucket of a stream: the one that `share` names, else that of the base
// URL's host and the auth identity, so that one API key has one bucket in the whole process.
func (b *bound) group(ctx context.Context, st *spec.Stream, base *url.URL, id string, sc *scope) (*transport.Group, error) {
	var l transport.Limit
	name := ""
	if r := st.HTTP.RateLimit; r != nil {
		l = transport.Limit{Requests: r.Requests, Per: r.Per, Burst: r.Burst, Concurrency: r.Concurrency}
		if r.Share != nil {
			s, err := sc.str(ctx, r.Share, nil)
			if err != nil {
				return nil, err
			}
			name = "share:" + s
		}
	}
	if name == "" {
		host := ""
		if base != nil {
			host = base.Host
		}
		name = host + "#" + id
	}
	return b.groups.Group(name, l), nil
}
