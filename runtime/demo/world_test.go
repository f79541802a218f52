package demo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/demo"
)

func TestContentIsAFunctionOfTheSeed(t *testing.T) {
	a, b := demo.New(demo.Options{Records: 1200}).Records(""), demo.New(demo.Options{Records: 1200}).Records("")
	c := demo.New(demo.Options{Records: 1200, Seed: 2}).Records("")
	if len(a) != 1200 || string(a[700]) != string(b[700]) || string(a[700]) == string(c[700]) {
		t.Errorf("%d records\n%s\n%s\n%s", len(a), a[700], b[700], c[700])
	}
	var last struct {
		ID       json.Number
		Created  time.Time
		UpdateID json.Number `json:"update_id"`
	}
	wide := 0
	seen := map[string]bool{}
	for i, raw := range a {
		v := last
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("record %d: %v: %s", i, err, raw)
		}
		if i > 0 && !v.Created.After(last.Created) {
			t.Errorf("record %d is created at %s, the one before at %s", i, v.Created, last.Created)
		}
		if n, _ := v.ID.Int64(); n > 1<<53 {
			wide++
		}
		if seen[v.ID.String()] || seen["u"+v.UpdateID.String()] {
			t.Errorf("record %d: id %s or update_id %s comes twice", i, v.ID, v.UpdateID)
		}
		seen[v.ID.String()], seen["u"+v.UpdateID.String()] = true, true
		last = v
	}
	if wide != 200 {
		t.Errorf("%d ids above 2^53, want 200", wide)
	}
	all := fmt.Sprintf("%s", a)
	for _, part := range []string{`0,"severity"`, "東京", "🦠", `\"mass\"`, `"expires":null`, "e0}"} {
		if !strings.Contains(all, part) {
			t.Errorf("no record has %s", part)
		}
	}
}

func TestTies(t *testing.T) {
	api := demo.New(demo.Options{Records: 100})
	if err := api.World("ties").Set(demo.Settings{Ties: 10}); err != nil {
		t.Fatal(err)
	}
	created, updated := map[string]int{}, map[string]int{}
	for _, raw := range api.Records("ties") {
		var v struct{ Created, Updated string }
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		created[v.Created]++
		updated[v.Updated]++
	}
	if len(created) != 10 || len(updated) != 10 {
		t.Errorf("%d and %d different times, want 10", len(created), len(updated))
	}
}

func TestWorldsAreIndependent(t *testing.T) {
	s := start(t, demo.Options{Records: 50})
	c := &client{t: t, base: s.URL + "/w/a"}
	a := c.do("PUT", c.base+"/", `{"records":120,"seed":9,"params":"limit=40&fault=500@2"}`)
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := c.do("PUT", c.base+"/", `{"recods":1}`); a.status != 400 {
		t.Errorf("unknown setting: status %d", a.status)
	}
	if a := c.do("PUT", c.base+"/", `{"params":"fault=x"}`); a.status != 400 {
		t.Errorf("unknown fault: status %d", a.status)
	}
	c.ok("POST", c.base+"/records", `{"insert":2,"update":[100001],"delete":[100004,5]}`)
	v, _ := c.ok("GET", c.url("/offset"), "")
	if got := at(v, "total").(json.Number); got != "121" || len(list(at(v, "items"))) != 40 {
		t.Errorf("total %s, %d items", got, len(list(at(v, "items"))))
	}
	other := &client{t: t, base: s.URL}
	v, _ = other.ok("GET", other.url("/offset", "run=b&records=70&seed=9"), "")
	if got := at(v, "total").(json.Number); got != "70" {
		t.Errorf("total %s in the other world", got)
	}
	if a := c.do("GET", c.url("/offset", "offset=40"), ""); a.status != 500 {
		t.Errorf("status %d, want the fault", a.status)
	}
	if a := other.do("GET", other.url("/offset", "run=b&offset=40&limit=40"), ""); a.status != 200 {
		t.Errorf("status %d in the other world", a.status)
	}
	st := s.World("a").Stats()
	if st.Requests != 5 || st.Endpoints["/offset"] != 2 || st.Statuses["500"] != 1 || st.Faults["500@2"] != 1 || st.Records != 40 {
		t.Errorf("%+v", st)
	}
	var over demo.Stats
	if err := json.Unmarshal(c.do("GET", c.base+"/stats", "").body, &over); err != nil || over.Endpoints["/offset"] != 2 {
		t.Errorf("%v %+v", err, over)
	}
	want := 0
	for line := range bytes.Lines(c.do("GET", c.base+"/expected", "").body) {
		if !bytes.Equal(bytes.TrimSpace(line), s.Records("a")[want]) {
			t.Fatalf("line %d of /expected is %s", want, line)
		}
		want++
	}
	if want != 121 || len(s.World("a").Deleted()) != 1 {
		t.Errorf("%d records expected, %d deleted", want, len(s.World("a").Deleted()))
	}
	c.ok("POST", c.base+"/reset", "")
	if n := len(s.Records("a")); n != 120 {
		t.Errorf("%d records after reset", n)
	}
}

