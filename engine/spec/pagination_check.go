package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lastpage/lastpage/engine"
)

// needs says which keys a type of pagination cannot do without.
var needs = map[engine.Type][]string{
	engine.Offset:      {"send", "limit"},
	engine.PageNumber:  {"send"},
	engine.Cursor:      {"next", "send"},
	engine.SearchAfter: {"next", "send"},
	engine.Timestamp:   {"next", "send"},
}

// checkPagination checks what stands in `pagination` alone and fills in engine.Rules.
func checkPagination(r reader, m *mapping, p *Pagination) {
	p.Pos = r.src.pos(m.node)
	rules := &p.Rules
	typed := m.known("type")
	if typed {
		for _, name := range needs[rules.Type] {
			if !m.any(name) {
				r.fail(m.node, fmt.Sprintf("pagination type `%s` needs `%s`", rules.Type, name), needHint(name))
			}
		}
		p.completeLink(m, r)
		checkType(r, m, p)
	}
	if raw, ok := literalOf(p.Start); ok {
		rules.Start = checkStart(r, m, rules.Type, raw)
	}
	if m.known("max_recoveries") && m.any("max_recoveries") && rules.MaxRecoveries == 0 {
		rules.MaxRecoveries = -1 // engine.Rules takes 0 for the default
	}
	rules.HasNext = p.Next != nil
	rules.HasTotal = p.Total != nil
	if rules.HasTotal && rules.TotalKind == "" {
		rules.TotalKind = engine.Exact
	}
	rules.HasRemaining = p.Remaining != nil
	rules.HasTotalPages = p.TotalPages != nil
	rules.HasMore = p.More != nil
	rules.HasDone = p.Done != nil
	for _, f := range p.Fallback {
		rules.Fallback = append(rules.Fallback, f.kind)
	}
	checkDecides(r, m, p)
	for _, name := range []string{"short_page", "step"} {
		if m.known(name) && !m.any("limit") && (name == "short_page" && rules.ShortPage || name == "step" && rules.StepLimit) {
			r.fail(m.keyAt(name), fmt.Sprintf("`%s` needs `limit`", name), needHint("limit"))
		}
	}
	if p.Send != nil {
		checkCarries(r, p.Send, "page", "the position")
		checkPosition(r, p.Send, rules.Type, typed)
	}
	for i, f := range p.Fallback {
		if f.Send != nil {
			checkCarries(r, f.Send, "page", "the position")
			checkPosition(r, f.Send, engine.Type(f.kind), f.kind != "")
		}
		if f.kind == engine.FallbackRestart && i < len(p.Fallback)-1 {
			r.fail(itemAt(m.at("fallback"), i+1), "no fallback after `restart` is ever tried", "a restart always goes on: let it stand last")
		}
	}
	if p.LimitSend != nil {
		checkLimitSend(r, p)
	}
}

func needHint(name string) string {
	switch name {
	case "send":
		return "where the position goes in the request, such as query.cursor"
	case "next":
		return "where the next position stands in the answer, such as body.next"
	}
	return "such as {send: query.limit, value: 100}"
}

// completeLink fills in the defaults of type link.
func (p *Pagination) completeLink(m *mapping, r reader) {
	if p.Rules.Type != engine.Link {
		return
	}
	if !m.any("next") {
		ref, _ := engine.ParseRef("link.next")
		p.Next = &Pick{Pos: r.src.pos(m.node), Any: []Source{{Ref: &ref}}}
	}
	if !m.any("send") {
		p.Send = &Send{Pos: r.src.pos(m.node), One: &Target{Pos: r.src.pos(m.node), Source: "url", Kind: TargetURL}}
	}
}

// checkType reports keys that contradict the type.
func checkType(r reader, m *mapping, p *Pagination) {
	t := p.Rules.Type
	never := func(name, hint string) {
		if m.any(name) {
			r.fail(m.keyAt(name), fmt.Sprintf("`%s` says nothing about pagination type `%s`", name, t), hint)
		}
	}
	counted := t == engine.Offset || t == engine.PageNumber
	if t == engine.None {
		for _, name := range []string{"send", "next", "start", "first", "only", "fallback", "keep", "token"} {
			never(name, "it ends after one page")
		}
	}
	if !counted {
		never("parallel", "pages can be in flight together only with `offset` and `page`")
	}
	if t != engine.Offset {
		never("step", "only an offset advances by records")
	}
	if !counted && !slices.ContainsFunc(p.Fallback, func(f *Fallback) bool { return f.kind == engine.FallbackOffset }) {
		never("cap", "there is no offset")
	}
	if t == engine.HookType && !r.hook {
		r.fail(m.at("type"), "pagination type `hook` needs a hook file", "put a hook.js with a function `next` beside the connector")
	}
}

