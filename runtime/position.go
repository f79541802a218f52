package runtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// CheckPosition says what is wrong with a position of the stream that a person has given, nil when
// the stream's pattern can go on from it.
func CheckPosition(st *spec.Stream, position json.RawMessage) error {
	bad := func(want string) error {
		return fmt.Errorf("the position %s does not fit stream %s, which pages by %s; want %s", shown(position), st.Name, st.Pagination.Rules.Type, want)
	}
	one := st.Pagination.Send
	switch st.Pagination.Rules.Type {
	case engine.None:
		return fmt.Errorf("stream %s is one page and has no position", st.Name)
	case engine.Offset, engine.PageNumber:
		if n, err := strconv.ParseInt(string(digits(position)), 10, 64); err != nil || n < 0 {
			return bad("a whole number")
		}
	case engine.Link:
		u, err := url.Parse(text(position))
		if rawjson.Kind(position) != '"' || err != nil || u.Scheme != "" && u.Host == "" {
			return bad(`a URL, such as "https://host/path?page=2"`)
		}
	case engine.Timestamp:
		if k := rawjson.Kind(position); k != '"' && k != '0' {
			return bad("a time, as the API writes it")
		}
	default:
		if one != nil && one.One != nil && one.One.Kind == spec.TargetQueryAll && rawjson.Kind(position) != '{' {
			return bad("an object, whose fields become parameters")
		}
	}
	return nil
}

// CheckWatermark says what is wrong with a watermark of the stream that a person has given.
func CheckWatermark(st *spec.Stream, watermark json.RawMessage) error {
	if st.Incremental == nil {
		return fmt.Errorf("stream %s is not incremental: it has no watermark", st.Name)
	}
	if k := newWatermarkKind(st.Incremental); !k.valid(watermark) {
		want := "a " + k.typ
		if k.typ == "time" {
			want = `a time, such as "2026-01-31T00:00:00Z"`
		}
		return fmt.Errorf("the watermark %s does not fit stream %s; want %s", shown(watermark), st.Name, want)
	}
	return nil
}

// A position that one page hands to the next is the API's own wherever that says all. Where the walk
// knows more than the API (a hook's memo, an open session, how far a page was delivered) it is an
// object with the member `$state`.
const (
	stateMember = "$state"
	keysMember  = "$keys"
	keysKept    = 4096 // keys that travel with a position, the newest
	keysNear    = 1024 // of them, where they tell records apart that neighbouring pages share and nothing else
)

// envelope is a position with what the walk knows beside it.
type envelope struct {
	State *chainState `json:"$state"`
	Keys  []byte      `json:"$keys,omitempty"` // 8 bytes each, little-endian
}

// openEnvelope reads a position; nil when it is the API's own.
func openEnvelope(position json.RawMessage) (*envelope, error) {
	if rawjson.Kind(position) != '{' || !bytes.Contains(position, []byte(stateMember)) {
		return nil, nil
	}
	var names []string
	for k := range rawjson.Members(position) {
		name, _ := rawjson.String(k)
		names = append(names, name)
	}
	for _, n := range names {
		if n != stateMember && n != keysMember {
			return nil, nil
		}
	}
	var e envelope
	if err := json.Unmarshal(position, &e); err != nil || e.State == nil || len(e.Keys)%8 != 0 {
		return nil, &ArgumentError{"position", "it has the member " + stateMember + " but is not one that `runner step` has printed"}
	}
	if e.State.Version > engine.StateVersion {
		return nil, &ArgumentError{"position", "it was printed by a newer runner"}
	}
	return &e, nil
}

func (e *envelope) keys() []uint64 {
	out := make([]uint64, 0, len(e.Keys)/8)
	for b := e.Keys; len(b) >= 8; b = b[8:] {
		out = append(out, binary.LittleEndian.Uint64(b))
	}
	return out
}

// handOver is the position that the next call goes on from; with whole it is never the API's own alone.
func (c *chain) handOver(keys []uint64, whole bool) (json.RawMessage, error) {
	st := c.state
	if st.Session = c.session(&st); whole {
		st.Session = c.carried(&st)
	}
	bare := !whole && st.Position != nil && !c.knowsMore(&st) && c.sr.ends(st.Position) == "" &&
		!(rawjson.Kind(st.Position) == '{' && bytes.Contains(st.Position, []byte(stateMember)))
	if bare {
		return st.Position, nil
	}
	e := envelope{State: &st}
	n := 0
	switch {
	case c.boundary() || whole && slices.Contains(c.walk.Rules.Fallback, engine.FallbackRestart):
		n = keysKept
	case whole:
		n = keysNear
	}
	for _, k := range keys[max(0, len(keys)-n):] {
		e.Keys = binary.LittleEndian.AppendUint64(e.Keys, k)
	}
	return json.Marshal(e)
}

