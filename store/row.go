package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// read scans the one row that query gives; ok is false when there is none.
func (db *DB) read(ctx context.Context, query string, args []any, dest ...any) (ok bool, err error) {
	err = db.reader.QueryRowContext(ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, db.explain(err)
}

// each calls fn for every row; fn scans it. An error of fn ends the walk and is returned as it is.
func (db *DB) each(ctx context.Context, query string, args []any, fn func(scan func(...any) error) error) error {
	rows, err := db.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return db.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return db.explain(rows.Err())
}

// timeField scans nanoseconds since 1970 into a time; 0 is the zero time.
type timeField struct{ t *time.Time }

func (f timeField) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is an integer, not %T", v)
	}
	*f.t = moment(n)
	return nil
}

// jsonField scans JSON text; NULL is nil.
type jsonField struct{ raw *json.RawMessage }

func (f jsonField) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*f.raw = nil
	case string:
		*f.raw = json.RawMessage(v)
	case []byte:
		*f.raw = append(json.RawMessage(nil), v...)
	default:
		return fmt.Errorf("JSON is text, not %T", v)
	}
	return nil
}