// checkStart reports a first position that the type cannot have, and returns it; digits in a text
// are a number where the position is one.
func checkStart(r reader, m *mapping, t engine.Type, raw json.RawMessage) json.RawMessage {
	if !m.known("type") || t != engine.Offset && t != engine.PageNumber {
		return raw
	}
	digits := strings.Trim(string(raw), `"`)
	if n, err := strconv.ParseInt(digits, 10, 64); err != nil || n < 0 {
		r.fail(m.at("start"), fmt.Sprintf("`start` of pagination type `%s` is a whole number, not `%s`", t, shorten(digits)), "")
		return raw
	}
	return json.RawMessage(digits)
}

// checkDecides reports a decider that no key declares.
func checkDecides(r reader, m *mapping, p *Pagination) {
	if !m.known("decides") || !m.known("type") {
		return
	}
	rules := p.Rules
	missing := ""
	switch d := rules.Decides; d {
	case engine.ByToken:
		if !m.any("next") && rules.Type != engine.Link && rules.Type != engine.HookType {
			missing = "next"
		}
	case engine.ByTotal:
		if !m.any("total") && !m.any("remaining") {
			missing = "total"
		}
		if p.Total != nil && rules.TotalKind == engine.Estimate && !m.any("remaining") {
			r.fail(m.at("decides"), "an estimate cannot decide whether there is a next page", "kind: exact or at_least, or another witness")
		}
	case engine.ByMore, engine.ByDone, engine.ByTotalPages:
		if !m.any(string(d)) {
			missing = string(d)
		}
	case engine.ByHook:
		if !r.hook {
			r.fail(m.at("decides"), "`decides: hook` needs a hook file", "put a hook.js with a function `next` beside the connector")
		}
	}
	if missing != "" {
		r.fail(m.at("decides"), fmt.Sprintf("`decides: %s` needs `%s`: that witness is not declared", rules.Decides, missing), m.docs[missing])
	}
	if rules.Type == engine.None {
		r.fail(m.keyAt("decides"), "`decides` says nothing about pagination type `none`", "it ends after one page")
	}
}

// checkCarries reports a send of several parts none of which carries the value.
func checkCarries(r reader, s *Send, root, what string) {
	if s.One != nil || r.hook && root == "page" { // a hook's `request` may put it in
		return
	}
	for _, f := range s.Many {
		if r.mentions(f.Value, root) {
			return
		}
	}
	r.file.errs = append(r.file.errs, &Error{s.Pos, fmt.Sprintf("`send` has no part that carries %s: no expression reads `%s`", what, root), ""})
}

// mentions reports whether an expression of the template reads the data name.
func (r reader) mentions(n *Node, root string) bool {
	switch n.Kind {
	case KindString:
		return r.textMentions(n.Text, root)
	case KindList:
		return slices.ContainsFunc(n.List, func(e *Node) bool { return r.mentions(e, root) })
	case KindMap:
		return slices.ContainsFunc(n.Fields, func(f Field) bool { return r.mentions(f.Value, root) })
	}
	return false
}

func (r reader) textMentions(t *Text, root string) bool {
	if t == nil {
		return false
	}
	for _, p := range t.Parts {
		if p.Expr == nil {
			continue
		}
		for _, u := range r.uses {
			if u.expr == p.Expr && slices.ContainsFunc(u.names, func(n freeName) bool { return n.name == root }) {
				return true
			}
		}
	}
	return false
}

// checkPosition reports targets that a position of the type does not fit.
func checkPosition(r reader, s *Send, t engine.Type, typed bool) {
	if !typed || s.One == nil {
		return
	}
	number := t == engine.Offset || t == engine.PageNumber
	switch {
	case number && s.One.Kind == TargetQueryAll:
		r.file.errs = append(r.file.errs, &Error{s.Pos, fmt.Sprintf("`query.*` takes the fields of an object: the position of `%s` is a number", t), "name the parameter, such as query.offset"})
	case (number || t == engine.SearchAfter || t == engine.Timestamp) && s.One.Kind == TargetURL:
		r.file.errs = append(r.file.errs, &Error{s.Pos, fmt.Sprintf("`url` takes the next URL: the position of `%s` is none", t), "name the parameter, such as query.after"})
	}
}

// checkLimitSend reports a page size that goes where it cannot, or where the position goes.
func checkLimitSend(r reader, p *Pagination) {
	one := p.LimitSend.One
	if one == nil {
		return
	}
	switch {
	case one.Kind == TargetURL || one.Kind == TargetQueryAll:
		r.file.errs = append(r.file.errs, &Error{p.LimitSend.Pos, fmt.Sprintf("the page size cannot go to `%s`", one.Source), "name the parameter, such as query.limit"})
	case p.Send != nil && p.Send.One != nil && p.Send.One.Source == one.Source:
		r.file.errs = append(r.file.errs, &Error{p.LimitSend.Pos, fmt.Sprintf("the page size and the position both go to `%s`", one.Source), ""})
	}
}
