package runtime

import (
	"maps"
	"slices"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/auth"
)

// Kinds are ways of authenticating and of paging that a program has of its own, by the `type` that
// connector files name them with. They stand beside those of the format; one of the same name takes
// the place of the format's. A connector that was loaded with them runs with them. The zero value has
// none.
type Kinds struct {
	Auth     map[string]auth.Construct
	Patterns map[engine.Type]func(*engine.Rules) engine.Strategy
}

// options are what spec.Parse needs to know.
func (k Kinds) options(hook func(string) (string, string, error)) spec.Options {
	return spec.Options{Hook: hook, AuthTypes: slices.Sorted(maps.Keys(k.Auth)), Patterns: slices.Sorted(maps.Keys(k.Patterns))}
}

// auths is the table of the ways of authenticating.
func (k Kinds) auths() map[string]auth.Construct {
	if k.Auth == nil {
		return auth.Kinds
	}
	all := maps.Clone(auth.Kinds)
	maps.Copy(all, k.Auth)
	return all
}

// patterns is the table of the ways of paging.
func (k Kinds) patterns() map[engine.Type]func(*engine.Rules) engine.Strategy {
	all := engine.Strategies()
	maps.Copy(all, k.Patterns)
	return all
}
