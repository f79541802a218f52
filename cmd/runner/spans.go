package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

// maxAttempts bounds the attempts that are kept for a page's span.
const maxAttempts = 100

// tracing sends what runs do as OpenTelemetry spans.
type tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// spans renders one run, or a slice of one, as OpenTelemetry spans: run, chain, page, attempt. A page's
// span is made when the page is committed, so that it holds what became of it. The job alone holds it.
type spans struct {
	tracer trace.Tracer

	mu       sync.Mutex
	run      trace.Span
	runCtx   context.Context
	chains   map[string]chainSpan
	attempts map[string][]transport.Attempt
	names    map[string]string // chain of an exchange: method and path
}

type chainSpan struct {
	ctx  context.Context
	span trace.Span
}

// wantsSpans reports whether the standard variables ask for traces over OTLP.
func wantsSpans(env func(string) string) bool {
	if strings.EqualFold(env("OTEL_SDK_DISABLED"), "true") {
		return false
	}
	switch env("OTEL_TRACES_EXPORTER") {
	case "otlp":
		return true
	case "":
		return env("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	}
	return false
}

// newTracing sets up the exporter, which reads its address, headers and time-outs from OTEL_EXPORTER_OTLP_*.
func newTracing(ctx context.Context) (*tracing, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	return traceTo(sdk.NewBatchSpanProcessor(exporter))
}

// traceTo makes spans that end in a processor.
func traceTo(p sdk.SpanProcessor) (*tracing, error) {
	name := os.Getenv("OTEL_SERVICE_NAME")
	if name == "" {
		name = "runner"
	}
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", name), attribute.String("service.version", release)))
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(p), sdk.WithResource(res))
	return &tracing{provider, provider.Tracer("github.com/lastpage/lastpage")}, nil
}

// spans are those of a run that is to begin.
func (t *tracing) spans() *spans {
	return &spans{tracer: t.tracer, chains: map[string]chainSpan{}, attempts: map[string][]transport.Attempt{}, names: map[string]string{}}
}

// join makes spans of what the job does, beside what its other observers make of it.
func (t *tracing) join(job *runtime.Job) {
	s, observe, exchange := t.spans(), job.Observe, job.Exchange
	job.Observe = func(e runtime.Event) {
		s.observe(e)
		if observe != nil {
			observe(e)
		}
	}
	job.Exchange = func(x *transport.Exchange) {
		s.exchange(x)
		if exchange != nil {
			exchange(x)
		}
	}
}

// exchange is a runtime.Job.Exchange: it keeps the attempts until their page is committed.
func (s *spans) exchange(x *transport.Exchange) {
	if x.Redirect || x.Private {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.attempts[x.Chain]) < maxAttempts {
		s.attempts[x.Chain] = append(s.attempts[x.Chain], x.Attempt)
		s.names[x.Chain] = x.Method + " " + x.URL.Path
	}
}

// observe is a runtime.Job.Observe.
func (s *spans) observe(e runtime.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := e.Stream + " " + e.Chain
	switch e.Kind {
	case runtime.EventRunStart:
		s.runCtx, s.run = s.tracer.Start(context.Background(), "run "+e.Connector, trace.WithTimestamp(e.At),
			trace.WithAttributes(attribute.String("lastpage.connector", e.Connector), attribute.String("lastpage.run", e.Run)))
	case runtime.EventChainStart:
		if s.runCtx == nil {
			return
		}
		ctx, span := s.tracer.Start(s.runCtx, "chain "+e.Stream, trace.WithTimestamp(e.At),
			trace.WithAttributes(attribute.String("lastpage.stream", e.Stream), attribute.String("lastpage.chain", e.Chain)))
		s.chains[key] = chainSpan{ctx, span}
	case runtime.EventPage:
		s.page(key, e)
	case runtime.EventNotice:
		if c, ok := s.chains[key]; ok {
			c.span.AddEvent(e.Name, trace.WithTimestamp(e.At), trace.WithAttributes(attribute.String("detail", e.Detail)))
		}
	case runtime.EventChainEnd:
		if c, ok := s.chains[key]; ok {
			s.tries(c.ctx, key) // of a page that never came
			finish(c.span, e)
			delete(s.chains, key)
		}
	case runtime.EventRunEnd:
		for _, c := range s.chains { // that nobody has ended
			c.span.End(trace.WithTimestamp(e.At))
		}
		clear(s.chains)
		if s.run != nil {
			finish(s.run, e)
		}
	}
}

func finish(span trace.Span, e runtime.Event) {
	span.SetAttributes(attribute.String("lastpage.verdict", e.Verdict), attribute.String("lastpage.reason", e.Reason))
	if e.Verdict != runtime.Complete {
		span.SetStatus(codes.Error, e.Verdict+" "+e.Reason)
	}
	span.End(trace.WithTimestamp(e.At))
}

// page makes the span of a committed page, with its attempts below it.
func (s *spans) page(key string, e runtime.Event) {
	c, ok := s.chains[key]
	if !ok {
		return
	}
	began := e.At.Add(-e.Page.Took)
	if list := s.attempts[key]; len(list) > 0 && list[0].At.Before(began) {
		began = list[0].At
	}
	ctx, span := s.tracer.Start(c.ctx, "page", trace.WithTimestamp(began), trace.WithAttributes(
		attribute.Int64("lastpage.page", e.Page.Index), attribute.Int("lastpage.records", e.Page.Records),
		attribute.Int("lastpage.new", e.Page.New), attribute.Int64("lastpage.bytes", e.Page.Bytes), attribute.String("lastpage.verdict", e.Page.Verdict)))
	s.tries(ctx, key)
	span.End(trace.WithTimestamp(e.At))
}

// tries makes the spans of the attempts that are kept.
func (s *spans) tries(ctx context.Context, key string) {
	for _, a := range s.attempts[key] {
		_, span := s.tracer.Start(ctx, s.names[key], trace.WithTimestamp(a.At), trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(attribute.Int("http.response.status_code", a.Status), attribute.Int("http.request.resend_count", a.Number-1)))
		if a.Reason != "" {
			span.SetStatus(codes.Error, a.Reason)
			span.SetAttributes(attribute.String("error.type", a.Reason))
		}
		span.End(trace.WithTimestamp(a.At.Add(a.Duration)))
	}
	delete(s.attempts, key)
}

// close sends what is left; a collector that does not answer holds the end up for a few seconds at most.
func (t *tracing) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}
