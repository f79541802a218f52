package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// grants are the kinds of authentication that ask for a token.
var grants = map[string]string{
	"client":   `{type: oauth2_client_credentials, token_url: /token, client_id: a, client_secret: b}`,
	"password": `{type: oauth2_password, token_url: /token, client_id: a, client_secret: b, username: u, password: p}`,
	"refresh":  `{type: oauth2_refresh_token, token_url: /token, client_id: a, client_secret: b, refresh_token: r}`,
	"login":    `{type: login, request: {method: POST, path: /token}, token: body.access_token, expires_in: body.expires_in, send: header.X-Auth}`,
	"computed": `{type: login, request: {method: POST, path: /token}, token: "${body.access_token}", send: header.X-Auth}`,
}

const grantStream = `
streams:
  s:
    http: {auth: %s}
    request: {path: /s}
    records: {path: items, key: id}
    pagination: {type: none}
`

// grantAPI answers the first bad requests for a token with body, and wants a token of everything else.
func grantAPI(body, contentType string, bad int64) (http.HandlerFunc, *atomic.Int64) {
	asked := new(atomic.Int64)
	return func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case q.URL.Path == "/token" && asked.Add(1) <= bad:
			w.Header().Set("Content-Type", contentType)
			fmt.Fprint(w, body)
		case q.URL.Path == "/token":
			fmt.Fprint(w, `{"access_token":"tok-en","token_type":"Bearer","expires_in":1799}`)
		case q.Header.Get("Authorization") != "Bearer tok-en" && q.Header.Get("X-Auth") != "tok-en":
			w.WriteHeader(401)
		default:
			fmt.Fprint(w, `{"items":[{"id":1}]}`)
		}
	}, asked
}

// TestTokenEndpointBody asks again for a token whose answer cannot be read, as for a page, and fails when
// it stays so.
func TestTokenEndpointBody(t *testing.T) {
	for name, auth := range grants {
		for _, c := range []struct{ body, kind, says string }{
			{`{"access_token":"sec-r`, "application/json", "is cut at byte 22"},
			{`<html>Sign in</html>`, "text/html", "HTML where JSON with a token is expected"},
			{` `, "application/json", "the body is empty"},
			{`sec-r!`, "text/plain", "is not JSON with a token"},
			{`{"access_token":"sec-r"}x`, "application/json", "is not JSON with a token: byte 24"},
		} {
			api, asked := grantAPI(c.body, c.kind, 1)
			r := newRig(t, api, fmt.Sprintf(grantStream, auth))
			want(t, r.run(), "complete")
			if n := asked.Load(); n != 2 {
				t.Errorf("%s, %s: %d requests for a token, want 2", name, c.body, n)
			}
			api, asked = grantAPI(c.body, c.kind, 100)
			r = newRig(t, api, fmt.Sprintf(grantStream, auth))
			rep := r.run()
			want(t, rep, "failed body")
			if !strings.Contains(rep.Message, "/token: ") || !strings.Contains(rep.Message, c.says) || strings.Contains(rep.Message, "sec-r") {
				t.Errorf("%s, %s: %s", name, c.body, rep.Message)
			}
			if n := asked.Load(); n != 3 {
				t.Errorf("%s, %s: %d attempts, want 3", name, c.body, n)
			}
		}
	}
}

// TestTokenEndpointSays takes an answer that can be read as it is: nothing is retried.
func TestTokenEndpointSays(t *testing.T) {
	for _, c := range []struct{ auth, body, kind, verdict string }{
		{grants["client"], "\xef\xbb\xbf" + `{"access_token":"tok-en","expires_in":60}`, "application/json", "complete"},
		{grants["login"], "\xef\xbb\xbf" + `{"access_token":"tok-en","expires_in":60}`, "application/json", "complete"},
		{grants["client"], `access_token=tok-en&token_type=bearer`, "application/x-www-form-urlencoded", "complete"},
		{grants["client"], `{"error":"slow_down"}`, "application/json", "failed unauthorized"},
		{grants["client"], `error=bad_code&error_description=no`, "application/x-www-form-urlencoded", "failed unauthorized"},
		{grants["login"], `{"error":"slow_down"}`, "application/json", "failed auth"},
		{`{type: login, request: {path: /token}, token: header.X-Token, send: header.X-Auth}`, `<html>welcome</html>`, "text/html", "complete"},
		{`{type: login, request: {path: /token}, token: [body.token, header.X-Token], send: header.X-Auth}`, `<html>welcome</html>`, "text/html", "complete"},
	} {
		api, asked := grantAPI(c.body, c.kind, 100)
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("X-Token", "tok-en")
			api(w, q)
		}, fmt.Sprintf(grantStream, c.auth))
		rep := r.run()
		if got := strings.TrimSpace(rep.Verdict + " " + rep.Reason); got != c.verdict || asked.Load() != 1 {
			t.Errorf("%s, %s: %d requests for a token, %s", c.auth, c.body, asked.Load(), rep.Message)
		}
	}
}

// TestByteOrderMarks reads pages, the answers that rules classify and a session's behind byte order marks.
func TestByteOrderMarks(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	busy := new(atomic.Int64)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case q.URL.Path == "/open":
			fmt.Fprint(w, bom+`{"id":"x"}`)
		case busy.Add(1) == 1:
			w.WriteHeader(400)
			fmt.Fprint(w, bom+`{"error":"busy"}`)
		default:
			fmt.Fprint(w, bom+`{"items":[{"id":1}],"total":1}`)
		}
	}, `
streams:
  s:
    http: {responses: [{status: 400, when: "${body.error === 'busy'}", is: retry}]}
    session: {open: {method: POST, path: /open}, id: body.id}
    request: {path: "/s/${session.id}"}
    records: {path: items, key: id}
    pagination: {type: none, total: body.total}
`)
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != "proved" || rep.Streams[0].Retries != 1 || len(r.lines("s")) != 1 {
		t.Errorf("%+v", rep.Streams[0])
	}
}
