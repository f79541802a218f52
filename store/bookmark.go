package store

import (
	"context"

	"github.com/lastpage/lastpage/engine"
)

const selectBookmark = "SELECT base, watermark, kept, recent, asked, updated FROM runner_bookmark "

func bookmarkFields(b *engine.Bookmark) []any {
	return []any{&b.Base, jsonField{&b.Watermark}, jsonField{&b.Kept}, jsonField{&b.Recent}, jsonField{&b.Asked}, timeField{&b.Updated}}
}

// Bookmark returns the bookmark of that base; the zero Bookmark when there is none.
func (db *DB) Bookmark(ctx context.Context, s engine.StreamKey, base string) (engine.Bookmark, error) {
	var b engine.Bookmark
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return b, err
	}
	_, err = db.read(ctx, selectBookmark+"WHERE stream = ? AND base = ?", []any{id, base}, bookmarkFields(&b)...)
	return b, err
}

// Bookmarks calls fn with every bookmark of the stream, in order of base.
func (db *DB) Bookmarks(ctx context.Context, s engine.StreamKey, fn func(engine.Bookmark) error) error {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return err
	}
	return db.each(ctx, selectBookmark+"WHERE stream = ? ORDER BY base", []any{id}, func(scan func(...any) error) error {
		var b engine.Bookmark
		if err := scan(bookmarkFields(&b)...); err != nil {
			return err
		}
		return fn(b)
	})
}

func (t *tx) putBookmark(id int64, b *engine.Bookmark) error {
	at := b.Updated
	if at.IsZero() {
		at = t.db.opt.Now()
	}
	_, err := t.exec(`INSERT INTO runner_bookmark (stream, base, watermark, kept, recent, asked, updated) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (stream, base) DO UPDATE SET watermark = excluded.watermark, kept = excluded.kept, recent = excluded.recent, asked = excluded.asked, updated = excluded.updated`,
		id, b.Base, text(b.Watermark), text(b.Kept), text(b.Recent), text(b.Asked), nanos(at))
	return err
}
