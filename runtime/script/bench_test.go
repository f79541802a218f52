package script

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/rawjson"
)

func bigPage(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"type":"indicator","value":"203.0.113.%d","confidence":%d,"tags":["malware","c2"],"description":"A record of about two hundred and fifty bytes, as the pages of many interfaces hold them, with text in it","created":"2026-01-02T03:04:05Z","score":0.%d}`, i, i%256, i%100, i%1000)
	}
	b.WriteString(`],"meta":{"next":"abc","total":1000}}`)
	return []byte(b.String())
}

// BenchmarkCall measures calls in both isolations: docs/hooks.md has the figures.
func BenchmarkCall(b *testing.B) {
	for _, iso := range isolations {
		b.Run(strings.ReplaceAll(iso.name, " ", "-"), func(b *testing.B) { benchmarkCalls(b, iso.worker) })
	}
}

func benchmarkCalls(b *testing.B, worker []string) {
	open, err := Compile(&HookSource{File: "hook.js", Text: `function record(rec) { for (const k of ["value", "type"]) rec.n = rec[k]; return rec }`}, nil, Options{Worker: worker})
	if err != nil {
		b.Fatal(err)
	}
	defer open.Close()
	p, err := Compile(&HookSource{File: "hook.js", Text: `
function next(page) { const m = page.body.meta; return m.next ? {token: m.next} : {end: "no next"} }
function record(rec, ctx) { rec.kind = rec.type + "!"; return rec }
function empty() {}
`}, []Source{{ID: 1, Text: "record.type !== 'x'", File: "f", Line: 1, Col: 1, Names: names}, {ID: 2, Text: "body.meta.next + 'x'", File: "f", Line: 1, Col: 1, Names: names}}, Options{Worker: worker})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	body := bigPage(1000)
	list := len(body) - len(`,"meta":{"next":"abc","total":1000}}`)
	page := &Page{Status: 200, Body: body, JSON: true}
	known := &Page{Status: 200, Body: body, JSON: true, Spans: []rawjson.Span{{Start: 8, End: list}}}
	ctx := context.Background()
	records, err := DecodeRecords(Result{JSON: body[8:list]})
	if err != nil {
		b.Fatal(err)
	}
	call := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	env := &Env{}
	env.Set("body", JSON(body))
	call("empty", func() error { _, err := p.Call(ctx, "empty", nil); return err })
	call("next", func() error { _, err := p.Call(ctx, "next", nil, page.Value()); return err })
	call("next-known-records", func() error { _, err := p.Call(ctx, "next", nil, known.Value()); return err })
	call("record-1000", func() error { _, err := p.CallEach(ctx, "record", nil, records); return err })
	call("computed-1000", func() error { _, err := open.CallEach(ctx, "record", nil, records); return err })
	call("filter-1000", func() error { _, err := p.EvalEach(ctx, 1, nil, records); return err })
	call("expression", func() error { _, err := p.Eval(ctx, 2, env); return err })
}
