package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// TestFill makes a small collection in a real PocketBase and reads it back over the API.
func TestFill(t *testing.T) {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: filepath.Join(t.TempDir(), "pb_data")})
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := app.ResetBootstrapState(); err != nil {
			t.Error(err)
		}
	}()
	if err := app.RunAllMigrations(); err != nil {
		t.Fatal(err)
	}
	want, err := fill(t.Context(), app, 1, 730)
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler(app)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	var got []string
	for n, pages := 1, 1; n <= pages; n++ {
		res, err := http.Get(fmt.Sprintf("%s/api/collections/indicators/records?page=%d&perPage=100&sort=created,id", s.URL, n))
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			TotalPages, TotalItems int
			Items                  []struct{ ID string }
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || page.TotalItems != 730 {
			t.Fatalf("page %d: %s, %v, total %d", n, res.Status, err, page.TotalItems)
		}
		pages = page.TotalPages
		for _, item := range page.Items {
			got = append(got, item.ID)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	if again, err := fill(t.Context(), app, 1, 730); err != nil || len(again) != 730 {
		t.Errorf("a second fill: %d, %v", len(again), err)
	}
}
