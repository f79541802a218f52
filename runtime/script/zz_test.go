package script

import (
	"context"
	"fmt"
	"strings"
	"testing"
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

func BenchmarkCall(b *testing.B) {
	p, err := Compile(&HookSource{File: "hook.js", Text: `
function next(page) { const m = page.body.meta; return m.next ? {token: m.next} : {end: "no next"} }
function record(rec, ctx) { rec.kind = rec.type + "!"; return rec }
function empty() {}
`}, []Source{{ID: 1, Text: "record.type !== 'x'", File: "f", Line: 1, Col: 1, Names: names}, {ID: 2, Text: "body.meta.next + 'x'", File: "f", Line: 1, Col: 1, Names: names}}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	body := bigPage(1000)
	pg := &Page{Status: 200, Body: body, JSON: true}
	ctx := context.Background()
	records, _ := DecodeRecords(Result{JSON: body[8 : len(body)-len(`,"meta":{"next":"abc","total":1000}}`)]})
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Call(ctx, "empty", nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("next", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Call(ctx, "next", nil, pg.Value()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("record", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.CallEach(ctx, "record", nil, records); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("filter", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.EvalEach(ctx, 1, nil, records); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("expr", func(b *testing.B) {
		b.ReportAllocs()
		env := &Env{}
		env.Set("body", JSON(body))
		for b.Loop() {
			if _, err := p.Eval(ctx, 2, env); err != nil {
				b.Fatal(err)
			}
		}
	})
}
