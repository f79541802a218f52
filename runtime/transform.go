package runtime

import (
	"context"
	"encoding/json"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// kept is the records of a listing that are delivered. Untouched ones are the bytes as received.
type kept struct {
	records [][]byte
	of      []int // which record of the listing each one is or was made of; nil when all of them, in order
	touched bool  // a hook, set or drop changed them
}

// transform applies filter, the hook `record`, set and drop to the records that `which` names (nil:
// all).
func (c *chain) transform(ctx context.Context, g *got, recs [][]byte, which []int) (*kept, error) {
	r := c.sr.recordRules(g.page)
	hooked := c.sr.hooked(c.sr.spec, "record")
	k := &kept{records: recs, of: which}
	if which != nil {
		k.records = make([][]byte, len(which))
		for i, n := range which {
			k.records[i] = recs[n]
		}
	} else if c.sr.wantKeys || hooked || r.Filter != nil { // what comes out need not be what goes in, one for one
		k.of = count(len(recs))
	}
	if len(k.records) == 0 {
		return k, nil
	}
	if r.Filter != nil {
		if err := c.filter(ctx, g, r.Filter, k); err != nil {
			return nil, err
		}
	}
	if hooked && len(k.records) > 0 {
		if err := c.hookRecord(ctx, g, k); err != nil {
			return nil, err
		}
	}
	if len(r.Set) > 0 || len(r.Drop) > 0 {
		if err := c.edit(ctx, g, r, k); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// filter keeps the records for which the expression holds.
func (c *chain) filter(ctx context.Context, g *got, f *spec.Text, k *kept) error {
	values, err := c.evalEach(ctx, g, f, k.records)
	if err != nil {
		return err
	}
	records, of := k.records[:0:0], make([]int, 0, len(values))
	for i, v := range values {
		if truthy(v) {
			records, of = append(records, k.records[i]), append(of, k.of[i])
		}
	}
	k.records, k.of = records, of
	return nil
}

// edit applies set and drop. A set field whose value is null is left out.
func (c *chain) edit(ctx context.Context, g *got, r *spec.Records, k *kept) error {
	type column struct {
		path   engine.Path
		node   *spec.Node
		values []json.RawMessage // per record, when the node is one expression
	}
	columns := make([]column, len(r.Set))
	for i, f := range r.Set {
		columns[i] = column{path: engine.Path{{Field: f.Name}}, node: f.Value}
		if f.Value.Kind == spec.KindString && len(f.Value.Text.Parts) == 1 && f.Value.Text.Parts[0].Expr != nil {
			values, err := c.evalEach(ctx, g, f.Value.Text, k.records)
			if err != nil {
				return err
			}
			columns[i].values = values
		}
	}
	out := make([][]byte, len(k.records))
	sc := *g.view.scope
	for i, rec := range k.records {
		t := leaf(rec)
		for _, col := range columns {
			v := json.RawMessage(nil)
			if col.values != nil {
				v = col.values[i]
			} else {
				sc.record = rec
				n, err := sc.node(ctx, col.node)
				if err != nil {
					return err
				}
				if n != nil {
					v = n.append(nil)
				}
			}
			if v != nil {
				t.set(col.path, v)
			}
		}
		for _, p := range r.Drop {
			t.drop(p)
		}
		out[i] = t.append(nil)
	}
	k.records, k.touched = out, true
	return nil
}

// drop removes what stands at path, in every element where the path says so.
func (t *tree) drop(path engine.Path) {
	if len(path) == 0 {
		return
	}
	t.open()
	step := path[0]
	for i := 0; i < len(t.items); i++ {
		switch {
		case step.Kind == engine.StepField && (!t.object || t.names[i] != step.Field):
			continue
		case step.Kind == engine.StepIndex && (!t.list || i != step.Index && i != step.Index+len(t.items)):
			continue
		}
		if len(path) > 1 {
			t.items[i].drop(path[1:])
			continue
		}
		t.items = append(t.items[:i:i], t.items[i+1:]...)
		if t.object {
			t.names = append(t.names[:i:i], t.names[i+1:]...)
		}
		if step.Kind == engine.StepIndex {
			return
		}
		i--
	}
}

// evalEach gives the value of an expression for each record.
func (c *chain) evalEach(ctx context.Context, g *got, t *spec.Text, recs [][]byte) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(recs))
	if len(t.Parts) == 1 && t.Parts[0].Expr != nil && t.Parts[0].Expr.Names == nil {
		results, err := c.sr.program.EvalEach(ctx, t.Parts[0].Expr.ID, g.view.scope.env(), recs)
		if err != nil {
			return nil, scriptError(err)
		}
		for i, r := range results {
			if !r.Undefined && string(r.JSON) != "null" {
				out[i] = r.JSON
			}
		}
		return out, nil
	}
	sc := *g.view.scope
	for i, rec := range recs {
		sc.record = rec
		v, err := sc.evalText(ctx, t)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}
