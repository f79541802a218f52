package demo_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/demo"
)

// ticker is a clock that tests move.
type ticker struct{ offset atomic.Int64 }

func (c *ticker) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *ticker) move(d time.Duration) { c.offset.Add(int64(d)) }

func TestTokensDieOfAge(t *testing.T) {
	clock := &ticker{}
	s := start(t, demo.Options{Records: 95, Clock: clock.now})
	for _, tt := range []struct {
		refuse string
		status int
		part   string
	}{
		{"", 410, "no longer valid"}, {"400", 400, "no longer valid"}, {"200", 200, `"code":404`}, {"410&renew=1", 410, `"next_cursor"`},
	} {
		t.Run("refuse "+tt.refuse, func(t *testing.T) {
			c, w := world(t, s, demo.Settings{Params: "limit=10&ttl=30s&refuse=" + tt.refuse})
			v, _ := c.ok("GET", c.url("/cursor"), "")
			u := c.url("/cursor", "cursor="+url.QueryEscape(at(v, "next_cursor").(string)))
			clock.move(29 * time.Second)
			if a := c.do("GET", u, ""); a.status != 200 || !strings.Contains(string(a.body), "next_cursor") {
				t.Fatalf("in time: status %d", a.status)
			}
			clock.move(2 * time.Second)
			a := c.do("GET", u, "")
			if a.status != tt.status || !strings.Contains(string(a.body), tt.part) {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if n := w.Stats().Refused; n != 1 {
				t.Errorf("refused is %d", n)
			}
			if strings.Contains(tt.refuse, "renew") {
				v := c.decode(a.body)
				fresh, _ := c.ok("GET", c.url("/cursor", "cursor="+url.QueryEscape(at(v, "next_cursor").(string))), "")
				if got := ids(list(at(fresh, "items"))); len(got) != 10 || got[0] != "100031" {
					t.Errorf("the fresh token leads to %v", got)
				}
			}
		})
	}
}

func TestKubernetesRefusalCarriesAToken(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{Params: "limit=10&fault=expire@2"})
	v, _ := c.ok("GET", c.url("/api/v1/indicators"), "")
	token := at(v, "metadata", "continue").(string)
	a := c.do("GET", c.url("/api/v1/indicators", "continue="+url.QueryEscape(token)), "")
	fresh, _ := at(c.decode(a.body), "metadata", "continue").(string)
	if a.status != 410 || fresh == "" || fresh == token {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if v, _ = c.ok("GET", c.url("/api/v1/indicators", "continue="+url.QueryEscape(fresh)), ""); len(list(at(v, "items"))) != 10 {
		t.Error("the fresh token does not lead on")
	}
}

func TestOneUseTokensAreRefusedTheSecondTime(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	for _, kind := range []string{"string", "object", "array"} {
		c, _ := world(t, s, demo.Settings{Params: "limit=10&one_use=1&token=" + kind})
		v, _ := c.ok("GET", c.url("/cursor"), "")
		body := `{"cursor":` + quote(at(v, "next_cursor")) + `}`
		if a := c.do("POST", c.url("/cursor"), body); a.status != 200 {
			t.Errorf("%s: first use: status %d: %s", kind, a.status, a.body)
		}
		if a := c.do("POST", c.url("/cursor"), body); a.status != 410 {
			t.Errorf("%s: second use: status %d", kind, a.status)
		}
	}
}

func TestTokensSurviveOnlyIfTheyComeBackUnchanged(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{Params: "limit=10"})
	v, _ := c.ok("GET", c.url("/cursor"), "")
	token := at(v, "next_cursor").(string)
	for name, q := range map[string]string{"raw plus": "cursor=" + token, "twice": "cursor=" + url.QueryEscape(url.QueryEscape(token)), "trimmed": "cursor=" + url.QueryEscape(token[1:])} {
		if a := c.do("GET", c.url("/cursor", q), ""); a.status != 400 {
			t.Errorf("%s: status %d", name, a.status)
		}
	}
	v, _ = c.ok("GET", c.url("/cursor", "token=number"), "")
	n := at(v, "next_cursor").(json.Number)
	if f, _ := n.Float64(); int64(f) < 1<<53 || n.String() == "9007199254740992" {
		t.Errorf("number token %s is exact as a float64", n)
	}
}

