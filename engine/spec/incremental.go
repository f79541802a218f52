package spec

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"
)

var incrementalTable = table[Incremental]{
	name: "incremental",
	what: "`incremental`",
	like: "{watermark: max.updated_at, type: time}",
	keys: []key[Incremental]{
		field("watermark", "where the value stands that the next run begins at", pick, func(t *Incremental) **Pick { return &t.Watermark }).need(),
		field("type", "how watermarks compare", oneOf("time", "number", "string"), func(t *Incremental) *string { return &t.Type }).or("time"),
		field("start", "the watermark of the first run", in(ScopeConfig, someValue), func(t *Incremental) **Node { return &t.Start }),
		field("order", "how the API orders records by the watermark", oneOf("asc", "desc", "none"), func(t *Incremental) *string { return &t.Order }).or("none"),
		field("overlap", "how far requests go back behind the watermark", overlap, func(t *Incremental) *string { return &t.Overlap }),
		field("format", "how times are written: rfc3339, epoch, epoch_ms or a Go layout", timeFormat, func(t *Incremental) *string { return &t.Format }).or("rfc3339"),
		field("stop_at_watermark", "newest first: the chain ends at the old watermark", boolean, func(t *Incremental) *bool { return &t.StopAt }).or("false"),
	},
	check: checkIncremental,
}

// overlap is a duration or a number; which of them the type decides.
var overlap = scalarOf("a duration such as 5m, or a number", orExpression(schema{"type": []string{"string", "number"}}), func(n *yaml.Node, _ bool) (string, error) {
	if n.Tag == "!!bool" {
		return "", errKind
	}
	return n.Value, nil
})

// timeFormat is a named format or a layout of Go's reference time.
var timeFormat = scalarOf("rfc3339, epoch, epoch_ms or a Go layout", schema{"type": []string{"string", "number"}}, func(n *yaml.Node, _ bool) (string, error) {
	switch n.Value {
	case "rfc3339", "epoch", "epoch_ms":
		return n.Value, nil
	}
	// A layout tells days apart when two of them are written differently.
	if a, b := time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC().AddDate(1, 1, 1); a.Format(n.Value) != b.Format(n.Value) {
		return n.Value, nil
	}
	err := fmt.Errorf("`%s` is not rfc3339, epoch, epoch_ms or a Go layout such as `2006-01-02 15:04:05`", shorten(n.Value))
	if hint := meant(n.Value, []string{"rfc3339", "epoch", "epoch_ms"}); hint != "" {
		err = fmt.Errorf("%w; %s", err, hint)
	}
	return "", err
})

var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

func checkIncremental(r reader, m *mapping, t *Incremental) {
	t.Pos = r.src.pos(m.node)
	typed := m.known("type") || !m.any("type")
	if m.known("overlap") && typed {
		switch t.Type {
		case "time":
			if _, err := ParseDuration(t.Overlap); err != nil {
				r.fail(m.at("overlap"), "`overlap`: "+err.Error(), "")
			}
		case "number":
			if !decimal.MatchString(t.Overlap) {
				r.fail(m.at("overlap"), fmt.Sprintf("`overlap` is a number when the watermark is one, not `%s`", shorten(t.Overlap)), "times that are written as numbers are type: time, format: epoch")
			}
		default:
			r.fail(m.keyAt("overlap"), "`overlap` says nothing about a watermark of type string", "it is a duration with type time, a number with type number")
		}
	}
	if m.has("format") && typed && t.Type != "time" {
		r.fail(m.keyAt("format"), fmt.Sprintf("`format` says nothing about a watermark of type %s", t.Type), "")
	}
	if m.known("stop_at_watermark") && t.StopAt && (m.known("order") || !m.any("order")) && t.Order != "desc" {
		r.fail(m.keyAt("stop_at_watermark"), "`stop_at_watermark` needs `order: desc`", "only where the newest records come first is what follows the watermark old")
	}
	if raw, ok := literalOf(t.Start); ok && typed {
		var s string
		isText := json.Unmarshal(raw, &s) == nil
		switch t.Type {
		case "time":
			if _, err := ParseTime(s, time.Time{}); isText && err != nil && !formatted(t.Format, s) {
				r.fail(m.at("start"), "`start`: "+err.Error(), "")
			}
		case "number":
			if isText && !jsonNumberForm.MatchString(s) {
				r.fail(m.at("start"), fmt.Sprintf("`start` is a number, not `%s`", shorten(s)), "")
			}
		}
	}
}

// formatted reports whether s is a time in the declared layout.
func formatted(layout, s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// literalOf returns a template's JSON when there is one without expressions.
func literalOf(n *Node) (json.RawMessage, bool) {
	if n == nil {
		return nil, false
	}
	return n.JSON()
}
