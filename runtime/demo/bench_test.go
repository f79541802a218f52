package demo

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkPage answers one page of 1000 records, without a network.
func BenchmarkPage(b *testing.B) {
	api := New(Options{})
	for _, path := range []string{"/offset?limit=1000&offset=1000", "/cursor?limit=1000", "/link-header?per_page=100"} {
		b.Run(path, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				api.ServeHTTP(w, r)
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
