package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// carry makes of a token or link that an answer gives what the next request can carry; bad says why it
// cannot carry it.
func (c *chain) carry(g *got, v json.RawMessage) (position json.RawMessage, bad string) {
	c.sr.hideToken(v)
	send := c.sr.spec.Pagination.Send
	if send == nil || send.One == nil {
		return v, ""
	}
	switch send.One.Kind {
	case spec.TargetURL:
		at := absolute(g.answer.URL.String(), text(v))
		u, err := url.Parse(at)
		if err != nil || v[0] != '"' || u.Host == "" {
			return nil, "the next link " + shown(v) + " is no URL"
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return nil, "the next link " + shown(v) + " is no http or https URL"
		}
		v = quote(at)
		c.sr.hideToken(v)
	case spec.TargetQueryAll:
		if rawjson.Kind(v) != '{' {
			return nil, "the token " + shown(v) + " is no object, whose fields become the parameters of " + send.One.Source
		}
	case spec.TargetHeader:
		if strings.ContainsFunc(text(v), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, "the token " + shown(v) + " cannot stand in a header"
		}
	}
	return v, ""
}

// badKeep notes what a page holds of what `keep` names. Where no later run could begin at that, it ends the
// chain: the position stays, and the page is asked for again.
func (c *chain) badKeep(ctx context.Context, g *got) (*chainEnd, error) {
	pg := &c.sr.spec.Pagination
	if pg.Keep == nil || g.view == nil {
		return nil, nil
	}
	v, err := g.view.pick(ctx, pg.Keep, pg.Rules.Present)
	if err != nil || !pg.Rules.Present(v) {
		return nil, err
	}
	carried, bad := c.carry(g, v)
	if bad == "" {
		g.keep = carried
		return nil, nil
	}
	bad = strings.Replace(bad, "the next link", "the link", 1)
	bad = "what `keep` names cannot be kept: " + bad
	c.sr.notice(c.key, engine.EventTokenMalformed, bad)
	bad = fmt.Sprintf("on page %d %s", g.at.Pages+1, bad)
	end := &chainEnd{verdict: Incomplete, reason: engine.CodeTokenMalformed, detail: bad, total: g.at.Total, err: codeError(engine.CodeTokenMalformed, "%s", bad)}
	c.drop()
	if err := c.settle(); err != nil {
		return nil, err
	}
	c.note(ctx, *end)
	return end, nil
}

// observeToken notes the token that the page has given, and which records the page that gave it and those
// after it hold: a walk that begins at the token may see them again.
func (c *chain) observeToken(st *chainState, g *got, p *engine.Page, b *batchOf) {
	token := tokenOf(*p)
	given := c.sr.spec.Pagination.Rules.Present(token)
	if given {
		st.LastToken = token
	}
	if c.sr.spec.Pagination.KeepToken {
		c.nearKept(st, b, given)
	}
}

// nearKept notes the records of a page that holds what is kept, or comes after the one that does.
func (c *chain) nearKept(st *chainState, b *batchOf, holds bool) {
	switch {
	case c.keys == nil:
	case holds:
		st.KeptIDs = b.all
	default:
		st.KeptIDs = append(st.KeptIDs.less(b.all), b.all...)
		if n := len(st.KeptIDs) - maxRecent; n > 0 {
			st.KeptIDs = st.KeptIDs[n:]
		}
	}
}

// kept, of a page that badKeep has looked at, is the position that the next run starts at, as far as the
// walk knows by now: what the last page that holds it says.
func (c *chain) kept(g *got, st *chainState) json.RawMessage {
	pg := &c.sr.spec.Pagination
	switch {
	case pg.KeepToken && st.LastToken != nil && c.fits(st.LastToken):
		return st.LastToken
	case pg.KeepToken:
		return st.Origin
	case pg.Keep == nil:
		return nil
	case g.keep != nil && c.fits(g.keep):
		st.Keep = clone(g.keys.hide(g.keep))
	}
	return st.Keep
}

// withKept is what a bookmark knows of records that the next walk may see again, with those next to what is
// kept; alone says that there is no watermark for others to be next to.
func withKept(recent json.RawMessage, st *chainState, alone bool) json.RawMessage {
	var r recentKeys
	if !alone && json.Unmarshal(recent, &r) != nil {
		r = recentKeys{}
	}
	at := st.Pending
	if at == nil {
		at = json.RawMessage("null")
	}
	for _, id := range st.KeptIDs {
		r.push(at, id)
	}
	if r.IsZero() {
		return nil
	}
	b, _ := json.Marshal(r)
	return b
}
