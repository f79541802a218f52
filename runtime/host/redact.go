package host

import (
	"context"
	"log/slog"

	"github.com/lastpage/lastpage/runtime/transport"
)

// redacting is a log handler that removes the secrets of one run.
type redacting struct {
	to slog.Handler
	by *transport.Redactor
}

// logOf is a logger for one run, without its secrets.
func logOf(log *slog.Logger, by *transport.Redactor) *slog.Logger {
	return slog.New(redacting{log.Handler(), by})
}

// Enabled implements slog.Handler.
func (h redacting) Enabled(ctx context.Context, l slog.Level) bool { return h.to.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, h.by.String(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.to.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(list []slog.Attr) slog.Handler {
	out := make([]slog.Attr, len(list))
	for i, a := range list {
		out[i] = h.attr(a)
	}
	return redacting{h.to.WithAttrs(out), h.by}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.to.WithGroup(name), h.by}
}

// attr removes secrets from a value. What is no number, time or truth is shown as text.
func (h redacting) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, h.by.String(v.String()))
	case slog.KindGroup:
		var list []any
		for _, one := range v.Group() {
			list = append(list, h.attr(one))
		}
		return slog.Group(a.Key, list...)
	}
	return slog.Attr{Key: a.Key, Value: v}
}
