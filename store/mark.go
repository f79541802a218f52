package store

import (
	"context"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// Marks returns the marks of the stream's outputs as committed last, in order of target. An output
// that several streams share has one mark, the last that any of them committed.
func (db *DB) Marks(ctx context.Context, s engine.StreamKey) ([]engine.Mark, error) {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return nil, err
	}
	var marks []engine.Mark
	err = db.each(ctx, `SELECT o.target, o.data FROM runner_stream_output s JOIN runner_output o ON o.id = s.output
		WHERE s.stream = ? AND o.data IS NOT NULL ORDER BY o.target`, []any{id}, func(scan func(...any) error) error {
		var m engine.Mark
		if err := scan(&m.Target, jsonField{&m.Data}); err != nil {
			return err
		}
		marks = append(marks, m)
		return nil
	})
	return marks, err
}

// Writers returns the streams whose outputs have a mark of target, of any connector, in order.
func (db *DB) Writers(ctx context.Context, target string) ([]engine.StreamKey, error) {
	var list []engine.StreamKey
	err := db.each(ctx, `SELECT s.connector, s.stream FROM runner_output o JOIN runner_stream_output w ON w.output = o.id JOIN runner_stream s ON s.id = w.stream
		WHERE o.target = ? AND o.data IS NOT NULL ORDER BY s.connector, s.stream`, []any{target}, func(scan func(...any) error) error {
		var s engine.StreamKey
		if err := scan(&s.Connector, &s.Stream); err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// output returns the row number of a target and ties the stream to it.
func (t *tx) output(c *streamCache, stream int64, target string) (int64, error) {
	if id, ok := c.outputs[target]; ok {
		return id, nil
	}
	if target == "" {
		return 0, fmt.Errorf("a mark needs a target")
	}
	if _, err := t.exec("INSERT INTO runner_output (target) VALUES (?) ON CONFLICT (target) DO NOTHING", target); err != nil {
		return 0, err
	}
	var id int64
	if _, err := t.get("SELECT id FROM runner_output WHERE target = ?", []any{target}, &id); err != nil {
		return 0, err
	}
	if _, err := t.exec("INSERT INTO runner_stream_output (stream, output) VALUES (?, ?) ON CONFLICT DO NOTHING", stream, id); err != nil {
		return 0, err
	}
	c.outputs[target] = id
	return id, nil
}

func (t *tx) putMark(c *streamCache, stream int64, m *engine.Mark) error {
	id, err := t.output(c, stream, m.Target)
	if err != nil {
		return err
	}
	if !m.Volatile {
		if err := t.dropBefore(id); err != nil {
			return err
		}
	}
	_, err = t.exec("UPDATE runner_output SET data = ? WHERE id = ?", text(m.Data), id)
	return err
}
