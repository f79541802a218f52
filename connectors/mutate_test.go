package connectors_test

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

// survivors are mutants that no case can notice, and why.
var survivors = map[string]string{}

// TestMutants breaks the paging of every connector that has cases on purpose, one thing at a time:
// each key of `pagination` is left out, every position is sent elsewhere, each rule for answers is
// dropped, a hook's `next` is not asked. The file is refused then, or at least one case is red.
func TestMutants(t *testing.T) {
	if testing.Short() {
		return
	}
	alive := map[string]bool{}
	var mu sync.Mutex
	t.Run("connectors", func(t *testing.T) {
		for _, name := range names(t) {
			if without[name][everything] != "" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := newBreaker(t, name)
				for _, m := range mutants(b.tree) {
					if b.noticed(t, m) {
						continue
					}
					id := name + ": " + m.name
					mu.Lock()
					alive[id] = true
					mu.Unlock()
					if survivors[id] == "" {
						t.Errorf("%s: no case notices", m.name)
					}
				}
			})
		}
	})
	for id := range survivors {
		if !alive[id] {
			t.Errorf("%q is listed as a survivor and does not survive, or does not exist", id)
		}
	}
}

// breaker plays the cases of one connector with its mutants.
type breaker struct {
	name  string
	tree  *yaml.Node // the file, without aliases
	cases []*reading
}

// reading is a case and the streams it reads.
type reading struct {
	*replay.Case
	streams map[string]bool
}

// newBreaker reads a connector and plays its cases once: they are green as long as nothing is broken.
func newBreaker(t *testing.T, name string) *breaker {
	t.Helper()
	src, err := fs.ReadFile(connectors.FS, name+"/connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		t.Fatal(err)
	}
	b := &breaker{name: name, tree: expanded(doc.Content[0])}
	c, err := b.parse(t, b.tree)
	if err != nil {
		t.Fatalf("the file is refused as it is: %v", err)
	}
	defer c.Close()
	for _, k := range cases(t, name) {
		r := &reading{k, map[string]bool{}}
		var mu sync.Mutex
		if !b.green(t, c, k, func(e runtime.Event) {
			mu.Lock()
			defer mu.Unlock()
			r.streams[e.Stream] = true
		}) {
			t.Fatalf("%s is red as it is", k.File)
		}
		b.cases = append(b.cases, r)
	}
	return b
}

// parse reads the connector from a tree.
func (b *breaker) parse(t *testing.T, tree *yaml.Node) (*runtime.Connector, error) {
	t.Helper()
	text, err := yaml.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.Parse(b.name+"/connector.yaml", text, func(name string) (string, string, error) {
		p := path.Join(b.name, name)
		text, err := fs.ReadFile(connectors.FS, p)
		return p, string(text), err
	}, script.Options{})
}

