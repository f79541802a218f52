package host_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write docs/openapi.json anew")

const docs = "../../docs/"

// TestOpenAPIDocument: docs/openapi.json is what the service serves.
func TestOpenAPIDocument(t *testing.T) {
	s := serve(t, folder(t, ""), nil)
	got := s.call("GET", "/v1/openapi.json", nil).body
	got = bytes.Replace(got, []byte(`"version": "test"`), []byte(`"version": "1"`), 1)
	if *update {
		if err := os.WriteFile(docs+"openapi.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(docs + "openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/openapi.json is not what is served; go test ./runtime/host -run OpenAPI -update writes it anew")
	}
}

// TestOpenAPIIsWhole: every reference leads somewhere, every parameter of a path is described, every
// operation has a name of its own.
func TestOpenAPIIsWhole(t *testing.T) {
	b, err := os.ReadFile(docs + "openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Parameters  []struct{ Name, In string }
			Responses   map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) < 20 {
		t.Errorf("%s, %d paths", doc.OpenAPI, len(doc.Paths))
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(string(b), -1) {
		used[m[1]] = true
		if doc.Components.Schemas[m[1]] == nil {
			t.Errorf("there is no schema %s", m[1])
		}
	}
	for name := range doc.Components.Schemas {
		if !used[name] {
			t.Errorf("schema %s is not used", name)
		}
	}
	seen := map[string]bool{}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			if op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s %s: operation %q", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
			var want, got []string
			for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			for _, p := range op.Parameters {
				if p.In == "path" {
					got = append(got, p.Name)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				t.Errorf("%s %s: parameters %v, want %v", method, path, got, want)
			}
		}
	}
}

// TestConnectorsAPI walks through a connector's life: listed, broken, mended, put back.
func TestConnectorsAPI(t *testing.T) {
	t.Parallel()
	dir := folder(t, "")
	s := serve(t, dir, nil)
	path := dir + "/connectors/one/connector.yaml"
	good := "connector: one\nformat: 1\nconfig:\n  token: {type: string, secret: true, default: abc}\nhttp: {base_url: \"http://127.0.0.1:1\"}\nstreams:\n  a: {request: {path: /a}, records: {path: $}, pagination: {type: none}}\n"
	type one struct {
		Status struct {
			Version  string
			Problems []string
		}
		Streams []any
		Config  []map[string]any
	}
	until := func(ok func(one) bool) one {
		t.Helper()
		for {
			var now one
			if got := s.call("GET", "/v1/connectors/one", nil); got.status == 200 {
				got.into(t, &now)
				if ok(now) {
					return now
				}
			}
			pause(t)
		}
	}
	write(t, path, good)
	first := until(func(o one) bool { return o.Status.Version != "" })
	if len(first.Streams) != 1 || first.Config[0]["secret"] != true || first.Config[0]["default"] != nil {
		t.Errorf("%+v", first)
	}
	write(t, path, strings.Replace(good, "pagination", "paginatoin", 1))
	broken := until(func(o one) bool { return len(o.Status.Problems) > 0 })
	if broken.Status.Version != first.Status.Version || !strings.Contains(broken.Status.Problems[0], "connector.yaml:7:") {
		t.Errorf("%+v", broken)
	}
	write(t, path, strings.Replace(good, "/a}", "/b}", 1))
	second := until(func(o one) bool { return o.Status.Version != first.Status.Version })
	var list struct {
		Versions []struct {
			Version string
			Current bool
		}
	}
	s.ok("GET", "/v1/connectors/one/versions", nil, &list)
	if len(list.Versions) != 2 || list.Versions[0].Version != second.Status.Version || !list.Versions[0].Current {
		t.Errorf("%+v", list)
	}
	var files struct{ Files []struct{ Path, Text string } }
	s.ok("GET", "/v1/connectors/one/versions/"+first.Status.Version, nil, &files)
	if len(files.Files) != 1 || files.Files[0].Text != good {
		t.Errorf("%+v", files)
	}
	s.ok("POST", "/v1/connectors/one/rollback", "{}", nil)
	until(func(o one) bool { return o.Status.Version == first.Status.Version })
	s.ok("POST", "/v1/connectors/one/rollback", map[string]string{"version": second.Status.Version}, nil)
	s.refused("POST", "/v1/connectors/one/rollback", map[string]string{"version": "none"}, 404, "no_version")
	s.refused("GET", "/v1/connectors/two", nil, 404, "no_connector")
	s.ok("GET", "/v1/connectors", nil, nil)

	var checked struct {
		Valid    bool
		Problems []struct {
			File          string
			Line, Column  int
			Message, Hint string
		}
	}
	s.ok("POST", "/v1/connectors/validate", map[string]string{"connector": good}, &checked)
	if !checked.Valid || len(checked.Problems) > 0 {
		t.Errorf("%+v", checked)
	}
	s.ok("POST", "/v1/connectors/validate", map[string]string{"connector": good, "hook": "function next(page) {\n  return 1 +\n}\n"}, &checked)
	if checked.Valid || len(checked.Problems) == 0 || checked.Problems[0].File != "hook.js" || checked.Problems[0].Line != 3 {
		t.Errorf("%+v", checked)
	}
	s.ok("POST", "/v1/connectors/validate", map[string]string{"connector": strings.Replace(good, "request", "requst", 1)}, &checked)
	if checked.Valid || checked.Problems[0].Line != 7 || checked.Problems[0].Hint != "did you mean `request`?" {
		t.Errorf("%+v", checked)
	}
}

// TestStateAPI: what is stored is listed, moved and forgotten.
func TestStateAPI(t *testing.T) {
	t.Parallel()
	d := api(t)
	s := serve(t, folder(t, ""), nil)
	config := map[string]any{"base_url": d.URL, "run": "state", "records": 1300}
	start := func(more map[string]any) (end struct {
		Verdict string
		Records int64
	}) {
		body := map[string]any{"connector": "demo", "streams": []string{"offset"}, "to": "null:", "config": config}
		for k, v := range more {
			body[k] = v
		}
		var r struct{ ID string }
		s.ok("POST", "/v1/runs", body, &r)
		for {
			var now struct {
				Status, Verdict string
				Records         int64
			}
			s.ok("GET", "/v1/runs/"+r.ID, nil, &now)
			if now.Status == "ended" {
				end.Verdict, end.Records = now.Verdict, now.Records
				return end
			}
			pause(t)
		}
	}
	if end := start(map[string]any{"max_pages": 1}); end.Verdict != "truncated" || end.Records != 500 {
		t.Fatalf("%+v", end)
	}
	var list struct {
		Streams []struct {
			State, Stream string
			Open          bool
		}
	}
	s.ok("GET", "/v1/state", nil, &list)
	s.ok("GET", "/v1/state/demo", nil, &list)
	if len(list.Streams) != 1 || list.Streams[0].Stream != "offset" || !list.Streams[0].Open {
		t.Errorf("%+v", list)
	}
	var chains struct {
		Chains []struct{ Position json.RawMessage }
	}
	s.ok("GET", "/v1/state/demo/offset", nil, &chains)
	if len(chains.Chains) != 1 || string(chains.Chains[0].Position) != "500" {
		t.Errorf("%+v", chains)
	}
	s.ok("PUT", "/v1/state/demo/offset", `{"position": 1200}`, nil)
	if end := start(nil); end.Records != 100 {
		t.Errorf("%+v", end)
	}
	for _, c := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"offset", `{"position": "x"}`, 422, "value"},
		{"offset", `{}`, 422, "request"},
		{"offset", `{"position": null}`, 422, "request"},
		{"offset", `{"position": 1, "kept": 2}`, 422, "request"},
		{"offset", `{"watermark": "x"}`, 422, "value"},
		{"offset", `{"position": 1, "chain": "{}"}`, 404, "no_chain"},
		{"nothing", `{"position": 1}`, 404, "no_stream"},
	} {
		s.refused("PUT", "/v1/state/demo/"+c.path, c.body, c.status, c.code)
	}
	s.ok("PUT", "/v1/state/demo/page", `{"position": 2}`, nil) // has never been run: its first walk begins there
	var gone struct{ Streams []string }
	s.ok("POST", "/v1/reset", `{"connector": "demo", "stream": "offset"}`, &gone)
	if !slices.Equal(gone.Streams, []string{"offset"}) {
		t.Errorf("%+v", gone)
	}
	if end := start(nil); end.Records != 1300 {
		t.Errorf("%+v", end)
	}
	s.ok("DELETE", "/v1/state/demo/offset", nil, nil)
	s.ok("POST", "/v1/reset", `{"connector": "demo"}`, nil)
	s.refused("POST", "/v1/reset", `{"connector": "dmo"}`, 404, "no_connector")
	s.refused("POST", "/v1/reset", `{"connector": "demo", "stream": "x"}`, 404, "no_stream")
	s.refused("DELETE", "/v1/state/demo/x", nil, 404, "no_state")
	s.refused("GET", "/v1/state/x", nil, 404, "no_state")
}

