package runtime_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// The certificates of `tls` are for the requests that fetch credentials as they are for pages.
func TestCredentialsAreFetchedWithTheSameCertificates(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.URL.Path == "/token":
			answer(w, `{"access_token":"t-0123456789","token_type":"bearer","expires_in":3600}`)
		case q.Header.Get("Authorization") != "Bearer t-0123456789":
			w.WriteHeader(http.StatusForbidden)
		default:
			answer(w, `{"items":[{"id":1}]}`)
		}
	}))
	defer srv.Close()
	r := newRig(t, nil, "  auth: {type: oauth2_client_credentials, token_url: /token, client_id: me, client_secret: secret-of-mine}\n  tls: {ca_file: \"${config.org}\"}\n"+
		"streams:\n  s:\n    request: {path: /list}\n    records: {path: items}\n    pagination: {type: none}\n")
	ca := filepath.Join(r.dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	want(t, r.run(func(j *runtime.Job) { j.Set["base_url"], j.Set["org"] = srv.URL, ca }), "complete")
	r.count("s", "id", 1)
}
