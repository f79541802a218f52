package main

import (
	"encoding/json"
	"os"
	"regexp"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
)

// hide removes from what is printed of a stream's chain what is known to be secret here: tokens that the
// connector calls so, values of the environment and defaults, and the parameter that carries an API key.
// Positions are stored with the form in which they may be shown.
func (l *ledger) hide(s *store.Stream, positions, others []*json.RawMessage) {
	st := l.shape(s.StreamKey.Stream)
	if st != nil && st.Pagination.Token.Secret || st == nil && runtime.HidesTokens(s.Round) {
		for _, v := range positions {
			if *v != nil {
				*v = json.RawMessage(`"` + transport.Mask + `"`)
			}
		}
		positions = nil
	}
	if st == nil {
		return
	}
	if l.redact == nil {
		l.redact = new(transport.Redactor)
		_, _ = runtime.ResolveConfig(l.connector.Spec.Config, runtime.ConfigSource{ // a value that is missing here is no reason to show the others
			Env: os.LookupEnv, Now: time.Now(), Secrets: l.redact.Add,
		})
	}
	key := keyParameter(st.HTTP.Auth)
	for _, v := range append(positions, others...) {
		if *v == nil {
			continue
		}
		b := l.redact.Bytes(*v)
		if key != nil {
			b = key.ReplaceAll(b, []byte("${1}"+transport.Mask))
		}
		if !json.Valid(b) {
			b, _ = json.Marshal(string(b)) // a text always encodes
		}
		*v = b
	}
}

// keyParameter finds an API key in the query of a URL; nil when the key is sent otherwise.
func keyParameter(a *spec.Auth) *regexp.Regexp {
	if a == nil || a.Type != "api_key" || a.In != "query" || a.Name == nil || len(a.Name.Parts) != 1 || a.Name.Parts[0].Expr != nil {
		return nil
	}
	return regexp.MustCompile(`([?&]` + regexp.QuoteMeta(a.Name.Parts[0].Lit) + `=)[^&"#\\]*`)
}