// TestMetricsOfTheManual: every metric that an alert rule, the dashboard or the manual names is one
// that the service shows, with the labels that they use.
func TestMetricsOfTheManual(t *testing.T) {
	t.Parallel()
	d := api(t)
	s := serve(t, folder(t, ""), nil)
	var r struct{ ID string }
	s.ok("POST", "/v1/runs", map[string]any{"connector": "demo", "streams": []string{"cursor"}, "to": "null:", "config": map[string]any{"base_url": d.URL, "records": 1300, "faults": "lost@2,503@1"}}, &r)
	for {
		var now struct{ Status string }
		s.ok("GET", "/v1/runs/"+r.ID, nil, &now)
		if now.Status == "ended" {
			break
		}
		pause(t)
	}
	text := string(s.call("GET", "/metrics", nil).body)
	for _, want := range []string{
		`lastpage_pages_total{connector="demo",stream="cursor"} `, `lastpage_records_total{connector="demo",stream="cursor"} 1300`, `lastpage_requests_total{class="2xx",connector="demo"} `,
		`lastpage_requests_total{class="5xx",connector="demo"} 1`, `lastpage_retries_total{connector="demo",reason="http_503"} 1`, `lastpage_recoveries_total{connector="demo"} 1`,
		`lastpage_next_token_missing_total{connector="demo"} 1`, `lastpage_runs_total{connector="demo",verdict="complete"} 1`, `lastpage_rate_in_force{group=`, "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	known := map[string]bool{}
	for _, name := range metricNames(t) {
		known[name] = true
	}
	word := regexp.MustCompile(`\b(lastpage_[a-z_]+)\b`)
	for _, file := range []string{"alerts.yml", "grafana.json", "serve.md"} {
		b, err := os.ReadFile(docs + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range word.FindAllString(string(b), -1) {
			name := m
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if cut := strings.TrimSuffix(name, suffix); cut != name && known[cut] {
					name = cut
				}
			}
			if !known[name] {
				t.Errorf("docs/%s names %s, which is not there", file, m)
			}
		}
	}
	manual, err := os.ReadFile(docs + "serve.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range known {
		if !strings.Contains(string(manual), "`"+name+"`") && !strings.Contains(string(manual), "`"+name+"{") {
			t.Errorf("docs/serve.md does not explain %s", name)
		}
	}
}

// metricNames reads the names of all metrics from where they are made.
func metricNames(t *testing.T) (names []string) {
	t.Helper()
	made := regexp.MustCompile(`(?:counter|gauge|\bd)\("([a-z_]+)"|Name: "([a-z_]+)",`)
	for _, file := range []string{"metrics.go", "gauges.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range made.FindAllStringSubmatch(string(b), -1) {
			names = append(names, "lastpage_"+m[1]+m[2])
		}
	}
	if len(names) < 25 {
		t.Fatal(names)
	}
	return names
}

// TestAlertRules: the rules are what Prometheus reads (promtool, which CI has, checks their expressions),
// and the dashboard is JSON with a query in every panel.
func TestAlertRules(t *testing.T) {
	b, err := os.ReadFile(docs + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			n++
			if r.Alert == "" || r.Expr == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%+v", r)
			}
		}
	}
	if n < 8 {
		t.Errorf("%d rules", n)
	}
	if b, err = os.ReadFile(docs + "grafana.json"); err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title, Type string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %s has no query", p.Title)
		}
	}
}
