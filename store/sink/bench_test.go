package sink_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lastpage/lastpage/store/sink"
)

func BenchmarkPage(b *testing.B) {
	var page [][]byte
	var keys []string
	text := bytes.Repeat([]byte("0123456789"), 20)
	for i := range 1000 {
		page = append(page, fmt.Appendf(nil, `{"id":%06d,"type":"ipv4","confidence":80,"text":"%s"}`, i, text))
		keys = append(keys, fmt.Sprintf("%012d", i))
	}
	size := 0
	for _, r := range page {
		size += len(r) + 1
	}
	for _, uri := range []string{"null:", "jsonl:DIR/out.jsonl", "jsonl:DIR/out.jsonl?fsync=never", "jsonl:DIR/out.jsonl?fsync=page", "jsonl:DIR/out.jsonl.gz", "jsonl:DIR/out.jsonl.zst", "csv:DIR/out.csv", "sqlite:DIR/out.db", "sqlite:DIR/out.db?fsync=never"} {
		b.Run(uri, func(b *testing.B) {
			s := open(b, string(bytes.ReplaceAll([]byte(uri), []byte("DIR"), []byte(b.TempDir()))), "a", nil, false, sink.Options{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n, sqlite := 0, uri[:3] == "sql"
			for b.Loop() {
				if sqlite {
					for i := range keys { // new keys in order
						keys[i] = fmt.Sprintf("%012d", n+i)
					}
				}
				n += len(page)
				if err := s.Write(b.Context(), "a", "", page, keys); err != nil {
					b.Fatal(err)
				}
				if _, _, err := s.Mark(b.Context(), "a"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}
