package main

import (
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// What a plan recommends.
const (
	adviseOneCall = "one_call"
	adviseLongRun = "long_run"
	adviseWindows = "windows"
)

// Bounds of "one call": what a function of a platform that ends it after 15 minutes does with room to
// spare (fewer than 10,000 records, all calls in less than 10 minutes).
const (
	oneCallRecords = 10_000
	oneCallTime    = 10 * time.Minute
)

// plan is what draining a stream would take. Numbers that are not known are -1.
type plan struct {
	Connector string            `json:"connector"`
	Stream    string            `json:"stream"`
	PageSize  int64             `json:"page_size"` // records of the first page
	PageBytes int64             `json:"page_bytes"`
	Total     int64             `json:"total"` // of one chain
	Chains    int64             `json:"chains"`
	Pages     int64             `json:"pages"`
	Calls     int64             `json:"calls"`
	Rate      float64           `json:"calls_per_second"` // of rate_limit; 0 without
	Seconds   float64           `json:"seconds"`
	TokenLife float64           `json:"token_life_seconds,omitempty"`
	Session   float64           `json:"session_life_seconds,omitempty"`
	Cap       int64             `json:"cap,omitempty"`
	Headers   map[string]string `json:"limit_headers,omitempty"`
	Advice    string            `json:"advice"`
	Why       []string          `json:"why"`
}

// reckon makes the plan of what was seen.
func reckon(st *spec.Stream, seen *probed) *plan {
	p := &plan{PageSize: seen.records, PageBytes: seen.bytes, Total: seen.total, Chains: -1, Pages: -1, Calls: -1, Seconds: -1,
		Cap: st.Pagination.Rules.Cap, Headers: seen.headers, TokenLife: st.Pagination.Token.TTL.Seconds()}
	if st.Session != nil {
		p.Session = st.Session.TTL.Seconds()
	}
	if seen.chains > 0 {
		p.Chains = seen.chains
	}
	switch {
	case seen.complete && seen.pages <= 1:
		p.Total, p.Pages = max(p.Total, seen.records), 1
	case p.Total >= 0 && p.PageSize > 0 && p.Chains >= 0:
		p.Pages = (p.Total + p.PageSize - 1) / p.PageSize * p.Chains
	}
	if r := st.HTTP.RateLimit; r != nil {
		p.Rate = transport.LimitOf(r).PerSecond()
	}
	if p.Pages >= 0 {
		p.calls(st, seen)
	}
	p.advise(st)
	return p
}

// calls reckons calls and time from the pages.
func (p *plan) calls(st *spec.Stream, seen *probed) {
	perPage := int64(1)
	if d := st.Details; d != nil {
		batch := int64(max(1, d.Batch))
		perPage += (p.PageSize + batch - 1) / batch
	}
	p.Calls = p.Pages * perPage
	if st.Session != nil {
		p.Calls += 2 // open and close
	}
	width := float64(max(1, st.Pagination.Rules.Parallel))
	if p.Chains > 1 {
		width *= float64(min(p.Chains, int64(max(1, st.Chains.Concurrency))))
	}
	p.Seconds = float64(p.Calls) * seen.took.Seconds() / width
	if p.Rate > 0 {
		p.Seconds = max(p.Seconds, float64(p.Calls-int64(st.HTTP.RateLimit.Burst))/p.Rate)
	}
}

// advise decides: one call or a long run?
func (p *plan) advise(st *spec.Stream) {
	say := func(format string, args ...any) { p.Why = append(p.Why, fmt.Sprintf(format, args...)) }
	windowed := false
	for _, part := range st.Partitions {
		windowed = windowed || part.Window != nil
	}
	all := p.Total * max(1, p.Chains)
	switch {
	case p.Cap > 0 && p.Total > p.Cap && !windowed:
		p.Advice = adviseWindows
		say("the API gives no more than %s of the %s records of one query: add a window partition, which is cut until each part fits", thousands(p.Cap), thousands(p.Total))
	case p.Pages < 0:
		p.Advice = adviseLongRun
		say("it is not known how much there is: plan for much")
	case all >= oneCallRecords:
		p.Advice = adviseLongRun
		say("there are %s records; up to %s fit into one call", thousands(all), thousands(oneCallRecords))
	case p.Seconds >= oneCallTime.Seconds():
		p.Advice = adviseLongRun
		say("it takes %s; what takes up to %s fits into one call", seconds(p.Seconds), durationText(oneCallTime))
	default:
		p.Advice = adviseOneCall
		say("there are fewer than %s records, and they take less than %s", thousands(oneCallRecords), durationText(oneCallTime))
	}
	if p.Chains > 1 && p.Total >= 0 {
		say("the page is one of the first of %s chains; the others are taken to be alike", thousands(p.Chains))
	}
	if p.TokenLife > 0 && p.Rate > 0 && 1/p.Rate > p.TokenLife/2 {
		say("a token lives %s, and the rate limit allows a call every %s: the fallback will be needed", seconds(p.TokenLife), seconds(1/p.Rate))
	}
	if len(p.Headers) > 0 && p.Rate == 0 {
		say("the API tells of a limit in its headers, and the connector states no rate_limit")
	}
}
