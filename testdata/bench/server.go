package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/lastpage/lastpage/testdata/measure"
)

// server holds the rendered answers: the items of each page, between a head and a tail that carry the
// token. It writes each with one call, so that what is measured has the machine to itself as far as may be.
type server struct {
	url     string
	l       net.Listener
	pages   int
	answers [][][]byte // by page, in pieces: the items are shared
	beyond  []byte
	bytes   int64 // of all bodies
	size    int   // records a page
}

func serve(p plan) (*server, error) {
	s := &server{pages: (p.records + p.page - 1) / p.page, size: p.page, beyond: answer("", fmt.Appendf(nil, `{"total":%d,"next":null,"items":[]}`, p.records))}
	distinct := min(s.pages, 64) // as many different bodies as caches do not hold
	bodies := make([][]byte, distinct)
	for i := range bodies {
		bodies[i] = p.items(i)
	}
	for i := range s.pages {
		next := `null`
		if i+1 < s.pages {
			next = `"` + strconv.Itoa(i+1) + `"`
		}
		items := bodies[i%distinct]
		if i == s.pages-1 && p.records%p.page != 0 {
			short := p
			short.page = p.records % p.page
			items = short.items(i)
		}
		body := [][]byte{fmt.Appendf(nil, `{"total":%d,"next":%s,"items":[`, p.records, next), items, []byte("]}")}
		for _, piece := range body {
			s.bytes += int64(len(piece))
		}
		coding := ""
		if p.gzip {
			var b bytes.Buffer
			w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			for _, piece := range body {
				w.Write(piece)
			}
			w.Close()
			coding, body = "Content-Encoding: gzip\r\n", [][]byte{b.Bytes()}
		}
		body[0] = answer(coding, body...)
		s.answers = append(s.answers, body)
	}
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.url = "http://" + s.l.Addr().String()
	go func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return s, nil
}

// answer is the head of an answer and the first piece of its body.
func answer(coding string, body ...[]byte) []byte {
	n := 0
	for _, piece := range body {
		n += len(piece)
	}
	return append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n", coding, n), body[0]...)
}

// talk answers the requests of one connection.
func (s *server) talk(c net.Conn) {
	defer c.Close()
	r := textproto.NewReader(bufio.NewReader(c))
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		for more := line; more != ""; {
			if more, err = r.ReadLine(); err != nil {
				return
			}
		}
		_, target, _ := strings.Cut(line, " ")
		target, _, _ = strings.Cut(target, " ")
		u, err := url.Parse(target)
		if err != nil {
			return
		}
		q := u.Query()
		i, _ := strconv.Atoi(q.Get("cursor"))
		if o := q.Get("offset"); o != "" {
			i, _ = strconv.Atoi(o)
			i /= s.size
		}
		pieces := net.Buffers{s.beyond}
		if i < s.pages {
			pieces = append(net.Buffers{}, s.answers[i]...)
		}
		if _, err := pieces.WriteTo(c); err != nil {
			return
		}
	}
}

func (s *server) close() { s.l.Close() }

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
	return measure.Run(0, self, "-discard", s.url, "-records", strconv.Itoa(s.pages))
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
