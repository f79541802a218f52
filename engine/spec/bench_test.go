package spec

import "testing"

func BenchmarkParse(b *testing.B) {
	for _, s := range scenarios(b) {
		if s.file != goldens+"/valid-everything.txtar" {
			continue
		}
		text := []byte(s.yaml())
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Parse("connector.yaml", text, s.options()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