func (b *breaker) green(t *testing.T, c *runtime.Connector, k *replay.Case, observe func(runtime.Event)) bool {
	t.Helper()
	r, err := k.Play(t.Context(), c, replay.Options{Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	return r.OK()
}

// noticed says whether the mutant is refused or turns a case red. A case that has turned red is
// the first to be played with the next mutant.
func (b *breaker) noticed(t *testing.T, m mutant) bool {
	t.Helper()
	c, err := b.parse(t, m.apply(b.tree))
	if err != nil {
		return true
	}
	defer c.Close()
	for i, k := range b.cases {
		if m.stream != "" && !k.streams[m.stream] {
			continue
		}
		if !b.green(t, c, k.Case, nil) {
			b.cases = slices.Insert(slices.Delete(b.cases, i, i+1), 0, k)
			return true
		}
	}
	return false
}

// mutant is one way in which a connector is broken.
type mutant struct {
	name   string
	stream string // the only one that it concerns; "": any
	path   []any  // of the mapping or list that is changed: keys and indices
	change func(*yaml.Node)
}

// apply returns a tree that is broken in this way.
func (m mutant) apply(tree *yaml.Node) *yaml.Node {
	tree = expanded(tree)
	m.change(at(tree, m.path...))
	return tree
}

// mutants lists the ways in which a connector's paging is broken.
func mutants(tree *yaml.Node) []mutant {
	list := rules(tree, "", "http", "responses")
	streams := at(tree, "streams")
	for i := 0; i < len(streams.Content); i += 2 {
		name := streams.Content[i].Value
		list = append(list, rules(tree, name, "streams", name, "http", "responses")...)
		list = append(list, paging(tree, name)...)
	}
	return list
}

// rules drops each rule for answers.
func rules(tree *yaml.Node, stream string, where ...any) []mutant {
	node := at(tree, where...)
	if node == nil {
		return nil
	}
	var list []mutant
	for i := range node.Content {
		list = append(list, mutant{fmt.Sprintf("%s[%d] dropped", dotted(where), i), stream, where, func(n *yaml.Node) {
			n.Content = slices.Delete(n.Content, i, i+1)
		}})
	}
	return list
}

// paging breaks the pagination block of a stream.
func paging(tree *yaml.Node, stream string) []mutant {
	where := []any{"streams", stream, "pagination"}
	block := at(tree, where...)
	if block == nil {
		return nil
	}
	var list []mutant
	add := func(what string, where []any, change func(*yaml.Node)) {
		list = append(list, mutant{what, stream, where, change})
	}
	blocks := [][]any{where, {"streams", stream, "session"}}
	for _, key := range []string{"token", "limit", "total"} {
		blocks = append(blocks, append(slices.Clip(where), key))
	}
	for _, owner := range blocks {
		n := at(tree, owner...)
		if n == nil || n.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i < len(n.Content); i += 2 {
			if key := n.Content[i].Value; key != "type" {
				add(dotted(owner)+"."+key+" dropped", owner, func(n *yaml.Node) { drop(n, key) })
			}
		}
	}
	if at(block, "type").Value == "link" && at(block, "next") == nil {
		add(dotted(where)+".next elsewhere", where, func(n *yaml.Node) { set(n, "next", "link.other") })
	}
	owners := [][]any{where, append(slices.Clip(where), "limit")}
	if fallback := at(block, "fallback"); fallback != nil && fallback.Kind == yaml.SequenceNode {
		for i := range fallback.Content {
			way := append(slices.Clip(where), "fallback", i)
			owners = append(owners, way)
			if len(fallback.Content) > 1 {
				add(dotted(way)+" dropped", way[:len(way)-1], func(n *yaml.Node) { n.Content = slices.Delete(n.Content, i, i+1) })
			}
		}
	}
	for _, owner := range owners {
		send := at(tree, append(slices.Clip(owner), "send")...)
		switch {
		case send == nil:
		case send.Kind == yaml.ScalarNode:
			add(dotted(owner)+".send elsewhere", owner, func(n *yaml.Node) { set(n, "send", elsewhere(at(n, "send").Value)) })
		default:
			parts := append(slices.Clip(owner), "send")
			for i := 0; i < len(send.Content); i += 2 {
				add(dotted(parts)+"."+send.Content[i].Value+" elsewhere", parts, func(n *yaml.Node) {
					n.Content[i].Value = elsewhere(n.Content[i].Value)
				})
			}
		}
	}
	if at(block, "type").Value == "hook" || at(tree, "streams", stream, "hook", "next") != nil {
		add("streams."+stream+" without the hook's next", []any{"streams", stream}, func(n *yaml.Node) {
			set(n, "hook", "")
			h := at(n, "hook")
			*h = yaml.Node{Kind: yaml.MappingNode}
			set(h, "next", "")
		})
	}
	return list
}

// elsewhere is another place of the same kind for a value that is sent.
func elsewhere(target string) string {
	if target == "url" || target == "query.*" {
		return "query.broken"
	}
	return target + "_broken"
}

// at is the node at a path of keys and indices, nil when there is none.
func at(n *yaml.Node, where ...any) *yaml.Node {
	for _, step := range where {
		switch step := step.(type) {
		case int:
			n = n.Content[step]
		case string:
			i := index(n, step)
			if i < 0 {
				return nil
			}
			n = n.Content[i+1]
		}
	}
	return n
}

// index is where a key stands in a mapping's content, -1 when it does not.
func index(n *yaml.Node, key string) int {
	if n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i
		}
	}
	return -1
}

func drop(n *yaml.Node, key string) {
	i := index(n, key)
	n.Content = slices.Delete(n.Content, i, i+2)
}

func set(n *yaml.Node, key, value string) {
	v := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
	if i := index(n, key); i >= 0 {
		n.Content[i+1] = v
		return
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, v)
}

// expanded copies a tree, with what aliases stand for in their place: a stream is broken alone.
func expanded(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := *n
	c.Anchor, c.HeadComment, c.LineComment, c.FootComment = "", "", "", ""
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = expanded(child)
	}
	return &c
}

func dotted(where []any) string {
	var b strings.Builder
	for _, step := range where {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}
