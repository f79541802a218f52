package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/handlers"
)

// TestFill pushes a small plan into a real registry and reads it back over the API.
func TestFill(t *testing.T) {
	s := httptest.NewServer(handlers.NewApp(t.Context(), config()))
	defer s.Close()
	want, err := (pusher{base: s.URL, client: s.Client()}).fill(t.Context(), plan(1, 40))
	if err != nil {
		t.Fatal(err)
	}
	var repositories, tags []string
	for path := "/v2/_catalog?n=7"; path != ""; {
		var page struct{ Repositories []string }
		path = get(t, s.URL+path, &page)
		repositories = append(repositories, page.Repositories...)
	}
	for _, name := range repositories {
		for path := "/v2/" + name + "/tags/list?n=100"; path != ""; {
			var page struct{ Tags []string }
			path = get(t, s.URL+path, &page)
			for _, tag := range page.Tags {
				tags = append(tags, name+":"+tag)
			}
		}
	}
	for got, list := range map[string][2][]string{"repositories": {repositories, want["repositories"]}, "tags": {tags, want["tags"]}} {
		slices.Sort(list[0])
		slices.Sort(list[1])
		if !slices.Equal(list[0], list[1]) {
			t.Errorf("%d %s, want %d", len(list[0]), got, len(list[1]))
		}
	}
}

// get decodes one page and returns the path of the next one, "" at the end.
func get(t *testing.T, url string, page any) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(page); err != nil {
		t.Fatal(err)
	}
	next, _, _ := strings.Cut(strings.TrimPrefix(res.Header.Get("Link"), "<"), ">")
	return next
}
