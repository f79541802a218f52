package runtime

import (
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// exchanges tells the job of every HTTP exchange of a stream, and of an attempt that is repeated as
// an EventRetry; nil when nobody looks.
func (b *bound) exchanges(st *spec.Stream) func(*transport.Exchange) {
	told := b.job.Exchange
	if told != nil && st.Pagination.Token.Secret {
		told = func(x *transport.Exchange) {
			if !b.held.hold(x, b.job.Exchange) {
				b.job.Exchange(x)
			}
		}
	}
	if b.job.Observe == nil {
		return told
	}
	return func(x *transport.Exchange) {
		if told != nil {
			told(x)
		}
		limit := st.HTTP.Retry.MaxWait
		if x.Wait > 0 && !x.Redirect && (limit == 0 || x.Wait <= limit) { // a longer wait parks the chain
			b.tell(Event{Kind: EventRetry, Stream: st.Name, Chain: strings.TrimPrefix(x.Chain, st.Name+" "), Name: x.Reason, Detail: x.Detail, Wait: x.Wait})
		}
	}
}