func TestManyWorldsAtOnce(t *testing.T) {
	s := start(t, demo.Options{Records: 120})
	var wait sync.WaitGroup
	for g := range 16 {
		wait.Go(func() {
			for i := range 30 {
				u := fmt.Sprintf("%s/w/%d/offset?limit=50&offset=%d&fault=500@2,insert@1", s.URL, (g+i)%5, i%3*50)
				res, err := http.Get(u)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				w := s.World(fmt.Sprint(i % 5))
				w.Update(100001)
				w.Records()
				w.Stats()
			}
		})
	}
	wait.Wait()
	n := 0
	for i := range 5 {
		n += s.World(fmt.Sprint(i)).Stats().Requests
	}
	if n != 480 {
		t.Errorf("%d requests counted, want 480", n)
	}
}

func TestOldWorldsMakeRoom(t *testing.T) {
	api := demo.New(demo.Options{Records: 1})
	keep := api.World("")
	for i := range 2500 {
		api.World(fmt.Sprint(i))
	}
	if api.World("") != keep {
		t.Error("the default world was dropped")
	}
}

func TestAuthentication(t *testing.T) {
	clock := &ticker{}
	s := start(t, demo.Options{Records: 50, Clock: clock.now})
	basic := func(user, password string) string {
		r, _ := http.NewRequest("GET", "http://x", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	c, w := world(t, s, demo.Settings{})
	for kind, header := range map[string][]string{
		"bearer": {"Authorization", "Bearer " + demo.BearerToken}, "basic": {"Authorization", basic(demo.User, demo.Password)},
		"header": {"X-Api-Key", demo.APIKey}, "cookie": {"Cookie", "api_key=" + demo.APIKey},
	} {
		if a := c.do("GET", c.url("/offset", "auth="+kind), ""); a.status != 401 {
			t.Errorf("%s without: status %d", kind, a.status)
		}
		if a := c.do("GET", c.url("/offset", "auth="+kind), "", header...); a.status != 200 {
			t.Errorf("%s with: status %d", kind, a.status)
		}
	}
	if a := c.do("GET", c.url("/offset", "auth=query&api_key="+demo.APIKey), ""); a.status != 200 {
		t.Errorf("query: status %d", a.status)
	}

	form := func(values ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(values); i += 2 {
			v.Set(values[i], values[i+1])
		}
		return v
	}
	token := func(path string, f url.Values, want int) any {
		t.Helper()
		res, err := http.PostForm(c.url(path), f)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != want {
			t.Fatalf("status %d, %v: %s", res.StatusCode, err, text)
		}
		return c.decode(text)
	}
	id := []string{"client_id", demo.ClientID, "client_secret", demo.ClientSecret}
	v := token("/oauth2/token?expires_in=60&uses=3", form(append(id, "grant_type", "client_credentials")...), 200)
	bearer := []string{"Authorization", "Bearer " + at(v, "access_token").(string)}
	for i, want := range []int{200, 200, 200, 401} {
		if a := c.do("GET", c.url("/offset", "auth=oauth2"), "", bearer...); a.status != want {
			t.Errorf("use %d: status %d, want %d", i+1, a.status, want)
		}
	}
	v = token("/oauth2/token?expires_in=60&created=1", form(append(id, "grant_type", "refresh_token", "refresh_token", "demo-refresh-token")...), 201)
	rotated := at(v, "refresh_token").(string)
	bearer[1] = "Bearer " + at(v, "access_token").(string)
	clock.move(59 * time.Second)
	if a := c.do("GET", c.url("/offset", "auth=oauth2"), "", bearer...); a.status != 200 {
		t.Errorf("in time: status %d", a.status)
	}
	clock.move(time.Second)
	if a := c.do("GET", c.url("/offset", "auth=oauth2"), "", bearer...); a.status != 401 {
		t.Errorf("too late: status %d", a.status)
	}
	token("/oauth2/token", form(append(id, "grant_type", "refresh_token", "refresh_token", "demo-refresh-token")...), 400)
	token("/oauth2/token", form(append(id, "grant_type", "refresh_token", "refresh_token", rotated)...), 200)
	token("/oauth2/token", form("grant_type", "client_credentials", "client_id", "x"), 401)
	token("/oauth2/token", form(append(id, "grant_type", "password", "username", demo.User, "password", demo.Password)...), 200)
	token("/oauth2/token", form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "a.b.c"), 200)
	v, _ = c.ok("POST", c.url("/login"), `{"username":"demo","password":`+quote(demo.Password)+`}`)
	if a := c.do("GET", c.url("/offset", "auth=login"), "", "X-Session", at(v, "session", "token").(string)); a.status != 200 {
		t.Errorf("login: status %d", a.status)
	}
	if n := w.Stats().AccessTokens; n != 6 {
		t.Errorf("%d access tokens, want 6", n)
	}
}

func TestQuota(t *testing.T) {
	clock := &ticker{}
	s := start(t, demo.Options{Records: 50, Clock: clock.now})
	c, _ := world(t, s, demo.Settings{Params: "quota=2&quota_per=10s&quota_unit=seconds"})
	for i, want := range []int{200, 200, 429} {
		a := c.do("GET", c.url("/offset"), "")
		if a.status != want || a.header.Get("X-RateLimit-Reset") != "10.000" {
			t.Errorf("request %d: status %d, reset %s", i+1, a.status, a.header.Get("X-RateLimit-Reset"))
		}
	}
	clock.move(10 * time.Second)
	if a := c.do("GET", c.url("/offset"), ""); a.status != 200 || a.header.Get("X-RateLimit-Remaining") != "1" {
		t.Errorf("status %d, remaining %s", a.status, a.header.Get("X-RateLimit-Remaining"))
	}
}

func TestExportJobs(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, w := world(t, s, demo.Settings{})
	v, _ := c.ok("POST", c.url("/export", "chunk=10&polls=4"), "")
	job := "/export/" + at(v, "export_uuid").(string)
	w.Insert(5)
	var states []string
	for range 5 {
		v, _ := c.ok("GET", c.url(job+"/status", "retry_after=0.1"), "")
		states = append(states, fmt.Sprintf("%s %d %v", at(v, "status"), len(list(at(v, "chunks_available"))), at(v, "progress")))
	}
	if got, want := strings.Join(states, ", "), "QUEUED 0 25, PROCESSING 2 50, PROCESSING 5 75, FINISHED 10 100, FINISHED 10 100"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if v, _ = c.ok("GET", c.url(job+"/chunks/10"), ""); len(list(v)) != 5 {
		t.Errorf("the last chunk has %d records", len(list(v)))
	}
	if v, _ = c.ok("GET", c.url(job+"/status", "fault=jobfail"), ""); at(v, "status") != "ERROR" {
		t.Errorf("status %v", at(v, "status"))
	}
	if a := c.do("GET", c.url(job+"/chunks/11"), ""); a.status != 404 {
		t.Errorf("a chunk too many: status %d", a.status)
	}
	if a := c.do("DELETE", c.url(job), ""); a.status != 204 || w.Stats().SessionsOpen != 0 {
		t.Errorf("status %d, %d open", a.status, w.Stats().SessionsOpen)
	}
}

func TestDetails(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{})
	v, _ := c.ok("GET", c.url("/alerts/queries/alerts/v2", "limit=10&filter="+url.QueryEscape("updated:>'2026-01-01T12:00:00Z'")), "")
	batch := list(at(v, "resources"))
	body := `{"composite_ids":` + quote(append(batch, "nobody")) + `}`
	v, _ = c.ok("POST", c.url("/alerts/entities/alerts/v2"), body)
	if len(list(at(v, "resources"))) != 10 || !strings.Contains(quote(at(v, "errors")), "nobody") {
		t.Errorf("%d records, errors %v", len(list(at(v, "resources"))), at(v, "errors"))
	}
	if a := c.do("POST", c.url("/alerts/entities/alerts/v2", "unknown=404"), body); a.status != 404 {
		t.Errorf("status %d", a.status)
	}
	v, _ = c.ok("POST", c.url("/alerts/entities/alerts/v2", "fault=missing:3"), `{"composite_ids":`+quote(batch)+`}`)
	if len(list(at(v, "resources"))) != 7 || len(list(at(v, "errors"))) != 0 {
		t.Errorf("%d records, errors %v", len(list(at(v, "resources"))), at(v, "errors"))
	}
}

func TestFrontPageNamesEverything(t *testing.T) {
	s := start(t, demo.Options{Records: 5})
	c := &client{t: t, base: s.URL}
	for _, accept := range []string{"*/*", "text/html,application/xhtml+xml"} {
		a := c.do("GET", s.URL+"/", "", "Accept", accept)
		if html := strings.Contains(accept, "html"); a.status != 200 || html != bytes.HasPrefix(a.body, []byte("<!DOCTYPE")) {
			t.Errorf("%s: status %d: %.60s", accept, a.status, a.body)
		}
		for _, part := range []string{"/cursor", "/graphql", "/taxii2/", "fault=429:2@3", "missing:3", "one_use", s.URL + "/offset", demo.APIKey[:4]} {
			if !bytes.Contains(a.body, []byte(part)) {
				t.Errorf("%s: nothing about %s", accept, part)
			}
		}
	}
}
