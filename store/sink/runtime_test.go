package sink_test

import (
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store/sink"
)

var _ runtime.Sink = sink.Sink(nil)

func TestSQLiteIsATxSink(t *testing.T) {
	s, err := sink.New(t.Context(), "sqlite:out.db", sink.Options{})
	check(t, err)
	if _, ok := s.(runtime.TxSink); !ok {
		t.Error("it is not")
	}
}
