package runtime

import (
	"time"
)

// apart is a server's clock minus ours, in seconds: Date headers are no finer.
type apart int64

// sameClock is how far clocks may differ before they count as different: a Date header counts whole
// seconds, and an answer may be on its way for some.
const sameClock = 5 * time.Second

// apartBy is what a server's clock, minus ours, counts as.
func apartBy(skew time.Duration) apart {
	if skew.Abs() <= sameClock {
		return 0
	}
	return apart(skew.Round(time.Second) / time.Second)
}

func (a apart) duration() time.Duration { return time.Duration(a) * time.Second }

func (a apart) String() string {
	if a < 0 {
		return (-a.duration()).String() + " behind this one"
	}
	return a.duration().String() + " ahead of this one"
}

// clocks notes how far the server's clock is from ours, and tells once that they differ.
func (sr *streamRun) clocks(by apart) {
	sr.mu.Lock()
	tell := by != 0 && !sr.skewTold
	sr.skewTold = sr.skewTold || tell
	sr.skew = &by
	sr.mu.Unlock()
	if tell {
		sr.notice("", NoticeClockSkew, "the server's clock is "+by.String())
	}
}

// tokenEnds is when, by our clock, the token of st has lived for its ttl. In the process that got the
// token the monotonic clock counts. One that an earlier run got is as old as the server's clock says,
// when an answer of this run has told it; until then ours counts.
func (sr *streamRun) tokenEnds(st *chainState) time.Time {
	ends := st.TokenAt.Add(sr.spec.Pagination.Token.TTL)
	if st.TokenAt != st.TokenAt.Round(0) { // has a monotonic reading
		return ends
	}
	sr.mu.Lock()
	now := sr.skew
	sr.mu.Unlock()
	if now == nil {
		return ends
	}
	return ends.Add((st.TokenSkew - *now).duration())
}
