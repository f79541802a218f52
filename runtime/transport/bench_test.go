package transport

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkPage gets a page of 246 KB: by this client, and by net/http alone.
func BenchmarkPage(b *testing.B) {
	page := "[" + strings.Repeat(`{"id":"0123456789"},`, 12000) + "1]"
	srv := newRawServer(b, func(n int, conn net.Conn, r *http.Request) bool { return answer(conn, 200, page) })
	b.Run("client", func(b *testing.B) {
		c := newClient(b, srv.url, nil)
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			a, err := c.Do(b.Context(), &Request{URL: srv.url + "/page"})
			if err != nil || len(a.Body) != len(page) {
				b.Fatal(err)
			}
			a.Release()
		}
	})
	b.Run("net/http", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		b.ReportAllocs()
		for b.Loop() {
			resp, err := http.Get(srv.url + "/page")
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}
