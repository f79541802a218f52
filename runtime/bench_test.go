package runtime_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// BenchmarkRun drains pages of 1,000 records of 250 bytes into a JSONL file with a checkpoint per page.
// One operation is one page.
func BenchmarkRun(b *testing.B) {
	const size, perPage = 250, 1000
	var items bytes.Buffer
	for i := range perPage {
		if i > 0 {
			items.WriteByte(',')
		}
		rec := fmt.Sprintf(`{"id":"indicator--%08d","type":"ipv4","value":"203.0.113.%d","confidence":%d,"created":"2026-01-%02dT00:00:00Z","note":"`, i, i%256, i%100, i%28+1)
		items.WriteString(rec)
		for n := len(rec); n < size-2; n++ {
			items.WriteByte('x')
		}
		items.WriteString(`"}`)
	}
	pages := b.N
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		next := "null"
		if i+1 < pages {
			next = `"` + strconv.Itoa(i+1) + `"`
		}
		head := fmt.Sprintf(`{"total":%d,"next":%s,"items":[`, pages*perPage, next)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(head)+items.Len()+2))
		w.Write([]byte(head))
		w.Write(items.Bytes())
		w.Write([]byte("]}"))
	}))
	defer server.Close()
	dir := b.TempDir()
	file := filepath.Join(dir, "connector.yaml")
	text := "connector: bench\nformat: 1\nhttp: {base_url: \"" + server.URL + "\"}\nstreams:\n  records:\n    request: {path: /pages}\n    records: {path: items}\n    pagination: {type: cursor, next: body.next, send: query.cursor, total: body.total}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	c, err := runtime.Load(file, script.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(dir, "state.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	out, err := sink.New(ctx, "jsonl:"+filepath.Join(dir, "out.jsonl"), sink.Options{Ledger: db.Path()})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(items.Len()))
	b.ReportAllocs()
	b.ResetTimer()
	report, err := runtime.Run(ctx, &runtime.Job{Connector: c, Ledger: db, Sink: out, Owner: store.Self(time.Now())})
	if err != nil {
		b.Fatal(err)
	}
	if report.Verdict != runtime.Complete || report.Streams[0].Records != int64(pages*perPage) {
		b.Fatalf("%s: %d records of %d", report.Message, report.Streams[0].Records, pages*perPage)
	}
	b.ReportMetric(float64(pages*perPage)/b.Elapsed().Seconds(), "records/s")
}
