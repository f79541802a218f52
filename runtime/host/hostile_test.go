package host_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/host"
)

const (
	hostileToken = "token-5b1f0a7c93d24e86"
	hostileKey   = "stepkey-0d9e8f7a6b5c4d3e"
	hostileEnv   = "envsecret-1a2b3c4d5e6f7890"
)

// guarded is a connector with a secret that comes from the environment.
const guarded = `connector: guarded
format: 1
config:
  token: {type: string, secret: true, required: true, env: HOSTILE_SECRET}
  base_url: {type: url, default: "http://127.0.0.1:1"}
http:
  base_url: ${config.base_url}
  auth: {type: bearer, token: "${config.token}"}
  retry: {attempts: 1}
streams:
  things:
    request: {path: "/x", query: {key: "${config.token}"}}
    records: {path: $}
    pagination: {type: none}
`

// attack is one hostile request and the statuses that answer it.
type attack struct {
	method, path, body, kind, token string
	want                            []int
}

// attacks makes n hostile requests, the same ones each time.
func attacks(n int) []attack {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	paths := []string{"/v1/step", "/v1/reset", "/v1/runs", "/v1/connectors/validate", "/v1/connectors/guarded/rollback", "/v1/jobs/none/run", "/v1/state/guarded/things"}
	junk := []string{
		``, `null`, `[]`, `"x"`, `{`, `{"connector":1}`, `{"connector":null}`, `{"connector":{}}`, `{"connector":"guarded","stream":[]}`, `{"connector":"guarded","limit":"1"}`,
		`{"connector":"guarded","limit":1e400}`, `{"connector":"guarded","limit":1.5}`, `{"connector":"guarded","config":[]}`, `{"connector":"guarded","config":"x"}`,
		`{"connector":"guarded","nxt":""}`, `{"connector":"guarded"} trailing`, "{\"connector\":\"\xff\xfe\"}", strings.Repeat(`[`, 50_000), strings.Repeat(`{"a":`, 50_000),
		`{"connector":"../../etc/passwd","stream":"x"}`, `{"connector":"guarded\u0000","stream":"x"}`, `{"connector":"` + strings.Repeat("a", 100_000) + `"}`,
		`{"version":"../../../x"}`, `{"version":1}`, `{"position":1,"watermark":2}`, `{"fresh":"yes"}`,
	}
	bad := []int{400, 404, 405, 409, 413, 415, 422}
	list := make([]attack, n)
	for i := range list {
		a := attack{method: "POST", path: pick(paths...), body: pick(junk...), kind: "application/json", token: hostileToken, want: bad}
		if strings.HasPrefix(a.path, "/v1/state") {
			a.method = "PUT"
		}
		if strings.HasSuffix(a.path, "/validate") {
			a.want = append([]int{200}, bad...) // what is wrong with a file is an answer
		}
		switch i % 10 {
		case 0: // no or a wrong token
			a.token = pick("", "x", hostileToken[:len(hostileToken)-1], hostileToken+"x", " ", strings.Repeat("t", 3000))
			a.path, a.method = pick(append(paths, "/metrics", "/v1/events", "/v1/openapi.json", "/v1/nothing")...), pick("GET", "POST", "DELETE")
			a.want = []int{401}
		case 1: // path tricks
			a.method = pick("GET", "POST", "DELETE", "PUT")
			a.path = pick("/../../etc/passwd", "/v1/../metrics", "/v1//runs", "/v1/runs/", "/v1/state/%2e%2e/%2e%2e", "/v1/connectors/..%2f..%2fetc", "/v1/connectors/%00",
				"/v1/runs/%2e%2e%2f", "/v1/jobs/%252e%252e", "/v1/./runs", "//", "/v1/state/a/b/c", "/"+strings.Repeat("a/", 500), "/v1/connectors/guarded/versions/..%5c..%5c")
			a.want = []int{404, 405}
		case 2: // huge bodies
			a.path, a.method = pick("/v1/step", "/v1/runs", "/v1/connectors/validate"), "POST"
			a.body, a.want = `{"connector":"`+strings.Repeat("x", 5<<20)+`"}`, []int{413}
		case 3: // other content types
			a.path, a.method = pick("/v1/step", "/v1/reset", "/v1/runs"), "POST"
			a.kind, a.body, a.want = pick("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json;;", "application/xml"), `{"connector":"guarded"}`, []int{415}
		case 4: // forged next
			a.path, a.method = "/v1/step", "POST"
			a.body = fmt.Sprintf(`{"connector":"guarded","stream":"things","next":%s}`, pick(`"s1.AAAA"`, `"s1.`+strings.Repeat("B", 4000)+`"`, `17`, `true`, `{"$state":{}}`, `["x"]`, `"../../x"`, `"' OR 1=1 --"`))
			a.want = []int{422}
		case 5: // writing where a caller may not
			a.path, a.method = "/v1/runs", "POST"
			a.body = fmt.Sprintf(`{"connector":"guarded","to":%q}`, pick("jsonl:/etc/x", "jsonl:../x", "jsonl:a/../../x", "csv:/dev/stdout", "sqlite:../state.db", "jsonl:-", "-", "nope:x", "", "jsonl:", "jsonl:%2e%2e/x", "jsonl:a?b=c"))
			a.want = []int{422}
		case 6: // the secret in what is said: nothing answers there
			a.path, a.method, a.body, a.want = "/v1/step", "POST", `{"connector":"guarded","stream":"things"}`, []int{502}
		case 7: // connectors that are meant to hurt
			a.path, a.method = "/v1/connectors/validate", "POST"
			a.kind = pick("application/json", "application/yaml")
			a.body = pick("connector: x\nformat: 1\nhook: /etc/passwd\n", "a: &a [*a]", "x: &x [1,2]\ny: [*x,*x]\n"+strings.Repeat("- ", 3000), strings.Repeat("[", 10_000), "\xff\xfe\x00", "connector: ${", "{}")
			a.want = []int{200, 400, 413}
		case 8: // queries
			a.method, a.body, a.kind = "GET", "", ""
			a.path = pick("/v1/runs?limit=-1", "/v1/runs?limit=1e9", "/v1/runs?limit=99999999999999999999", "/v1/runs?limit=x", "/v1/runs/none/pages?after=-1", "/v1/state/none/none?limit=0x1", "/v1/state/none?x=%zz")
			a.want = []int{400, 404}
		}
		list[i] = a
	}
	return list
}

