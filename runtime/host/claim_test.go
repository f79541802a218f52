package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lastpage/lastpage/runtime/host"
)

// TestOneServiceForAStateFile: a second one is refused, by whatever name it knows the file, until the first
// has ended.
func TestOneServiceForAStateFile(t *testing.T) {
	t.Parallel()
	dir := folder(t, "")
	s := serve(t, dir, nil)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(filepath.Join(dir, "state.db"), link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "state.db"), link} {
		h, err := host.Open(t.Context(), host.Options{State: name, Connectors: []string{filepath.Join(dir, "connectors")}})
		var taken *host.InUseError
		if !errors.As(err, &taken) || taken.State != name || taken.PID != os.Getpid() || taken.Since.IsZero() {
			t.Errorf("%v, %v", h, err)
		}
	}
	s.ok("GET", "/v1/runs", nil, nil)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "state.db-lock")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the lock's file is still there:", err)
	}
	serve(t, dir, nil)
}