// carried is the session that a walk's position takes along: the chain's own, without its answer where
// nothing reads that. One that chains share travels with the walk.
func (c *chain) carried(st *chainState) *sessionState {
	if c.shared != nil {
		return nil
	}
	return c.sr.slim(st.Session)
}

// slim is a session without its last answer where no request and no hook can read that.
func (sr *streamRun) slim(s *sessionState) *sessionState {
	if s == nil || s.Waiting || s.Body == nil || sr.readsSession() {
		return s
	}
	less := *s
	less.Body = nil
	return &less
}

// sessionUse finds what is read of `session`, but for its id, and where the word stands for something else.
var sessionUse = regexp.MustCompile(`\bsession\b(\??\.id\b|\s*:)?`)

// readsSession reports whether requests or the hook may read more of the session than its id.
func (sr *streamRun) readsSession() bool {
	texts := []string{sr.source()}
	if h := sr.connector.Hook; h != nil {
		texts = append(texts, h.Text)
	}
	for _, t := range texts {
		for _, m := range sessionUse.FindAllStringSubmatchIndex(t, -1) {
			if m[2] < 0 {
				return true
			}
		}
	}
	return false
}

// knowsMore reports whether a walk that began anew at the state's position would not be this one.
func (c *chain) knowsMore(st *chainState) bool {
	return st.Memo != nil || st.Session != nil || st.Rung != 0 || st.Probe || st.Again || st.Twin != nil || st.Gaps.Back != nil || st.Skip > 0 || len(st.Part) > 0 || c.boundary() || c.counts()
}

// boundary reports whether only the keys of a page tell that the next one brought nothing new.
func (c *chain) boundary() bool {
	r := c.walk.Rules
	return r.Type == engine.Timestamp && r.HasKey && !r.HasMore && r.Limit == 0
}

// counts reports whether requests or the hook read how many pages or records lie behind.
func (c *chain) counts() bool {
	if mentionsCount(c.sr.source(), c.walk.Rules) {
		return true
	}
	hook := c.sr.connector.Hook
	return hook != nil && c.sr.hooked(c.sr.spec, "next") && (strings.Contains(hook.Text, "index") || strings.Contains(hook.Text, "received"))
}

// source is the connector's text but for the other streams.
func (sr *streamRun) source() string {
	lines := strings.Split(string(sr.job.Connector.Source), "\n")
	from := func(st *spec.Stream) int { return min(max(0, st.Pos.Line-1), len(lines)) }
	var b strings.Builder
	streams := sr.connector.Streams
	for i, st := range streams {
		end := len(lines)
		if i+1 < len(streams) {
			end = max(from(st)+1, from(streams[i+1]))
		}
		if i == 0 {
			b.WriteString(strings.Join(lines[:from(st)], "\n"))
		}
		if st.Name == sr.spec.Name {
			b.WriteString(strings.Join(lines[from(st):min(end, len(lines))], "\n"))
		}
	}
	return b.String()
}

func mentionsCount(source string, r *engine.Rules) bool {
	return strings.Contains(source, "page.index") || r.Type != engine.Offset && strings.Contains(source, "page.offset")
}

// ends says why a position that a caller gives means that nothing is left, "" when it does not.
func (sr *streamRun) ends(position json.RawMessage) string {
	switch p := string(position); {
	case p == `""` || p == `"0"`:
		return "the position " + p + " means that nothing is left"
	case !sr.spec.Pagination.Rules.Present(position):
		return "the position " + shown(position) + " is one of end_values: nothing is left"
	}
	return ""
}

// climbable drops the rungs of the fallback ladder that need to know the whole walk: how many records
// lie behind it, and which.
func climbable(st *spec.Stream) {
	pg := &st.Pagination
	var rungs []*spec.Fallback
	var kinds []engine.FallbackKind
	for i, k := range pg.Rules.Fallback {
		if k != engine.FallbackRestart && (k != engine.FallbackOffset || pg.Rules.Type == engine.Offset) {
			rungs, kinds = append(rungs, pg.Fallback[i]), append(kinds, k)
		}
	}
	pg.Fallback, pg.Rules.Fallback = rungs, kinds
}

// forward drops the rungs from the one on that begins the walk anew: it needs the keys of every record
// that was delivered.
func forward(st *spec.Stream) {
	pg := &st.Pagination
	if i := slices.Index(pg.Rules.Fallback, engine.FallbackRestart); i >= 0 {
		pg.Fallback, pg.Rules.Fallback = pg.Fallback[:i], pg.Rules.Fallback[:i]
	}
}
