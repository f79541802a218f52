package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// shop is a connector in the program's own text.
const shop = `
connector: shop
format: 1
config: {base_url: {type: url, required: true}}
http: {base_url: "${config.base_url}"}
streams:
  orders:
    request: {path: /orders}
    records: {path: orders, key: id}
    pagination: {type: cursor, next: body.next, send: query.after, total: body.total}
`

// serveShop serves four orders on two pages.
func serveShop() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := map[string]string{
			"":  `{"total": 4, "orders": [{"id": 1}, {"id": 2}], "next": "b"}`,
			"b": `{"total": 4, "orders": [{"id": 3}, {"id": 4}]}`,
		}[r.URL.Query().Get("after")]
		fmt.Fprint(w, page)
	}))
}

// A loop over pages needs neither an output nor a state file.
func ExamplePages() {
	api := serveShop()
	defer api.Close()
	connector, err := runtime.Parse("shop.yaml", []byte(shop), nil, script.Options{})
	if err != nil {
		fmt.Println(err) // file:line:column, all of them
		return
	}
	defer connector.Close()
	job := &runtime.Job{Connector: connector, Set: map[string]string{"base_url": api.URL}}
	for page, err := range runtime.Pages(context.Background(), job) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, record := range page.Records {
			fmt.Printf("%s ", record)
		}
		fmt.Println(page.Code)
	}
	// Output:
	// {"id":1} {"id":2} continue
	// {"id":3} {"id":4} end
}

// A page whose loop body was not finished comes again: the next run goes on with it.
func ExamplePages_left() {
	api := serveShop()
	defer api.Close()
	connector, err := runtime.Parse("shop.yaml", []byte(shop), nil, script.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connector.Close()
	ledger := new(runtime.MemoryLedger) // or a store.DB, which outlives the process
	job := &runtime.Job{Connector: connector, Ledger: ledger, Set: map[string]string{"base_url": api.URL}}
	for page, err := range runtime.Pages(context.Background(), job) {
		if err != nil || page.Index == 1 {
			fmt.Println("left on page", page.Index)
			break
		}
	}
	for page, err := range runtime.Pages(context.Background(), job) {
		fmt.Println("again page", page.Index, err)
	}
	// Output:
	// left on page 1
	// again page 1 <nil>
}

// A loop learns from the last error why a run has not come to a complete end.
func ExampleEndError() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"total": 4, "orders": [{"id": 1}, {"id": 2}]}`) // where is the token?
	}))
	defer api.Close()
	connector, err := runtime.Parse("shop.yaml", []byte(shop), nil, script.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connector.Close()
	job := &runtime.Job{Connector: connector, Set: map[string]string{"base_url": api.URL}}
	for _, err := range runtime.Pages(context.Background(), job) {
		var end *runtime.EndError
		if errors.As(err, &end) {
			fmt.Println(end.Report.Verdict, end.Report.Reason)
		}
	}
	// Output:
	// incomplete next_token_missing
}

// Run writes to an output and remembers in a file where it stopped; both survive a kill at any instant.
func ExampleRun() {
	api := httptest.NewServer(demo.New(demo.Options{}))
	defer api.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	ledger, err := store.Open(ctx, filepath.Join(dir, "state.db"), store.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ledger.Close()
	out, err := sink.New(ctx, "jsonl:"+filepath.Join(dir, "{stream}.jsonl"), sink.Options{Ledger: ledger.Path()})
	if err != nil {
		fmt.Println(err)
		return
	}
	connector, err := runtime.LoadFS(connectors.FS, "demo", script.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connector.Close()
	report, err := runtime.Run(ctx, &runtime.Job{
		Connector: connector, Streams: []string{"offset"}, Ledger: ledger, Sink: out, Owner: store.Self(time.Now()),
		Config: map[string]json.RawMessage{"base_url": json.RawMessage(`"` + api.URL + `"`)},
	})
	if err != nil {
		fmt.Println(err) // nothing was begun
		return
	}
	s := report.Streams.Of("offset")
	fmt.Println(report.Verdict, report.Attested, s.Records == *s.Total)
	// Output:
	// complete proved true
}

// A chain can be run in slices, each in a process of its own that shares the ledger.
func ExampleRunSlice() {
	api := serveShop()
	defer api.Close()
	connector, err := runtime.Parse("shop.yaml", []byte(shop), nil, script.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connector.Close()
	job := &runtime.Job{Connector: connector, Ledger: new(runtime.MemoryLedger), Sink: new(tally), Set: map[string]string{"base_url": api.URL}}
	for {
		o, err := runtime.RunSlice(context.Background(), job, runtime.ChainAt{Stream: "orders"}, runtime.Budget{Pages: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(o.Kind, "after", o.Records, "records, pending:", o.Pending)
		if !o.Pending {
			return
		}
	}
	// Output:
	// yield after 2 records, pending: true
	// done after 2 records, pending: false
}

// tally is the smallest sink: it keeps nothing that a run would have to go back to.
type tally struct{ records int }

func (t *tally) Target(string) string { return "" }

func (t *tally) Open(context.Context, string, []byte, bool) error { return nil }

func (t *tally) Write(_ context.Context, _, _ string, records [][]byte, _ []string) error {
	t.records += len(records)
	return nil
}

func (t *tally) Mark(context.Context, string) (string, []byte, error) { return "", nil, nil }

func (t *tally) Durable(string) bool { return true }

func (t *tally) Notes() [][2]string { return nil }

func (t *tally) Close(context.Context) error { return nil }
