package host_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime/host"
)

// scrape reads /metrics: the samples of each family.
func (s *service) scrape() map[string][]string {
	s.t.Helper()
	r := s.call("GET", "/metrics", nil)
	if r.status != http.StatusOK {
		s.t.Fatalf("%d %s", r.status, r.body)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(r.body)) {
		if name := sampleName.FindString(line); name != "" {
			out[name] = append(out[name], strings.TrimSpace(line))
		}
	}
	return out
}

var sampleName = regexp.MustCompile(`^[a-z_]+`)

// TestMetricsAreWhole: after runs that met everything, each family is there, with what it is about.
func TestMetricsAreWhole(t *testing.T) {
	t.Parallel()
	d := api(t)
	dir := wholeFolder(t)
	path := filepath.Join(dir, "connectors/demo/connector.yaml")
	file := strings.Join(lines(t, path), "\n") + "\n"
	write(t, filepath.Join(dir, "jobs.yaml"), fmt.Sprintf("jobs:\n  often:\n    connector: demo\n    streams: [cursor]\n    state: often\n    to: \"null:\"\n    schedule: {every: 1s}\n    config: {base_url: %q, run: often, records: 12000, faults: \"latency:300ms\"}\n", d.URL))
	s := serve(t, dir, nil)
	config := func(world string, more map[string]any) map[string]any {
		out := map[string]any{"base_url": d.URL, "run": world, "records": 1300}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	ended := func(streams []string, faults string) {
		var r host.RunStatus
		world := "whole-" + streams[0]
		s.ok("POST", "/v1/runs", map[string]any{"connector": "demo", "streams": streams, "to": "null:", "state": world, "config": config(world, map[string]any{"faults": faults})}, &r)
		for r.Phase != host.Ended {
			s.ok("GET", "/v1/runs/"+r.ID, nil, &r)
			pause(t)
		}
		if r.Verdict != "complete" {
			t.Fatalf("%+v", r)
		}
	}
	ended([]string{"cursor"}, "lost@2,503@1,429:1@3")
	ended([]string{"taxii", "range", "oauth2", "export"}, "")
	write(t, path, file+"# changed\n")
	walk(t, []*service{s}, map[string]any{"connector": "demo", "stream": "types", "config": config("whole-step", nil)})
	var got map[string][]string
	has := func(name, part string) bool {
		for _, line := range got[name] {
			if strings.Contains(line, part) {
				return true
			}
		}
		return false
	}
	for got = s.scrape(); !has("lastpage_reloads_total", `result="reloaded"`) || !has("lastpage_runs_skipped_total", `job="often"`); got = s.scrape() {
		pause(t)
	}
	for family, part := range map[string]string{
		"lastpage_pages_total": `{connector="demo",stream="cursor"}`, "lastpage_records_total": `{connector="demo",stream="taxii"}`, "lastpage_records_received_total": `{connector="demo",stream="range"}`,
		"lastpage_bytes_total": `{connector="demo",stream="oauth2"}`, "lastpage_requests_total": `{class="5xx",connector="demo"}`, "lastpage_retries_total": `{connector="demo",reason="http_503"}`,
		"lastpage_waits_total": `{connector="demo"} `, "lastpage_wait_seconds_total": `{connector="demo"} `, "lastpage_page_seconds_bucket": `connector="demo"`,
		"lastpage_rate_in_force": `{group=`, "lastpage_rate_configured": `{group=`, "lastpage_rate_waiting": `{group=`, "lastpage_rate_in_flight": `{group=`,
		"lastpage_position_age_seconds": `{connector="demo"}`, "lastpage_credential_expires_seconds": `{connector="demo"}`,
		"lastpage_runs_total": `{connector="demo",verdict="complete"} 2`, "lastpage_streams_total": `{connector="demo",verdict="complete"} 5`,
		"lastpage_events_total": `event="recovered"`, "lastpage_recoveries_total": `{connector="demo"} `, "lastpage_next_token_missing_total": `{connector="demo"} `,
		"lastpage_lag_seconds": `{connector="whole-taxii",stream="taxii"}`, "lastpage_watermark_timestamp_seconds": `{connector="whole-taxii",stream="taxii"}`,
		"lastpage_stream_complete_timestamp_seconds": `{connector="demo",stream="cursor"}`,
		"lastpage_reloads_total":                     `{result="reloaded",what="connector"} 1`, "lastpage_reload_seconds_count": " ",
		"lastpage_script_slots": " ", "lastpage_script_busy": " ", "lastpage_script_waiting": " ", "lastpage_script_children": " 0",
		"lastpage_script_calls_total": `{function="expression"}`, "lastpage_script_seconds_total": `{function="expression"}`,
		"lastpage_runs": `{status="running"} 1`, "lastpage_runs_skipped_total": `{job="often"}`, "lastpage_steps_total": `{connector="demo",verdict="more"}`,
		"lastpage_http_requests_total": `route="POST /v1/step"`, "lastpage_http_request_seconds_bucket": `route="POST /v1/step"`,
		"lastpage_connectors": " ", "lastpage_connectors_with_problems": " 0", "lastpage_event_listeners": " 0",
		"go_goroutines": " ", "process_resident_memory_bytes": " ",
	} {
		if !has(family, part) {
			t.Errorf("no %s with %s: %v", family, part, got[family])
		}
	}
	for _, name := range metricNames(t) {
		if got[name] == nil && got[name+"_count"] == nil {
			t.Errorf("%s was not met", name)
		}
	}
	for _, line := range got["lastpage_script_calls_total"] {
		if _, n, _ := strings.Cut(line, `{function="expression"} `); n != "" && n < "1" {
			t.Errorf("expressions are not counted: %s", line)
		}
	}
	for name, list := range got { // nothing that grows with what comes from outside
		if strings.HasPrefix(name, "lastpage_") && !strings.HasSuffix(name, "_bucket") && len(list) > 100 {
			t.Errorf("%s has %d series", name, len(list))
		}
	}
	for _, line := range got["lastpage_credential_expires_seconds"] {
		left, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil || left < 0 || left > 1800 {
			t.Errorf("%s", line)
		}
	}
}
