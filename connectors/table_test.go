package connectors_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/engine/spec"
)

var update = flag.Bool("update", false, "write docs/connectors.md anew")

// Lines that a connector needs at most: one with more says why, in the comment at its head, in a
// sentence with "over 60 lines" or "over 25 lines".
const (
	mostYAML = 60 // without the comment at the head
	mostHook = 25
)

const tableHead = `# The connectors that ship

Each is a folder of [connectors/](../connectors/): ` + "`connector.yaml`" + `, rarely a ` + "`hook.js`" + `, and recorded exchanges that prove it (see [Cases](cases.md)).
The comment at the head of each file says what was learnt where, and how sure it is. ` + "`runner show NAME`" + ` prints the file and its settings, ` + "`runner test NAME`" + ` plays its cases.

The lines of YAML are those without the comment at the head, and in brackets with it.
A test breaks each connector's paging on purpose, one thing at a time, and demands that a case notices.

| connector | what | credentials | streams | YAML | JavaScript | cases |
|---|---|---|---|--:|--:|--:|
`

// TestTable holds docs/connectors.md to the connectors; -update writes it.
func TestTable(t *testing.T) {
	var b, reasons bytes.Buffer
	b.WriteString(tableHead)
	var yaml, hook, played int
	all := names(t)
	for _, name := range all {
		r := newRow(t, name)
		fmt.Fprintf(&b, "| [%s](../connectors/%s/connector.yaml) | %s | %s | %s | %d (%d) | %s | %d |\n",
			name, name, r.spec.Title, credentials(r.spec), patterns(r.spec), r.yaml, r.yaml+r.head, count(r.hook), r.cases)
		yaml, hook, played = yaml+r.yaml, hook+r.hook, played+r.cases
		for _, over := range []struct{ n, most int }{{r.yaml, mostYAML}, {r.hook, mostHook}} {
			if over.n <= over.most {
				continue
			}
			why := r.why(over.most)
			if why == "" {
				t.Errorf("%s has %d lines, and no sentence of the comment at its head says why it is over %d lines", name, over.n, over.most)
			}
			fmt.Fprintf(&reasons, "- %s: %s\n", name, why)
		}
	}
	fmt.Fprintf(&b, "| **%d connectors** | | | | **%d** | **%d** | **%d** |\n", len(all), yaml, hook, played)
	fmt.Fprintf(&b, "\nA connector has at most %d lines of YAML and %d of JavaScript, or says why it has more:\n\n%s", mostYAML, mostHook, reasons.Bytes())

	file := filepath.Join("..", "docs", "connectors.md")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s differs from the connectors: go test ./connectors -run TestTable -update writes it", filepath.ToSlash(file))
	}
}

// row is what the table says of one connector.
type row struct {
	spec       *spec.Connector
	comment    string // at the head, one line
	head, yaml int    // lines
	hook       int    // lines, 0 without
	cases      int
}

func newRow(t *testing.T, name string) *row {
	t.Helper()
	r := &row{spec: load(t, name).Spec, cases: len(cases(t, name))}
	src, err := fs.ReadFile(connectors.FS, name+"/connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(src), "\n"), "\n")
	for r.head < len(lines) && strings.HasPrefix(lines[r.head], "#") {
		r.comment += strings.TrimPrefix(lines[r.head], "#")
		r.head++
	}
	if r.comment == "" {
		t.Errorf("%s: no comment at the head says what was learnt where", name)
	}
	r.yaml = len(lines) - r.head
	if r.spec.Hook != nil {
		r.hook = strings.Count(r.spec.Hook.Text, "\n")
	}
	return r
}

// why is the sentence of the comment that says why the connector is over that many lines.
func (r *row) why(most int) string {
	over := regexp.MustCompile(fmt.Sprintf(`[^.]*\bover %d lines\b[^.]*\.`, most))
	return strings.TrimSpace(over.FindString(r.comment))
}

// credentials says how requests show who asks.
func credentials(c *spec.Connector) string {
	var kinds []string
	add := func(kind string) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	for _, s := range c.Streams {
		if a := s.HTTP.Auth; a != nil && a.Type != "none" {
			add("`" + a.Type + "`")
		}
		for _, h := range s.HTTP.Headers {
			if secret(c, h.Value) {
				add("header `" + h.Name + "`")
			}
		}
	}
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

// secret says whether a value holds a secret of the config.
func secret(c *spec.Connector, n *spec.Node) bool {
	if n.Text == nil {
		return false
	}
	for _, p := range n.Text.Parts {
		if p.Expr == nil {
			continue
		}
		for _, v := range c.Config {
			if v.Secret && strings.Contains(p.Expr.Source, "config."+v.Name) {
				return true
			}
		}
	}
	return false
}

// patterns names the streams by how they page.
func patterns(c *spec.Connector) string {
	var order []string
	streams := map[string][]string{}
	for _, s := range c.Streams {
		p := "`" + string(s.Pagination.Rules.Type) + "`"
		for _, part := range s.Partitions {
			if part.Window != nil {
				p += " in windows"
			}
		}
		if s.Session != nil {
			p += " in a session"
		}
		if s.Details != nil {
			p += " with details"
		}
		if streams[p] == nil {
			order = append(order, p)
		}
		streams[p] = append(streams[p], s.Name)
	}
	for i, p := range order {
		order[i] = strings.Join(streams[p], ", ") + ": " + p
	}
	return strings.Join(order, "; ")
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