// TestHostileRequests: 1,000 of them, each with the right status and a problem, nothing leaked, and
// the service answers as before.
func TestHostileRequests(t *testing.T) {
	t.Setenv("HOSTILE_SECRET", hostileEnv)
	dir := folder(t, "")
	write(t, filepath.Join(dir, "connectors/guarded/connector.yaml"), guarded)
	s := serve(t, dir, func(o *host.Options) { o.Token, o.StepKey = hostileToken, hostileKey })
	secrets := []string{hostileToken, hostileKey, hostileEnv, url.QueryEscape(hostileEnv), "goroutine ", dir}
	list := attacks(1000)
	work := make(chan attack)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for a := range work {
				if why := s.attack(a, secrets); why != "" {
					t.Errorf("%s %s %.60q (%s): %s", a.method, a.path, a.body, a.kind, why)
				}
			}
		})
	}
	for _, a := range list {
		work <- a
	}
	close(work)
	wg.Wait()
	s.ok("GET", "/v1/connectors/demo", nil, nil)
	s.ok("GET", "/readyz", nil, nil)
}

// attack sends the request as it is, and says what is wrong with the answer.
func (s *service) attack(a attack, secrets []string) string {
	at, _ := url.Parse(s.url)
	r := &http.Request{Method: a.method, URL: &url.URL{Scheme: "http", Host: at.Host, Opaque: "//" + at.Host + a.path}, Host: at.Host, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body))}
	if a.body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	if a.kind != "" {
		r.Header.Set("Content-Type", a.kind)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := http.DefaultClient.Do(r.WithContext(s.t.Context()))
	if err != nil && len(a.body) > 1<<20 {
		return "" // the service has hung up in the middle of it
	}
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	ok := false
	for _, w := range a.want {
		ok = ok || w == resp.StatusCode
	}
	if !ok {
		return fmt.Sprintf("%d %.300s, want %v", resp.StatusCode, body, a.want)
	}
	if resp.StatusCode >= 400 {
		if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" {
			return kind
		}
		if why := described.check("#/components/schemas/Problem", body); why != "" {
			return why
		}
	}
	for _, secret := range secrets {
		if strings.Contains(string(body), secret) {
			return "it shows " + secret
		}
	}
	return ""
}

