package spec

import (
	"fmt"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

var partitionTable = table[Partition]{
	name: "partition",
	what: "a partition",
	like: "{values: {type: [ip, url]}}",
	keys: []key[Partition]{
		field("values", "names with lists of values: one chain per combination", named("a mapping from names to lists", in(ScopeConfig, partitionList), addPartitionValues), func(p *Partition) *[]PartitionValues { return &p.Values }),
		field("stream", "one chain per record of that stream", text, func(p *Partition) *string { return &p.Stream }),
		field("take", "names with the fields of the record that they take", named("a mapping from names to paths", pathTo, addTake), func(p *Partition) *[]Take { return &p.Take }),
		field("window", "one chain per span of time", inPart("window", in(ScopeChain, optional(windowTable.shape()))), func(p *Partition) **Window { return &p.Window }),
		field("session", "one chain per element of a list in the session's last answer", pick, func(p *Partition) **Pick { return &p.Session }),
		field("as", "name of the element", textMatching("a name", partitionPattern), func(p *Partition) *string { return &p.As }),
	},
	check: checkPartition,
}

const partitionPattern = `^[A-Za-z_$][A-Za-z0-9_$-]*$`

var partitionName = regexp.MustCompile(partitionPattern)

func addPartitionValues(r reader, e entry, list *[]PartitionValues, n *Node) {
	if checkPartitionName(r, e) {
		*list = append(*list, PartitionValues{e.name, n})
	}
}

func addTake(r reader, e entry, list *[]Take, p engine.Path) {
	if checkPartitionName(r, e) {
		*list = append(*list, Take{e.name, p})
	}
}

func checkPartitionName(r reader, e entry) bool {
	if partitionName.MatchString(e.name) {
		return true
	}
	r.fail(e.key, fmt.Sprintf("`%s` is not a name: expressions say ${partition.name}", shorten(e.name)), "letters, digits, _ and -")
	return false
}

// partitionList is a list of values, or one expression that gives a list.
var partitionList = shape[*Node]{
	schema: func(*definitions) schema { return orExpression(schema{"type": "array", "minItems": 1}) },
	read: func(r reader, n *yaml.Node, v **Node) given {
		if isNull(n) {
			return absent
		}
		made, ok := r.node(n)
		if !ok {
			return wrong
		}
		switch {
		case made.Kind == KindString && len(made.Text.Parts) == 1 && made.Text.Parts[0].Expr != nil:
		case made.Kind != KindList:
			r.wants(n, "a list of values", "")
			return wrong
		case len(made.List) == 0:
			r.fail(n, fmt.Sprintf("`%s` has no values: the stream would have no chains", r.key), "")
			return wrong
		}
		seen := map[string]bool{}
		for i, one := range made.List {
			raw, ok := one.JSON()
			switch {
			case ok && one.Kind == KindNull:
				r.fail(itemAt(n, i), fmt.Sprintf("a value of `%s` is null: its chain would ask as if there were none", r.key), "give it a value or leave it out")
			case ok && seen[string(raw)]:
				r.fail(itemAt(n, i), fmt.Sprintf("the value %s stands twice", shorten(string(raw))), "")
			}
			seen[string(raw)] = true
		}
		*v = made
		return set
	},
}

func checkPartition(r reader, m *mapping, p *Partition) {
	p.Pos = r.src.pos(m.node)
	r.partitions[p.Pos] = m
	kinds := 0
	for _, name := range []string{"values", "stream", "window", "session"} {
		if m.any(name) {
			kinds++
			if kinds == 2 {
				r.fail(m.keyAt(name), "a partition is one of `values`, `stream`, `window` or `session`", "each stands in an entry of its own: every combination is a chain")
			}
		}
	}
	if kinds == 0 {
		r.fail(m.node, "a partition needs `values`, `stream`, `window` or `session`", "")
		return
	}
	for _, pair := range [][2]string{{"stream", "take"}, {"session", "as"}} {
		switch {
		case m.any(pair[0]) && !m.any(pair[1]):
			r.fail(m.node, fmt.Sprintf("a partition by `%s` needs `%s`", pair[0], pair[1]), m.docs[pair[1]])
		case m.any(pair[1]) && !m.any(pair[0]):
			r.fail(m.keyAt(pair[1]), fmt.Sprintf("`%s` needs `%s`", pair[1], pair[0]), "")
		}
	}
	if m.known("values") && len(p.Values) == 0 || m.known("take") && len(p.Take) == 0 {
		r.fail(m.node, "a partition names at least one value", "")
	}
}

var windowTable = table[Window]{
	name: "window",
	what: "`window`",
	like: `{from: -30d, to: now, every: 24h}`,
	keys: []key[Window]{
		field("from", "where the first window begins", templateTime, func(w *Window) **Text { return &w.From }).need(),
		field("to", "where the last window ends", templateTime, func(w *Window) **Text { return &w.To }).or("now"),
		field("every", "length of a window; the whole span when not given", durationFrom(time.Millisecond), func(w *Window) *time.Duration { return &w.Every }),
		field("format", "how times are written: rfc3339, epoch, epoch_ms or a Go layout", timeFormat, func(w *Window) *string { return &w.Format }).or("rfc3339"),
		field("end", "whether the API counts the end in", either("exclusive", "inclusive"), func(w *Window) *bool { return &w.Inclusive }),
		field("min", "the shortest window that cutting in half may make", durationFrom(time.Millisecond), func(w *Window) *time.Duration { return &w.Min }).or("1s"),
		field("split_over", "a window whose total is larger is cut in half", integerFrom[int64](1), func(w *Window) *int64 { return &w.SplitOver }),
	},
	check: func(r reader, m *mapping, w *Window) {
		switch {
		case !m.known("every") || w.Every >= w.Min:
		case !m.any("min"):
			w.Min = w.Every
		case m.known("min"):
			r.fail(m.at("every"), fmt.Sprintf("`every` (%s) is shorter than `min` (%s)", Duration(w.Every), Duration(w.Min)), "")
		}
		from, okFrom := literalTime(w.From)
		to, okTo := literalTime(w.To)
		if okFrom && okTo && !from.Before(to) {
			r.fail(m.at("from"), "`from` is not before `to`", "")
		}
	},
}

// templateTime is a template; one without expressions is a time.
var templateTime = shape[*Text]{
	schema: templateText.schema,
	read: func(r reader, n *yaml.Node, v **Text) given {
		got := templateText.read(r, n, v)
		if got == set {
			if literal, ok := (*v).Literal(); ok {
				if _, err := ParseTime(literal, time.Time{}); err != nil {
					r.fail(n, fmt.Sprintf("`%s`: %v", r.key, err), "")
					return wrong
				}
			}
		}
		return got
	},
}

// literalTime is the time a template stands for, as if it were now 2100.
func literalTime(t *Text) (time.Time, bool) {
	literal, ok := t.Literal()
	if !ok {
		return time.Time{}, false
	}
	at, err := ParseTime(literal, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	return at, err == nil
}

var chainsTable = table[Chains]{
	name: "chains",
	what: "`chains`",
	like: "{concurrency: 4}",
	keys: []key[Chains]{
		field("concurrency", "how many chains run side by side", integerFrom(1), func(c *Chains) *int { return &c.Concurrency }).or("4"),
		field("on_error", "what a chain that fails does to the others", oneOf("continue", "stop"), func(c *Chains) *string { return &c.OnError }).or("continue"),
	},
}
