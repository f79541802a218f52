package spec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxNodes bounds what a file's aliases may expand to.
const maxNodes = 100_000

// maxDepth bounds how deep values may be nested.
const maxDepth = 200

// tree reads the YAML of one connector. A nil node means that the errors say why.
func tree(file string, text []byte) (*yaml.Node, Errors) {
	if !utf8.Valid(text) {
		line, col := 1, 1
		for i, r := range string(text) {
			if r == utf8.RuneError {
				if _, size := utf8.DecodeRune(text[i:]); size == 1 {
					break
				}
			}
			col++
			if r == '\n' {
				line, col = line+1, 1
			}
		}
		return nil, Errors{{Pos{file, line, col}, "the file is not UTF-8 here", ""}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	decode := func(n *yaml.Node) (err error) {
		defer func() { // the reader panics on some texts that are not YAML
			if p := recover(); p != nil {
				err = fmt.Errorf("yaml: %v", p)
			}
		}()
		return dec.Decode(n)
	}
	var doc yaml.Node
	switch err := decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, Errors{{Pos{file, 1, 1}, "the file is empty", "a connector begins with `connector: name` and `format: 1`"}}
	case err != nil:
		return nil, Errors{syntaxError(file, string(text), err)}
	}
	var errs Errors
	var second yaml.Node
	switch err := decode(&second); {
	case err == nil:
		errs = append(errs, &Error{Pos{file, max(second.Line, 1), max(second.Column, 1)}, "a second document begins here", "one file holds one connector"})
	case !errors.Is(err, io.EOF):
		return nil, Errors{syntaxError(file, string(text), err)}
	}
	if len(doc.Content) == 0 {
		return nil, Errors{{Pos{file, 1, 1}, "the file is empty", "a connector begins with `connector: name` and `format: 1`"}}
	}
	m := measure{file: file, sizes: map[*yaml.Node]size{}}
	if total := m.of(doc.Content[0]); len(m.errs) == 0 && (total.nodes > maxNodes || total.depth > maxDepth) {
		m.errs = append(m.errs, &Error{Pos{file, 1, 1}, fmt.Sprintf("the file's values are too many or too deep: %d values, %d levels", total.nodes, total.depth),
			fmt.Sprintf("at most %d values and %d levels with aliases expanded", maxNodes, maxDepth)})
	}
	if len(m.errs) > 0 {
		return nil, append(errs, m.errs...)
	}
	return doc.Content[0], errs
}

// size is how much a node expands to.
type size struct{ nodes, depth int }

// measure finds anchors that contain themselves, expansions without bound and unknown tags.
type measure struct {
	file  string
	sizes map[*yaml.Node]size // nodes < 0: being measured
	errs  Errors
}

func (m *measure) fail(n *yaml.Node, format string, args ...any) {
	m.errs = append(m.errs, &Error{Pos{m.file, n.Line, n.Column}, fmt.Sprintf(format, args...), ""})
}

var knownTags = map[string]bool{"": true, "!": true, "!!str": true, "!!int": true, "!!float": true, "!!bool": true, "!!null": true,
	"!!timestamp": true, "!!merge": true, "!!map": true, "!!seq": true}

func (m *measure) of(n *yaml.Node) size {
	if s, ok := m.sizes[n]; ok {
		if s.nodes < 0 {
			m.fail(n, "the anchor `%s` contains itself", n.Anchor)
			return size{1, 1}
		}
		return s
	}
	m.sizes[n] = size{nodes: -1}
	if n.Kind != yaml.AliasNode && !knownTags[n.Tag] {
		m.fail(n, "the tag `%s` is not known here", n.Tag)
	}
	total := size{1, 0}
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, c := range children {
		s := m.of(c)
		total.nodes = min(total.nodes+s.nodes, 1<<30)
		total.depth = max(total.depth, s.depth)
	}
	total.depth++
	m.sizes[n] = total
	return total
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// syntaxError turns an error of the YAML reader into one with a place and, for the usual
// mistakes, with what to do.
func syntaxError(file, text string, err error) *Error {
	msg := strings.TrimSpace(err.Error())
	at := yamlLine.FindStringSubmatch(msg)
	msg = strings.TrimPrefix(msg, at[0])
	number, _ := strconv.Atoi(at[1])
	lines := linesOf(text)
	number = min(max(number, 1), len(lines))
	e := &Error{Pos: Pos{file, number, 1}, Msg: "this is not YAML: " + msg}
	if anchor, ok := strings.CutPrefix(msg, "unknown anchor '"); ok {
		name := strings.TrimSuffix(anchor, "' referenced")
		for i, line := range lines {
			if col := strings.Index(line, "*"+name); col >= 0 {
				return &Error{Pos{file, i + 1, utf8.RuneCountInString(line[:col]) + 1}, fmt.Sprintf("the anchor `&%s` does not exist", name), ""}
			}
		}
		return e
	}
	// The reader names the line on which it gave up, or the one before: look at both for a tab.
	for _, n := range []int{number, number + 1, number - 1} {
		if n < 1 || n > len(lines) {
			continue
		}
		line := lines[n-1]
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && strings.TrimSpace(line) != "" {
			return &Error{Pos{file, n, tab + 1}, "a tab indents this line: YAML wants spaces", ""}
		}
	}
	if strings.HasPrefix(msg, "did not find expected") { // names the line before, from 0
		number = min(number+1, len(lines))
		e.Pos.Line = number
	}
	if at, ok := unquotedInFlow(file, lines, number); ok {
		return &Error{at, e.Msg, "inside { } and [ ] a `${…}` must stand in quotes"}
	}
	line := lines[number-1]
	e.Pos.Col = utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(line, " \t")) + 1
	switch {
	case strings.Contains(msg, "mapping values are not allowed"):
		e.Hint = "a text that holds `: ` must stand in quotes"
	case strings.Contains(msg, "cannot start any token"):
		e.Hint = "a text that begins with @, ` or % must stand in quotes"
	}
	return e
}

var bareExpression = regexp.MustCompile(`[{\[,][^"'#]*[\s:,{\[]\$\{`)

// unquotedInFlow finds an unquoted `${` in a flow mapping or list on the line or next to it.
func unquotedInFlow(file string, lines []string, number int) (Pos, bool) {
	for _, n := range []int{number, number + 1, number - 1} {
		if n < 1 || n > len(lines) {
			continue
		}
		if m := bareExpression.FindStringIndex(lines[n-1]); m != nil {
			return Pos{file, n, utf8.RuneCountInString(lines[n-1][:m[1]-2]) + 1}, true
		}
	}
	return Pos{}, false
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	n = follow(n)
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// kindOf names the kind of a value for messages.
func kindOf(n *yaml.Node) string {
	switch n = follow(n); n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float":
		return "`" + n.Value + "`"
	}
	if n.Value == "" {
		return "an empty text"
	}
	return "the text `" + shorten(n.Value) + "`"
}

// shorten keeps messages to a line.
func shorten(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if utf8.RuneCountInString(s) > 60 {
		s = string([]rune(s)[:57]) + "…"
	}
	return s
}

// entry is one key of a mapping with its value.
type entry struct {
	key, value *yaml.Node
	name       string
}

// entries lists a mapping's keys in file order, with merge keys expanded: a key of the mapping
// itself comes before one that is merged in. Duplicate keys and keys that are not text are
// reported through fail.
func entries(n *yaml.Node, fail func(n *yaml.Node, msg, hint string)) []entry {
	var own []entry
	seen := map[string]*yaml.Node{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		scalar := follow(key)
		if scalar.Kind == yaml.ScalarNode && scalar.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if scalar.Kind != yaml.ScalarNode {
			fail(key, kindOf(scalar)+" stands here as a key", "inside { } and [ ] a `${…}` must stand in quotes")
			continue
		}
		if scalar.Tag == "!!null" && scalar.Value == "" {
			fail(key, "a key is missing before the colon", "")
			continue
		}
		if first, ok := seen[scalar.Value]; ok {
			fail(key, fmt.Sprintf("duplicate key `%s`", scalar.Value), fmt.Sprintf("it stands on line %d already", first.Line))
			continue
		}
		seen[scalar.Value] = key
		own = append(own, entry{key, value, scalar.Value})
	}
	for _, m := range merged {
		from := []*yaml.Node{m}
		if list := follow(m); list.Kind == yaml.SequenceNode {
			from = list.Content
		}
		for _, one := range from {
			target := follow(one)
			if target.Kind != yaml.MappingNode {
				fail(one, "`<<` merges mappings, not "+kindOf(target), "")
				continue
			}
			for _, e := range entries(target, fail) {
				if _, ok := seen[e.name]; !ok {
					seen[e.name] = e.key
					own = append(own, e)
				}
			}
		}
	}
	return own
}
