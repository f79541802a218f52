package engine

// Kind is what becomes of a chain after a page.
type Kind uint8

const (
	Continue  Kind = iota // ask for the page at Next.Position
	End                   // the chain has ended, and no witness contradicts it
	Recover               // the page left a doubt; Next is the fallback's position
	Doubt                 // the page left a doubt and no fallback is left: incomplete
	Truncated             // the API refuses to go further (cap)
	Probing               // the end has one witness only; Next asks once more to confirm it
)

func (k Kind) String() string {
	return [...]string{"continue", "end", "recover", "incomplete", "truncated", "probe"}[k]
}

// Stable codes: why a chain did not end cleanly. They are the `reason` of a report.
const (
	CodeNextTokenMissing = "next_token_missing" // the token is absent although the walk is not over
	CodeShortOfTotal     = "short_of_total"     // the decider says end, a count says more
	CodeCycle            = "cycle"              // a token or URL came a second time
	CodeTokenMalformed   = "token_malformed"    // token.match refused it, or no request can carry it
	CodeTokenExpired     = "token_expired"      // too old, or refused as expired
	CodeStalled          = "stalled"            // too many empty or identical pages in a row
	CodeTimestampFull    = "timestamp_full"     // one timestamp fills a page
	CodePageRepeated     = "page_repeated"      // another position was answered with the same page
	CodeCap              = "cap"                // the API refuses offsets beyond its cap
)

// Attestation is how well a clean end is attested.
type Attestation string

const (
	Proved    Attestation = "proved"    // the count equals an exact total
	Confirmed Attestation = "confirmed" // two or more witnesses agree
	Assumed   Attestation = "assumed"   // one witness
)

// Worse returns the weaker of two attestations; "" counts as none.
func (a Attestation) Worse(b Attestation) Attestation {
	rank := map[Attestation]int{"": 3, Proved: 2, Confirmed: 1, Assumed: 0}
	if rank[b] < rank[a] {
		return b
	}
	return a
}

// Verdict is what a page means for its chain.
type Verdict struct {
	Kind     Kind
	Code     string // a Code… constant with Recover, Doubt and Truncated, else "continue" or "end"
	Detail   string // one clause for people: what contradicted what
	Decider  string // the witness that decided
	Attested Attestation
	Evidence []Witness
	Events   []Event
	Drop     bool  // the page repeats an earlier one: its records are not delivered
	Next     State // becomes the chain's state once the page is committed
}

// Event is something worth counting that a step noticed. Names are stable.
type Event struct {
	Name   string
	Detail string
}

// Names of the events that the engine notices.
const (
	EventNextTokenMissing = "next_token_missing"        // in mid-walk: another witness says more
	EventTokenAbsentAtEnd = "next_token_missing_at_end" // the ordinary end of a token chain
	EventTokenRepeated    = "token_repeated"
	EventTokenMalformed   = "token_malformed"
	EventTokenExpired     = "token_expired"
	EventFlagDisagrees    = "flag_disagrees"
	EventTotalChanged     = "total_changed"
	EventTotalExceeded    = "total_exceeded"
	EventEmptyPage        = "empty_page"
	EventPageRepeated     = "page_repeated"
	EventRecovered        = "recovered"
)
