package spec

import (
	"fmt"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

var recordsTable = table[Records]{
	name: "records",
	what: "`records`",
	like: "{path: data.items, key: id}",
	keys: []key[Records]{
		field("path", "where the records stand in the body; $ is the body itself", pathTo, func(t *Records) *engine.Path { return &t.Path }),
		field("format", "what the body is", oneOf("json", "ndjson", "csv", "xml"), func(t *Records) *string { return &t.Format }).or("json"),
		field("key", "what identifies a record: a path or a list of them", oneOrMore(pathTo), func(t *Records) *[]engine.Path { return &t.Key }),
		field("filter", "expression: which records are kept", in(ScopeRecord, condition), func(t *Records) **Text { return &t.Filter }),
		field("set", "fields that are set on every record", in(ScopeRecord, values), func(t *Records) *[]Field { return &t.Set }),
		field("drop", "fields that are removed from every record", oneOrMore(pathTo), func(t *Records) *[]engine.Path { return &t.Drop }),
		field("optional", "a missing path means no records", boolean, func(t *Records) *bool { return &t.Optional }).or("false"),
		field("csv", "how CSV is written", csvTable.shape(), func(t *Records) *CSV { return &t.CSV }),
	},
	check: func(r reader, m *mapping, t *Records) {
		t.Pos = r.src.pos(m.node)
		t.HasPath = m.has("path")
		rows := t.Format == "csv" || t.Format == "ndjson"
		if m.known("path") && rows && len(t.Path) > 0 {
			r.fail(m.at("path"), fmt.Sprintf("`path` says nothing with format %s: every line is a record", t.Format), "")
		}
		formatKnown := m.known("format") || !m.any("format")
		if e, ok := m.keys["csv"]; ok && m.any("csv") && formatKnown && t.Format != "csv" {
			r.fail(e.key, fmt.Sprintf("`csv` says nothing with format %s", t.Format), "format: csv is missing")
		}
		for i, p := range t.Drop {
			if m.known("drop") && len(p) == 0 {
				r.fail(itemAt(m.at("drop"), i), "`drop` removes fields, not the whole record", "records are dropped by `filter`")
			}
		}
	},
}

// itemAt is the node of a list's entry, or the node itself when it is no list.
func itemAt(n *yaml.Node, i int) *yaml.Node {
	if n = follow(n); n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	return n
}

var csvTable = table[CSV]{
	name: "csv",
	what: "`csv`",
	keys: []key[CSV]{
		field("comma", "what separates columns", oneCharacter, func(t *CSV) *string { return &t.Comma }).or(`","`),
		field("comment", "lines that begin with it are skipped", oneCharacter, func(t *CSV) *string { return &t.Comment }),
		field("header", "the first row names the columns", boolean, func(t *CSV) *bool { return &t.Header }).or("true"),
		field("columns", "names of the columns, where no row names them", listFrom(text, false, 1), func(t *CSV) *[]string { return &t.Columns }),
		field("quote", "values may stand in quotes", boolean, func(t *CSV) *bool { return &t.Quote }).or("true"),
		field("skip", "lines before the first row", integerFrom(0), func(t *CSV) *int { return &t.Skip }).or("0"),
	},
	check: func(r reader, m *mapping, t *CSV) {
		if m.known("header") && !t.Header && !m.any("columns") {
			r.fail(m.keyAt("header"), "`csv` needs `columns` when no row names them", "")
		}
		seen := map[string]bool{}
		for i, c := range t.Columns {
			if seen[c] {
				r.fail(itemAt(m.at("columns"), i), fmt.Sprintf("the column `%s` stands twice", c), "")
			}
			seen[c] = true
		}
	},
}

var oneCharacter = scalarOf("one character", orExpression(schema{"type": []string{"string", "number"}, "minLength": 1, "maxLength": 1}), func(n *yaml.Node, _ bool) (string, error) {
	if c, size := utf8.DecodeRuneInString(n.Value); size != len(n.Value) || size == 0 || c == '"' || c == '\n' || c == '\r' {
		return "", fmt.Errorf("`%s` is not one character", shorten(n.Value))
	}
	return n.Value, nil
})

var detailsTable = table[Details]{
	name: "details",
	what: "`details`",
	like: `{request: {path: "/items/${ids}"}}`,
	keys: []key[Details]{
		field("request", "the request that fetches things by ${ids}", in(ScopeDetails, optional(requestTable.shape())), func(d *Details) **Request { return &d.Request }).need(),
		field("batch", "how many ids one request carries", integerFrom(1), func(d *Details) *int { return &d.Batch }).or("1"),
		field("id", "where the id stands in a record of the list; the record itself when not given", pathTo, func(d *Details) *engine.Path { return &d.ID }),
		field("records", "where the things stand in the answer", recordsTable.shape(), func(d *Details) *Records { return &d.Records }),
	},
	check: func(r reader, m *mapping, d *Details) { d.Pos = r.src.pos(m.node) },
}

var limitsTable = table[Limits]{
	name: "limits",
	what: "`limits`",
	like: "{pages: 1000}",
	keys: []key[Limits]{
		field("pages", "most pages of a run", integerFrom[int64](1), func(l *Limits) *int64 { return &l.Pages }),
		field("records", "most records of a run", integerFrom[int64](1), func(l *Limits) *int64 { return &l.Records }),
		field("duration", "longest time of a run", durationFrom(time.Millisecond), func(l *Limits) *time.Duration { return &l.Duration }),
		field("empty_pages", "most empty pages in a row", integerFrom(1), func(l *Limits) *int { return &l.EmptyPages }).or("10"),
	},
}
