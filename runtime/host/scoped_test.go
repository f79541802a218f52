package host_test

import (
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/host"
)

// TestFreshUnderAnotherState: a run that begins its output anew is not held up by its own earlier records,
// whatever name its checkpoints are kept under.
func TestFreshUnderAnotherState(t *testing.T) {
	t.Parallel()
	d, s := api(t), serve(t, folder(t, ""), nil)
	body := map[string]any{"connector": "demo", "streams": []string{"offset"}, "to": "jsonl:anew.jsonl", "state": "other", "fresh": true,
		"config": map[string]any{"base_url": d.URL, "run": "anew", "records": 300}}
	for range 2 {
		var r host.RunStatus
		s.ok("POST", "/v1/runs", body, &r)
		if r = s.run(r.ID, host.Ended); r.Verdict != runtime.Complete {
			t.Errorf("%+v", r)
		}
		if n := len(lines(t, s.folder+"/anew.jsonl")); n != 300 {
			t.Errorf("%d records", n)
		}
	}
}