func TestPointInTime(t *testing.T) {
	clock := &ticker{}
	s := start(t, demo.Options{Records: 95, Clock: clock.now})
	c, w := world(t, s, demo.Settings{})
	v, _ := c.ok("POST", c.url("/indicators/_pit", "keep_alive=1m"), "")
	search := `{"size":50,"pit":{"id":` + quote(at(v, "id")) + `}}`
	w.Insert(5)
	v, _ = c.ok("POST", c.url("/_search"), search)
	if got := at(v, "hits", "total", "value").(json.Number); got != "95" {
		t.Errorf("the snapshot has %s records after an insert", got)
	}
	if v, _ = c.ok("POST", c.url("/indicators/_search"), `{"size":1}`); at(v, "hits", "total", "value").(json.Number) != "100" {
		t.Error("the live index has not grown")
	}
	v, _ = c.ok("POST", c.url("/_search", "rotate=1"), search)
	if a := c.do("POST", c.url("/_search"), search); a.status != 404 || !strings.Contains(string(a.body), "search_context_missing_exception") {
		t.Errorf("the old id after rotation: status %d", a.status)
	}
	search = `{"size":50,"pit":{"id":` + quote(at(v, "pit_id")) + `}}`
	clock.move(50 * time.Second)
	c.ok("POST", c.url("/_search"), search)
	clock.move(50 * time.Second) // prolonged by the search before
	c.ok("POST", c.url("/_search"), search)
	if w.Stats().SessionsOpen != 1 {
		t.Error("the session is not counted as open")
	}
	clock.move(61 * time.Second)
	if a := c.do("POST", c.url("/_search"), search); a.status != 404 {
		t.Errorf("after keep_alive: status %d", a.status)
	}
	v, _ = c.ok("POST", c.url("/indicators/_pit"), "")
	search = `{"size":50,"pit":{"id":` + quote(at(v, "id")) + `}}`
	if a := c.do("POST", c.url("/_search", "fault=session_lost@1"), search); a.status != 404 {
		t.Errorf("session_lost: status %d", a.status)
	}
	if a := c.do("POST", c.url("/_search"), search); a.status != 404 {
		t.Errorf("after session_lost: status %d", a.status)
	}
}

func TestDeltaAndPollingLinksBringWhatChanged(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, w := world(t, s, demo.Settings{Params: "$top=20&limit=20"})
	first, link := delta(c, c.url("/delta"))
	logs, polled := poll(c, c.url("/api/v1/logs"))
	if len(first) != 95 || len(logs) != 95 {
		t.Fatalf("%d and %d records", len(first), len(logs))
	}
	if again, same := delta(c, link); len(again) != 0 || same == "" {
		t.Errorf("nothing changed, but %v", again)
	}
	w.Insert(3)
	w.Update(100001, 100004)
	w.Delete(100007)
	changed, later := delta(c, link)
	if len(changed) != 6 {
		t.Errorf("delta brought %v", changed)
	}
	v, _ := c.ok("GET", link, "")
	if n := strings.Count(quote(v), "@removed"); n != 1 {
		t.Errorf("%d removed, want 1", n)
	}
	if again, _ := delta(c, later); len(again) != 0 {
		t.Errorf("twice: %v", again)
	}
	if more, _ := poll(c, polled); len(more) != 3 {
		t.Errorf("polling brought %v", more)
	}
	if a := c.do("GET", link+"&fault=expire:410", ""); a.status != 410 {
		t.Errorf("status %d", a.status)
	}
	if a := c.do("GET", link, ""); a.status != 410 {
		t.Errorf("a dead delta link: status %d", a.status)
	}
}
