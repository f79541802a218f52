package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/host"
	"github.com/lastpage/lastpage/runtime/transport"
)

func TestSpansNest(t *testing.T) {
	rec := tracetest.NewInMemoryExporter()
	tr, err := traceTo(sdk.NewSimpleSpanProcessor(rec))
	if err != nil {
		t.Fatal(err)
	}
	s := tr.spans()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u, _ := url.Parse("http://127.0.0.1/items?key=x")
	s.observe(runtime.Event{Kind: runtime.EventRunStart, At: at, Connector: "c"})
	s.observe(runtime.Event{Kind: runtime.EventChainStart, At: at, Stream: "s"})
	s.exchange(&transport.Exchange{Chain: "s ", Method: "GET", URL: u, Attempt: transport.Attempt{Number: 1, At: at, Status: 500, Reason: "http_500"}})
	s.exchange(&transport.Exchange{Chain: "s ", Method: "GET", URL: u, Attempt: transport.Attempt{Number: 2, At: at.Add(time.Second), Status: 200}})
	s.observe(runtime.Event{Kind: runtime.EventPage, At: at.Add(2 * time.Second), Stream: "s", Page: &runtime.PageEvent{Records: 3}})
	s.observe(runtime.Event{Kind: runtime.EventChainEnd, At: at.Add(3 * time.Second), Stream: "s", Verdict: runtime.Complete})
	s.observe(runtime.Event{Kind: runtime.EventRunEnd, At: at.Add(4 * time.Second), Verdict: runtime.Complete})
	list := rec.GetSpans()
	if err := tr.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	byName := map[string]tracetest.SpanStub{}
	var names []string
	for _, sp := range list {
		byName[sp.Name] = sp
		names = append(names, sp.Name)
	}
	slices.Sort(names)
	if want := []string{"GET /items", "GET /items", "chain s", "page", "run c"}; !slices.Equal(names, want) {
		t.Fatalf("spans %v, want %v", names, want)
	}
	for child, parent := range map[string]string{"GET /items": "page", "page": "chain s", "chain s": "run c"} {
		if byName[child].Parent.SpanID() != byName[parent].SpanContext.SpanID() {
			t.Errorf("%s is not below %s", child, parent)
		}
	}
}

// TestSpansOfTheService: each slice of each run has spans of its own, side by side and when it is paused
// and taken up again, and none is left open.
func TestSpansOfTheService(t *testing.T) {
	rec := tracetest.NewInMemoryExporter()
	live := &liveSpans{SpanProcessor: sdk.NewSimpleSpanProcessor(rec)}
	tr, err := traceTo(live)
	if err != nil {
		t.Fatal(err)
	}
	api, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	dir := t.TempDir()
	h, err := host.Open(t.Context(), host.Options{Shipped: connectors.FS, State: filepath.Join(dir, "state.db"), DataFolder: dir, Trace: tr.join})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	srv := httptest.NewServer(h.Handler())
	t.Cleanup(srv.Close)
	call := func(method, path, body string) host.RunStatus {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var s host.RunStatus
		if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %v", method, path, resp.StatusCode, err)
		}
		return s
	}
	until := func(id string, ok func(host.RunStatus) bool) {
		for s := call("GET", "/v1/runs/"+id, ""); !ok(s); s = call("GET", "/v1/runs/"+id, "") {
			if s.Phase.Over() {
				t.Fatalf("%+v", s)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	begin := func(world, stream string) string {
		return call("POST", "/v1/runs", fmt.Sprintf(`{"connector":"demo","streams":[%q],"to":"null:","state":%q,"config":{"base_url":%q,"run":%q,"records":6000,"faults":"latency:20ms"}}`, stream, world, api.URL, world)).ID
	}
	paused, other := begin("a", "cursor"), begin("b", "types")
	until(paused, func(s host.RunStatus) bool { return s.Pages > 0 })
	call("POST", "/v1/runs/"+paused+"/pause", "{}")
	until(paused, func(s host.RunStatus) bool { return s.Phase == host.Paused })
	call("POST", "/v1/runs/"+paused+"/resume", "{}")
	for _, id := range []string{paused, other} {
		until(id, func(s host.RunStatus) bool { return s.Phase == host.Ended })
	}
	list := rec.GetSpans()
	runs, kinds := map[string]string{}, map[string]int{} // span: run
	times := map[string]int{}
	for _, sp := range list {
		if sp.Name == "run demo" {
			id := attributeOf(sp, "lastpage.run")
			runs[sp.SpanContext.SpanID().String()] = id
			times[id]++
		}
	}
	for _, sp := range list {
		name, _, _ := strings.Cut(sp.Name, " ")
		kinds[name]++
		if name == "chain" && runs[sp.Parent.SpanID().String()] == "" {
			t.Errorf("%s is below no run", sp.Name)
		}
	}
	if times[paused] != 2 || times[other] != 1 || kinds["chain"] != 2+6 || kinds["page"] < 12 || kinds["GET"] < kinds["page"] {
		t.Errorf("slices %v, spans %v", times, kinds)
	}
	if n := live.open.Load(); n != 0 {
		t.Errorf("%d spans are left open", n)
	}
	if err := tr.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// liveSpans counts the spans that have begun and not ended.
type liveSpans struct {
	sdk.SpanProcessor
	open atomic.Int64
}

func (l *liveSpans) OnStart(ctx context.Context, s sdk.ReadWriteSpan) {
	l.open.Add(1)
	l.SpanProcessor.OnStart(ctx, s)
}

func (l *liveSpans) OnEnd(s sdk.ReadOnlySpan) {
	l.open.Add(-1)
	l.SpanProcessor.OnEnd(s)
}

func attributeOf(s tracetest.SpanStub, key string) string {
	for _, a := range s.Attributes {
		if string(a.Key) == key {
			return a.Value.AsString()
		}
	}
	return ""
}

func TestSpansAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, false},
		{map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}, false},
	} {
		if got := wantsSpans(func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}
