package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func FuzzParseFaults(f *testing.F) {
	for _, m := range misdeeds {
		f.Add(m.Example)
	}
	f.Add("429:2@3-5*4, lost@/10,x")
	f.Fuzz(func(t *testing.T, s string) {
		faults, err := parseFaults(s)
		for _, x := range faults {
			if err == nil && (x.kind == nil || x.times < 0 || x.to < x.from) {
				t.Errorf("%q: %+v", s, x)
			}
		}
	})
}

func FuzzQuery(f *testing.F) {
	api := New(Options{Records: 40})
	for _, e := range api.all {
		if e.Method == "GET" && !strings.Contains(e.Path, "{") {
			f.Add(e.Path, "limit=7&cursor=5&fault=lost@2")
		}
	}
	f.Add("/cursor", "cursor=%2B%2F%2F%2BMS8yLzM%3D")
	f.Add("/delta", "$skiptoken=MS8yLzM")
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, slow := range []string{"stall", "latency", "slow", "cut", "reset"} {
			if strings.Contains(query, slow) {
				return
			}
		}
		r := httptest.NewRequest("GET", "/", nil)
		u, err := url.Parse("http://x/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return
		}
		r.URL = u
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && !strings.Contains(query, "fault") {
			t.Errorf("%s?%s: status %d: %s", path, query, w.Code, w.Body)
		}
	})
}

func TestEveryFaultHasAnExampleThatParses(t *testing.T) {
	for _, m := range misdeeds {
		faults, err := parseFaults(m.Example)
		if err != nil || len(faults) != 1 || faults[0].kind.Name != m.Name || faults[0].times != map[bool]int{true: 1}[m.Once] {
			t.Errorf("%s: %v", m.Example, err)
		}
	}
}

func TestEveryExampleOfTheFrontPageAnswers(t *testing.T) {
	api := New(Options{Records: 40})
	for _, e := range api.all {
		if e.Method != "GET" && e.Method != "" || strings.Contains(e.Example, "job-") || !strings.Contains(e.Example, "/") || strings.Contains(e.Example, "-d ") {
			continue
		}
		path := strings.Trim(e.Example[strings.LastIndexByte(e.Example, ' ')+1:], "'")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Header().Get("Content-Type"), "json") && !strings.Contains(path, "ndjson") && !json.Valid(w.Body.Bytes()) && !strings.Contains(w.Header().Get("Content-Type"), "ndjson") {
			t.Errorf("%s: not JSON", path)
		}
	}
}
