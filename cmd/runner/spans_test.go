package main

import (
	"context"
	"slices"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"net/url"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

func TestSpansNest(t *testing.T) {
	rec := tracetest.NewInMemoryExporter()
	s, err := spansTo(sdk.NewSimpleSpanProcessor(rec))
	if err != nil {
		t.Fatal(err)
	}
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
	if err := s.close(context.Background()); err != nil {
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
