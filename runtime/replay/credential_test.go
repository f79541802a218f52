package replay_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

// TestRecordedWithoutCredentials: what a token endpoint or login answers beside the token that is used, and
// credentials that the connector file itself holds, stand in no case, and the case can be played.
func TestRecordedWithoutCredentials(t *testing.T) {
	const granted = `{"access_token": "real-access", "expires_in": 3600, "token_type": "Bearer", "refresh_token": "real-refresh", "id_token": "real-id", "clientSecret": "real-other", "scope": "read"}`
	for name, c := range map[string]struct{ auth, answer, asks string }{
		"client":  {`{type: oauth2_client_credentials, token_url: /token, client_id: me, client_secret: "${config.key}"}`, granted, `"scope": "read"`},
		"body":    {`{type: oauth2_client_credentials, token_url: /token, client_id: me, client_secret: real-literal, style: body}`, granted, "client_id=me&client_secret=%3Cany%3E"},
		"refresh": {`{type: oauth2_refresh_token, token_url: /token, client_id: me, client_secret: "${config.key}", refresh_token: real-literal}`, granted, "refresh_token=%3Cany%3E"},
		"user":    {`{type: oauth2_password, token_url: /token, client_id: me, client_secret: "${config.key}", username: joe, password: real-literal}`, granted, "&username=joe"},
		"login":   {`{type: login, request: {method: POST, path: /token, body: {user: joe, password: real-literal, secret: "${config.key}"}}, token: body.access_token, send: header.X-T}`, granted, `"password":"<any>","secret":"made-up-key"`},
		"form":    {`{type: login, request: {method: POST, path: /token, form: {passwd: real-literal}}, token: body.access_token, send: header.X-T}`, granted, "passwd=%3Cany%3E"},
		"key":     {`{type: api_key, in: query, name: k, value: real-literal}`, "", "k=%3Cany%3E"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == "/token" {
					w.Header().Set("X-Auth-Token", "real-header")
					fmt.Fprint(w, c.answer)
					return
				}
				fmt.Fprintf(w, `{"items": [{"id": 1}], "asked": %q}`, r.Header.Get("Authorization")+r.Header.Get("X-T")+r.URL.RawQuery)
			}))
			defer srv.Close()
			con, err := runtime.Parse("c.yaml", []byte("connector: c\nformat: 1\nconfig:\n  base_url: {type: url, required: true}\n  key: {type: string, secret: true, default: real-key}\n"+
				"http: {base_url: \"${config.base_url}\", auth: "+c.auth+"}\nstreams:\n  s:\n    request: {path: /items}\n    records: {path: items, key: id}\n"), nil, script.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer con.Close()
			j := job(t, con, map[string]string{"base_url": srv.URL})
			rec, err := replay.Record(j, nil)
			if err != nil {
				t.Fatal(err)
			}
			report, err := runtime.Run(context.Background(), j)
			if err != nil || report.Verdict != runtime.Complete {
				t.Fatalf("%+v %v", report, err)
			}
			w, err := rec.Write(context.Background(), t.TempDir(), report, 0)
			if err != nil {
				t.Fatal(err)
			}
			text := read(t, w.File)
			if strings.Contains(text, "real-") || !strings.Contains(text, c.asks) || w.Note != "" {
				t.Errorf("%+v\n%s", w, text)
			}
			if r, err := replay.Run(context.Background(), con, w.File); err != nil || !r.OK() {
				t.Errorf("%v\n%s\n%s", err, r, text)
			}
		})
	}
}
