package runtime

import (
	"bytes"
	"encoding/json"
	"net/url"
	"sync"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// hidesTokens reports whether the stream's tokens are secrets (`token: {secret: true}`). Offsets and
// page numbers are none.
func (sr *streamRun) hidesTokens() bool {
	pg := &sr.spec.Pagination
	return pg.Token.Secret && pg.Rules.Type != engine.Offset && pg.Rules.Type != engine.PageNumber
}

// hideToken makes a token, as it is received or sent, a text that is not shown: its texts, and of a URL
// what stands of it in requests and links.
func (sr *streamRun) hideToken(v json.RawMessage) {
	if v == nil || !sr.hidesTokens() {
		return
	}
	for _, s := range texts(v) {
		switch s {
		case "null", "true", "false":
			continue
		}
		sr.redact.AddPassing(s)
		if u, err := url.Parse(s); err == nil && (u.Host != "" || u.RawQuery != "") {
			sr.redact.AddPassing(u.RequestURI())
			sr.redact.AddPassing(u.RawQuery)
		}
	}
}

// shownPosition is a position as people may see it, nil when that is the position itself.
func (sr *streamRun) shownPosition(v json.RawMessage) json.RawMessage {
	if v == nil {
		return nil
	}
	if sr.hidesTokens() {
		return quote(transport.Mask)
	}
	s := sr.redact.Bytes(v)
	switch {
	case bytes.Equal(s, v):
		return nil
	case !json.Valid(s):
		return quote(string(s))
	}
	return s
}

// heldExchanges keeps the exchanges of chains whose tokens are secret back until the token that an
// answer brought is known: only then can it be removed from what is told of the exchange.
type heldExchanges struct {
	mu   sync.Mutex
	held map[string][]func() // by Exchange.Chain, of chains that are under way
}

// begin holds back what comes of a chain from now on.
func (h *heldExchanges) begin(chain string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held == nil {
		h.held = map[string][]func(){}
	}
	h.held[chain] = []func(){}
}

// hold keeps x, which is a copy, back; false when its chain is not under way.
func (h *heldExchanges) hold(x *transport.Exchange, tell func(*transport.Exchange)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	list, ok := h.held[x.Chain]
	if !ok {
		return false
	}
	own := *x
	own.Body, own.RequestBody = bytes.Clone(x.Body), bytes.Clone(x.RequestBody)
	h.held[x.Chain] = append(list, func() { tell(&own) })
	return true
}

// tell tells what is held of a chain; over: nothing more is held back.
func (h *heldExchanges) tell(chain string, over bool) {
	h.mu.Lock()
	list := h.held[chain]
	if over {
		delete(h.held, chain)
	} else if list != nil {
		h.held[chain] = []func(){}
	}
	h.mu.Unlock()
	for _, tell := range list {
		tell()
	}
}

// hold begins to hold the chain's exchanges back, when its tokens are secret.
func (c *chain) hold() {
	if c.sr.hidesTokens() && c.sr.job.Exchange != nil {
		c.sr.held.begin(c.sr.spec.Name + " " + c.key)
	}
}

// release tells the exchanges that are held back: all tokens that they brought are known. over: the
// chain makes no more.
func (c *chain) release(over bool) {
	if c.sr.hidesTokens() {
		c.sr.held.tell(c.sr.spec.Name+" "+c.key, over)
	}
}

// warnOfShortSecrets names the settings whose secret is too short to be looked for in texts.
func (b *bound) warnOfShortSecrets(vars []*spec.Variable) {
	for _, v := range vars {
		raw := b.config.values[v.Name]
		if !v.Secret || string(raw) == "null" {
			continue
		}
		for _, s := range texts(raw) {
			if s != "" && len(s) < transport.MinSecret {
				b.log.Warn("config." + v.Name + " is a secret of " + plural(int64(utf8.RuneCountInString(s)), "character") + ": too short to be hidden, it is shown as it is")
				break
			}
		}
	}
}
