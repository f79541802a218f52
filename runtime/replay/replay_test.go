package replay_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

func TestTry(t *testing.T) {
	c, err := runtime.Load("testdata/pokemon", script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := replay.Load("testdata/pokemon/cases/walk.txtar")
	if err != nil {
		t.Fatal(err)
	}
	r, err := k.Play(context.Background(), c, replay.Options{Update: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(r)
	fmt.Println(string(r.Updated()))
}
