package spec

import (
	"fmt"
	"testing"
)

func TestExprSettings(t *testing.T) {
	for source, want := range map[string]string{
		`config.a`:                       "[a] false",
		`config.a + config.a + b.config`: "[a a] false",
		`config?.a ?? config["b-c"]`:     "[a b-c] false",
		`config[name]`:                   "[] true",
		`[config, config.a]`:             "[a] true",
		"config[`a`]":                    "[] true", // it may hold another expression
		`page.config.a + "config.b"`:     "[] false",
		`"unfinished`:                    "[] true",
	} {
		names, any := (&Expr{Source: source}).Settings()
		if got := fmt.Sprint(names, any); got != want {
			t.Errorf("%s reads %s, want %s", source, got, want)
		}
	}
}