// TestSlowClients: who sends a byte now and then holds up nobody else, and nobody's end.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	s := serve(t, folder(t, ""), nil)
	addr := strings.TrimPrefix(s.url, "http://")
	for i := range 200 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 0 {
			fmt.Fprintf(c, "POST /v1/step HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", addr)
		} else {
			fmt.Fprintf(c, "GET /v1/runs HTTP/1.1\r\nHo")
		}
	}
	for range 20 {
		s.ok("GET", "/v1/runs", nil, nil)
	}
}

// TestToken: with a token everything but health wants it.
func TestToken(t *testing.T) {
	t.Parallel()
	s := serve(t, folder(t, ""), func(o *host.Options) { o.Token = hostileToken })
	s.token = ""
	for _, path := range []string{"/healthz", "/readyz"} {
		s.ok("GET", path, nil, nil)
	}
	for _, path := range []string{"/metrics", "/v1/runs", "/v1/openapi.json", "/v1/events", "/v1/nothing", "/v1/connectors/demo"} {
		if got := s.call("GET", path, nil); got.status != 401 || got.head.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	s.token = hostileToken
	s.ok("GET", "/v1/runs", nil, nil)
	if got := s.call("GET", "/metrics", nil); got.status != 200 {
		t.Error(got.status)
	}
}

// TestHostHeader: without a token a page in a browser cannot reach the service by a name of its own.
func TestHostHeader(t *testing.T) {
	t.Parallel()
	s := serve(t, folder(t, ""), nil)
	for name, want := range map[string]int{"evil.example": 421, "evil.example:8931": 421, "localhost": 200, "localhost:8931": 200, "127.0.0.1": 200, "[::1]:8931": 200} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/runs", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = name
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

// TestEvents: what a run does is told as it happens, to those who ask for it, and again to those who
// come back.
func TestEvents(t *testing.T) {
	t.Parallel()
	d, s := api(t), serve(t, folder(t, ""), nil)
	first := s.listen(t, "/v1/events", "")
	var r host.RunStatus
	s.ok("POST", "/v1/runs", map[string]any{"connector": "demo", "streams": []string{"offset"}, "to": "null:", "config": map[string]any{"base_url": d.URL, "records": 1300}}, &r)
	kinds := map[string]int{}
	last := ""
	for kinds["run_end"] == 0 {
		e := <-first
		kinds[e.kind]++
		last = e.id
		if !strings.Contains(e.data, r.ID) && e.kind != "connector" {
			t.Errorf("%+v", e)
		}
	}
	if kinds["run"] < 2 || kinds["page"] != 3 || kinds["stream_end"] != 1 {
		t.Errorf("%v", kinds)
	}
	again := s.listen(t, "/v1/events?run="+r.ID, "1")
	for {
		e := <-again
		if e.kind == "run_end" {
			if e.id != last {
				t.Errorf("%s, want %s", e.id, last)
			}
			break
		}
	}
}

type heard struct{ id, kind, data string }

// listen reads a stream of events until the test ends.
func (s *service) listen(t *testing.T, path, after string) <-chan heard {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", after)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(resp.Body)
	if line, err := in.ReadString('\n'); err != nil || line != ": events\n" {
		t.Fatalf("%q %v", line, err)
	}
	out := make(chan heard, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer resp.Body.Close()
		var e heard
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch {
			case key == "id":
				e.id = value
			case key == "event":
				e.kind = value
			case key == "data":
				e.data = value
			case line == "\n" && e.id != "":
				out <- e
				e = heard{}
			}
		}
	}()
	t.Cleanup(func() {
		resp.Body.Close()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the stream does not end")
		}
	})
	return out
}
