package script

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestSlotStats holds that slots tell what runs, what waits, which children are alive, and what calls
// have come to.
func TestSlotStats(t *testing.T) {
	for _, iso := range isolations {
		t.Run(iso.name, func(t *testing.T) {
			slots := NewSlots(1)
			var all []*Program
			for range 2 { // programs share them
				p, err := Compile(&HookSource{File: "hook.js", Text: `function next(page) { if (page === 1) for (;;) {} } function record(r) { return r }`},
					[]Source{{ID: 4, Text: "1 + 1", File: "c.yaml", Line: 1, Col: 1}}, Options{Worker: iso.worker, Slots: slots})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				all = append(all, p)
			}
			ctx, cancel := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() { _, _ = all[i%2].Call(ctx, "next", nil, Int(1)) })
			}
			for {
				s := slots.Stats()
				if s.Slots != 1 || s.Busy > 1 || s.Waiting > 3 {
					t.Fatalf("%+v", s)
				}
				if s.Busy == 1 && s.Waiting == 2 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			cancel()
			wg.Wait()
			if _, err := all[0].CallEach(context.Background(), "record", nil, [][]byte{[]byte(`{}`), []byte(`{"a":1}`)}); err != nil {
				t.Fatal(err)
			}
			if _, err := all[1].Eval(context.Background(), 4, nil); err != nil {
				t.Fatal(err)
			}
			s := slots.Stats()
			if s.Busy != 0 || s.Waiting != 0 || (s.Children > 0) != (iso.worker != nil) {
				t.Errorf("%+v", s)
			}
			got := map[string]FunctionStats{}
			for _, f := range s.Calls {
				got[f.Function] = f
			}
			if len(got) != len(Functions)+2 || got["record"].Calls != 2 || got["expression"].Calls != 1 || got["next"].Calls == 0 || got["next"].Time <= 0 || got["other"].Calls != 0 {
				t.Errorf("%+v", got)
			}
			for _, p := range all {
				p.Close()
			}
			if s := slots.Stats(); s.Children != 0 {
				t.Errorf("%d children are said to be alive", s.Children)
			}
		})
	}
}
