package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/lastpage/lastpage/testdata/measure"
)

// server holds the rendered pages: the items of each, between a head and a tail that carry the token.
type server struct {
	url   string
	srv   *http.Server
	pages [][]byte
	bytes int64
}

func serve(p plan) (*server, error) {
	s := &server{}
	n := (p.records + p.page - 1) / p.page
	distinct := min(n, 64) // as many different bodies as caches do not hold
	bodies := make([][]byte, distinct)
	for i := range bodies {
		bodies[i] = p.items(i)
	}
	for i := range n {
		next := `null`
		if i+1 < n {
			next = `"` + strconv.Itoa(i+1) + `"`
		}
		head := fmt.Sprintf(`{"total":%d,"next":%s,"items":[`, p.records, next)
		items := bodies[i%distinct]
		if i == n-1 && p.records%p.page != 0 {
			short := p
			short.page = p.records % p.page
			items = short.items(i)
		}
		s.bytes += int64(len(head) + len(items) + 2)
		if i >= distinct && !p.gzip && n > 4*distinct {
			s.pages = append(s.pages, []byte(head)) // the items are shared
			continue
		}
		page := append(append([]byte(head), items...), "]}"...)
		if p.gzip {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			w.Write(page)
			w.Close()
			page = b.Bytes()
		}
		s.pages = append(s.pages, page)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + l.Addr().String()
	s.srv = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := 0
		q := r.URL.Query()
		if c := q.Get("cursor"); c != "" {
			i, _ = strconv.Atoi(c)
		} else if o := q.Get("offset"); o != "" {
			i, _ = strconv.Atoi(o)
			i /= p.page
		}
		w.Header().Set("Content-Type", "application/json")
		if i >= n {
			io.WriteString(w, fmt.Sprintf(`{"total":%d,"next":null,"items":[]}`, p.records))
			return
		}
		if p.gzip {
			w.Header().Set("Content-Encoding", "gzip")
		}
		page := s.pages[i]
		if len(page) < 200 && i >= distinct && !p.gzip {
			items := bodies[i%distinct]
			w.Header().Set("Content-Length", strconv.Itoa(len(page)+len(items)+2))
			w.Write(page)
			w.Write(items)
			io.WriteString(w, "]}")
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.Write(page)
	})}
	go s.srv.Serve(l)
	return s, nil
}

func (s *server) close() { s.srv.Close() }

// items renders the records of one page.
func (p plan) items(page int) []byte {
	var b bytes.Buffer
	for i := range p.page {
		if i > 0 {
			b.WriteByte(',')
		}
		id := page*p.page + i
		rec := fmt.Sprintf(`{"id":"indicator--%08d","type":"ipv4","value":"203.0.%d.%d","confidence":%d,"created":"2026-01-%02dT%02d:00:00Z","tags":["c2","botnet"],"note":"`, id, id/256%256, id%256, id%100, id%28+1, id%24)
		if p.nested {
			rec = fmt.Sprintf(`{"type":"indicator","id":"indicator--%08d","objects":[{"a":[1,2,{"b":"c"}],"d":{"e":{"f":%d}}},{"x":true,"y":null,"z":1.5e3}],"kill_chain_phases":[{"kill_chain_name":"lockheed","phase_name":"recon"}],"pattern":"[ipv4-addr:value = '203.0.113.%d']","refs":[%s],"note":"`, id, id, id%256, strings.Repeat(`"r--1",`, 40)+`"r--2"`)
		}
		b.WriteString(rec)
		if pad := p.size - len(rec) - 2; pad > 0 {
			b.WriteString(strings.Repeat("x", pad))
		}
		b.WriteString(`"}`)
	}
	return b.Bytes()
}

// floor runs this program again to read and discard every page: the server is in another process for
// both.
func (s *server) floor() (measure.Result, error) {
	self, err := os.Executable()
	if err != nil {
		return measure.Result{}, err
	}
	return measure.Run(0, self, "-discard", s.url, "-records", strconv.Itoa(len(s.pages)))
}

// discard reads n pages over one connection.
func discard(url string, n int) error {
	buf := make([]byte, 256<<10)
	for i := range n {
		resp, err := http.Get(url + "/pages?cursor=" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		for {
			if _, err = resp.Body.Read(buf); err != nil {
				break
			}
		}
		if resp.Body.Close(); err != io.EOF {
			return err
		}
	}
	return nil
}
