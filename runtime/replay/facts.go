package replay

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime"
)

// gather puts a run's report and what is stored after it into the words of a verdict.
func gather(c *runtime.Connector, r *runtime.Report, err error, at *clock, led *runtime.MemoryLedger) *facts {
	f := &facts{run: map[string]json.RawMessage{}, streams: map[string]map[string]json.RawMessage{}}
	waits := []string{}
	for _, d := range at.waited() {
		waits = append(waits, waitText(d))
	}
	put(f.run, "waits", waits)
	put(f.run, "exit", exitOf(r, err))
	if err != nil {
		put(f.run, "verdict", runtime.Failed)
		put(f.run, "error", err.Error())
		return f
	}
	text(f.run, "verdict", r.Verdict)
	text(f.run, "attested", string(r.Attested))
	text(f.run, "reason", r.Reason)
	text(f.run, "until", r.Until)
	failure(f.run, r.Err, r.Message)
	for _, s := range r.Streams {
		m := map[string]json.RawMessage{}
		text(m, "verdict", s.Verdict)
		text(m, "attested", string(s.Attested))
		text(m, "reason", s.Reason)
		text(m, "until", s.Until)
		failure(m, s.Err, s.Message)
		for key, n := range map[string]int64{"pages": s.Pages, "records": s.Records, "received": s.Received, "duplicates": s.Duplicates,
			"requests": s.Requests, "retries": s.Retries, "recoveries": s.Recoveries, "chains": s.Chains} {
			put(m, key, n)
		}
		put(m, "total", s.Total)
		events := s.Events
		if events == nil {
			events = map[string]int64{}
		}
		put(m, "events", events)
		marks := led.Bookmarks(engine.StreamKey{Connector: c.Spec.Name, Stream: s.Name})
		m["watermark"] = marked(marks, func(b engine.Bookmark) json.RawMessage { return b.Watermark })
		if st := c.Spec.Stream(s.Name); st != nil && (st.Pagination.Keep != nil || st.Pagination.KeepToken) {
			m["kept"] = marked(marks, func(b engine.Bookmark) json.RawMessage { return b.Kept })
		}
		f.streams[s.Name] = m
		f.names = append(f.names, s.Name)
	}
	return f
}

func put(m map[string]json.RawMessage, key string, v any) {
	if b, err := json.Marshal(v); err == nil { // numbers, texts and lists of them
		m[key] = b
	}
}

func text(m map[string]json.RawMessage, key, s string) {
	if s != "" {
		put(m, key, s)
	}
}

func failure(m map[string]json.RawMessage, err error, message string) {
	if err != nil {
		message += "\n" + err.Error()
	}
	text(m, "error", message)
}

// marked is the value of a stream without partitions, else an object by partition.
func marked(marks []engine.Bookmark, of func(engine.Bookmark) json.RawMessage) json.RawMessage {
	by := map[string]json.RawMessage{}
	for _, b := range marks {
		if v := of(b); v != nil {
			if b.Base == "" {
				return v
			}
			by[b.Base] = v
		}
	}
	if len(by) == 0 {
		return nil
	}
	out := []byte{'{'}
	for i, base := range slices.Sorted(maps.Keys(by)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(rawjson.AppendString(out, base), ':')
		out = append(out, by[base]...)
	}
	return append(out, '}')
}
