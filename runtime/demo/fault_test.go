package demo_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/lastpage/lastpage/runtime/demo"
)

// world gives a client of a fresh world.
func world(t *testing.T, s *demo.Server, set demo.Settings) (*client, *demo.World) {
	t.Helper()
	w := s.World(t.Name())
	if err := w.Set(set); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, base: s.URL + "/w/" + url.PathEscape(t.Name()), most: 200}, w
}

func TestSpoiledAnswersComeOnceAndThenThePage(t *testing.T) {
	s := start(t, demo.Options{Records: 500})
	status := func(n int) func(*testing.T, answer, error) {
		return func(t *testing.T, a answer, err error) {
			if err != nil || a.status != n {
				t.Errorf("status %d, %v", a.status, err)
			}
		}
	}
	brokenBody := func(t *testing.T, a answer, err error) {
		if err == nil || a.status != http.StatusOK || json.Valid(a.body) {
			t.Errorf("status %d, %v, %d bytes", a.status, err, len(a.body))
		}
	}
	quietlyBroken := func(t *testing.T, a answer, err error) {
		if err != nil || a.status != http.StatusOK || json.Valid(a.body) && utf8.Valid(a.body) {
			t.Errorf("status %d, %v, %d bytes", a.status, err, len(a.body))
		}
	}
	inside := func(status int, part string) func(*testing.T, answer, error) {
		return func(t *testing.T, a answer, err error) {
			if err != nil || a.status != status || !json.Valid(a.body) || !bytes.Contains(a.body, []byte(part)) {
				t.Errorf("status %d, %v: %s", a.status, err, a.body)
			}
		}
	}
	for _, tt := range []struct {
		fault string
		check func(*testing.T, answer, error)
	}{
		{"429", status(429)}, {"500", status(500)}, {"503:none", status(503)}, {"529", status(529)}, {"403:epoch=5", status(403)},
		{"reset", func(t *testing.T, _ answer, err error) {
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Error(err)
			}
		}},
		{"reset:mid", brokenBody}, {"cut", brokenBody}, {"cut:chunked", brokenBody},
		{"cut:eof", quietlyBroken}, {"cut:short", quietlyBroken},
		{"garbage", quietlyBroken}, {"garbage:second", quietlyBroken}, {"garbage:nul", quietlyBroken},
		{"html", quietlyBroken}, {"html:json", quietlyBroken}, {"blank", quietlyBroken}, {"utf8", quietlyBroken}, {"bom", quietlyBroken},
		{"hidden:429", inside(200, `"code":429`)}, {"multi:429", inside(207, `"code":429`)}, {"okfalse:ratelimited", inside(200, `"ok":false,"error":"ratelimited"`)},
		{"expire", inside(410, "no longer valid")}, {"expire:400", inside(400, "no longer valid")}, {"expire:200", inside(200, `"code":404`)},
		{"redirect", status(307)}, {"redirect:302", status(302)},
		{"redirect:foreign", func(t *testing.T, a answer, err error) {
			if err != nil || !strings.HasPrefix(a.header.Get("Location"), "http://foreign.invalid/") {
				t.Error(err, a.header)
			}
		}},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			c, w := world(t, s, demo.Settings{Params: "fault=" + url.QueryEscape(tt.fault+"@3")})
			v, _ := c.ok("GET", c.url("/cursor", "limit=100"), "")
			turn := func() string {
				return c.url("/cursor", "limit=100&cursor="+url.QueryEscape(at(v, "next_cursor").(string)))
			}
			v, _ = c.ok("GET", turn(), "")
			a, err := c.try("POST", turn(), "") // net/http itself repeats a GET whose connection broke
			tt.check(t, a, err)
			again := turn()
			if to := a.header.Get("Location"); strings.HasPrefix(to, "/") {
				again = resolve(again, to)
			}
			a, err = c.try("GET", again, "")
			if strings.HasPrefix(tt.fault, "expire") {
				if a.status == 200 && !bytes.Contains(a.body, []byte(`"code":404`)) {
					t.Errorf("a refused token was taken again: %s", a.body[:100])
				}
				return
			}
			if err != nil || a.status != 200 || !json.Valid(a.body) || len(list(at(c.decode(a.body), "items"))) != 100 {
				t.Errorf("second try: status %d, %v", a.status, err)
			}
			if n := w.Stats().Faults[tt.fault+"@3"]; n != 1 {
				t.Errorf("struck %d times", n)
			}
		})
	}
}

func TestStallEndsWhenTheClientHangsUp(t *testing.T) {
	s := start(t, demo.Options{Records: 10})
	c, _ := world(t, s, demo.Settings{})
	h := http.Client{Timeout: 50 * time.Millisecond}
	res, err := h.Get(c.url("/offset", "fault=stall"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil || len(text) == 0 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestFormsOfComingBack(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := start(t, demo.Options{Records: 10, Clock: func() time.Time { return now }})
	for fault, want := range map[string][2]string{
		"429":                {"Retry-After", "1"},
		"429:7":              {"Retry-After", "7"},
		"429:1.5":            {"Retry-After", "1.5"},
		"429:date=30":        {"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT"},
		"429:date850=30":     {"Retry-After", "Sunday, 01-Mar-26 12:00:30 GMT"},
		"429:asctime=30":     {"Retry-After", "Sun Mar  1 12:00:30 2026"},
		"429:none":           {"Retry-After", ""},
		"503":                {"Retry-After", ""},
		"503:2":              {"Retry-After", "2"},
		"403:epoch=2":        {"X-RateLimit-Reset", strconv.FormatInt(now.Unix()+2, 10)},
		"429:epoch_ms=1.5":   {"X-RateLimit-Reset", strconv.FormatInt(now.UnixMilli()+1500, 10)},
		"429:seconds=3":      {"X-RateLimit-Reset", "3"},
		"429:ms=3000":        {"X-RateLimit-Reset", "3000"},
		"429:http_date=2":    {"X-RateLimit-Reset", "Sun, 01 Mar 2026 12:00:02 GMT"},
		"429:rfc3339=2":      {"X-RateLimit-Reset", "2026-03-01T12:00:02Z"},
		"429:2,skew:-90s":    {"Date", "Sun, 01 Mar 2026 11:58:30 GMT"},
		"429:date=9,skew:1m": {"Retry-After", "Sun, 01 Mar 2026 12:01:09 GMT"},
	} {
		c := &client{t: t, base: s.URL + "/w/" + url.PathEscape(fault)}
		a := c.do("GET", c.url("/offset", "fault="+url.QueryEscape(fault)), "")
		if got := a.header.Get(want[0]); got != want[1] {
			t.Errorf("%s: status %d, %s: %q, want %q", fault, a.status, want[0], got, want[1])
		}
	}
}

// TestShapes asks for page 3 of 10 records a page, in 95, and looks at fields.
func TestShapes(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	for _, tt := range []struct {
		path  string
		fault string
		want  string // fields of the answer as JSON
	}{
		{"/cursor", "", `{"done":false,"has_more":true,"items":10,"remaining":65,"total":95}`},
		{"/cursor", "total:high", `{"total":111}`}, {"/cursor", "total:low", `{"total":85}`}, {"/cursor", "total:shrinking", `{"total":75}`},
		{"/cursor", "total:estimate", `{"total":1000}`}, {"/cursor", "total:atleast", `{"total":47}`}, {"/cursor", "total:null", `{"total":null}`},
		{"/cursor", "total:absent", `{}`}, {"/cursor", "total:string", `{"total":"95"}`}, {"/cursor", "total:zero", `{"total":0}`},
		{"/cursor", "total:high@4", `{"total":95}`},
		{"/cursor", "remaining:string", `{"remaining":"65"}`},
		{"/page", "", `{"last":false,"page":3,"total_pages":10}`}, {"/page", "pages:low", `{"total_pages":9}`}, {"/page", "done:lie", `{"last":true}`},
		{"/cursor", "more:lie", `{"has_more":false}`}, {"/cursor", "more:text", `{"has_more":"true"}`}, {"/cursor", "more:int", `{"has_more":1}`},
		{"/cursor", "more:digit", `{"has_more":"1"}`}, {"/cursor", "more:yes", `{"has_more":"yes"}`}, {"/cursor", "more:null", `{"has_more":null}`},
		{"/cursor", "more:false", `{"has_more":false}`}, {"/cursor", "done:lie", `{"done":true}`},
		{"/cursor", "lost", `{}`}, {"/cursor", "lost:null", `{"next_cursor":null}`}, {"/cursor", "lost:empty", `{"next_cursor":""}`}, {"/cursor", "lost:zero", `{"next_cursor":"0"}`},
		{"/cursor", "lost:null@3-5", `{"next_cursor":null}`}, {"/cursor", "wrong:number", `{"next_cursor":42}`}, {"/cursor", "wrong:bool", `{"next_cursor":true}`},
		{"/cursor", "wrong:object", `{"next_cursor":{"next":"?"}}`}, {"/cursor", "wrong:list", `{"next_cursor":[1,"x",null]}`},
		{"/cursor", "short", `{"items":5}`}, {"/cursor", "empty", `{"items":0,"has_more":true}`}, {"/cursor", "max:4", `{"items":4}`},
		{"/link-body", "lost:empty", `{"next":""}`}, {"/link-body", "lost:null", `{"next":null}`},
		{"/offset", "clamp@/3", `{"items":10}`},
	} {
		t.Run(tt.path+" "+tt.fault, func(t *testing.T) {
			c, _ := world(t, s, demo.Settings{Params: "limit=10&per_page=10&fault=" + url.QueryEscape(tt.fault)})
			q := "offset=20&page=3"
			if tt.path == "/cursor" {
				clean := &client{t: t, base: s.URL + "/w/clean"}
				v, _ := clean.ok("GET", clean.url("/cursor", "limit=20"), "")
				q = "cursor=" + url.QueryEscape(at(v, "next_cursor").(string))
				if strings.HasPrefix(tt.fault, "max") {
					q = ""
				}
			}
			v, _ := c.ok("GET", c.url(tt.path, q), "")
			var want map[string]any
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				got := at(v, name)
				if name == "items" {
					got = len(list(got))
				}
				if quote(got) != quote(w) {
					t.Errorf("%s is %v, want %v", name, got, w)
				}
			}
			for _, name := range []string{"total", "next_cursor"} {
				_, wanted := want[name]
				_, there := v.(map[string]any)[name]
				gone := tt.fault == "lost" && name == "next_cursor" || tt.fault == "total:absent" && name == "total"
				if there && gone || wanted && !there {
					t.Errorf("%s there: %v", name, there)
				}
			}
		})
	}
}

func TestCyclesLeadBack(t *testing.T) {
	s := start(t, demo.Options{Records: 100})
	for _, path := range []string{"/cursor", "/link-body", "/link-header", taxii, "/api/v2/intelligence/"} {
		for _, length := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%s %d", path, length), func(t *testing.T) {
				c, _ := world(t, s, demo.Settings{Params: fmt.Sprintf("limit=10&per_page=10&fault=cycle:%d@5", length)})
				u := c.url(path)
				var seen []string
				for range 12 {
					v, h := c.ok("GET", u, "")
					switch path {
					case "/cursor":
						u = c.url(path, "cursor="+url.QueryEscape(at(v, "next_cursor").(string)))
					case "/link-body":
						u = at(v, "next").(string)
					case "/link-header":
						u, _ = next(h, u)
					case taxii:
						u = c.url(path, "next="+url.QueryEscape(at(v, "next").(string)))
					default:
						u = resolve(u, at(v, "meta", "next").(string))
					}
					seen = append(seen, u)
				}
				// The link of page 5 is the one that led to page 5 - length + 1.
				if i := slices.Index(seen, seen[11]); i < 0 || 11-i < length || seen[11] != seen[11-length] || seen[10] != seen[10-length] {
					t.Errorf("no circle of %d", length)
				}
				if length > 1 && seen[11] == seen[10] {
					t.Error("a shorter circle")
				}
			})
		}
	}
}

func TestWalksThatGoOnInSpiteOfFaultsAreExact(t *testing.T) {
	s := start(t, demo.Options{Records: 417})
	for _, tt := range []struct{ walker, params string }{
		{"string cursor", "fault=empty@3"}, {"string cursor", "fault=empty@2*3,short@5"}, {"string cursor", "fault=max:7"},
		{"string cursor", "fault=more:lie,total:low,done:lie"}, {"string cursor", "encoding=identity-not-asked"},
		{"link in the body", "fault=empty@3,short@4"}, {"link header", "fault=empty@3,max:20"}, {"kubernetes", "fault=empty@last"},
		{"offset", "fault=short@3,empty@2,max:30"}, {"page", "fault=empty@3,empty@7"}, {"taxii by token", "fault=empty@3,short@6"},
		{"polling link", "fault=max:11"}, {"last id, newest first", "fault=short@2"}, {"export job", "retry_after=0"},
		{"graphql", "fault=short@3,max:17"}, {"anomali search_after", "fault=total:high"}, {"string cursor", "pretty=1"},
		{"string cursor", "ttl=1h"}, {"string cursor", "fault=latency:1ms,slow:1ms@2"}, {"delta", "fault=short@3"},
		{"last id, newest first", "fault=insert:3@3"}, {"since", "ties=1&fault=update:2@4"}, {"oai", "fault=empty@3"}, {"s3", "fault=empty@3"},
	} {
		t.Run(tt.walker+" "+tt.params, func(t *testing.T) {
			if strings.Contains(tt.params, "identity") {
				t.Log("unknown encodings are refused")
				c := &client{t: t, base: s.URL}
				if a := c.do("GET", c.url("/cursor", tt.params), ""); a.status != http.StatusBadRequest {
					t.Errorf("status %d", a.status)
				}
				return
			}
			c, w := world(t, s, demo.Settings{Params: tt.params})
			want := sorted(idsOf(w))
			i := slices.IndexFunc(walkers, func(w walker) bool { return w.name == tt.walker })
			got := sorted(walkers[i].walk(c))
			if strings.Contains(tt.params, "update:") { // seen again at the end
				got = slices.Compact(got)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d records, want %d", len(got), len(want))
			}
		})
	}
}

func idsOf(w *demo.World) []string {
	var out []string
	for _, raw := range w.Records() {
		var v struct{ ID json.Number }
		if json.Unmarshal(raw, &v) == nil {
			out = append(out, v.ID.String())
		}
	}
	return out
}

func TestRecordsMoveUnderAnOffsetWalk(t *testing.T) {
	s := start(t, demo.Options{Records: 100})
	c, _ := world(t, s, demo.Settings{Params: "sort=-id&fault=insert:3@3"})
	var got []string
	for from := 0; from < 103; from += 20 {
		v, _ := c.ok("GET", c.url("/offset", "limit=20&offset="+strconv.Itoa(from)), "")
		got = append(got, ids(list(at(v, "items")))...)
	}
	if n := len(got) - len(slices.Compact(sorted(got))); n != 3 {
		t.Errorf("%d records came twice, want 3", n)
	}
}

func TestClampAndCap(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{})
	v, _ := c.ok("GET", c.url("/page", "per_page=10&page=14&fault=clamp"), "")
	if got := ids(list(at(v, "items"))); len(got) != 5 {
		t.Errorf("beyond the end: %d records, want the last page's 5", len(got))
	}
	if a := c.do("GET", c.url("/offset", "limit=10&offset=50&fault=cap:60"), ""); a.status != 200 {
		t.Errorf("at the cap: status %d", a.status)
	}
	if a := c.do("GET", c.url("/offset", "limit=10&offset=60&fault=cap:60"), ""); a.status != 400 {
		t.Errorf("beyond the cap: status %d", a.status)
	}
	if a := c.do("GET", c.url("/window", "from=2026-01-01&to=2027-01-01&most=60&limit=10&offset=60"), ""); a.status != 400 {
		t.Errorf("beyond most: status %d", a.status)
	}
	v, _ = c.ok("GET", c.url("/offset", "limit=10&offset=20&fault=same@3"), "")
	w, _ := c.ok("GET", c.url("/offset", "limit=10&offset=10"), "")
	if !slices.Equal(ids(list(at(v, "items"))), ids(list(at(w, "items")))) {
		t.Error("fault same is not the page before")
	}
}

func TestForeignLinksAndLoops(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{})
	v, _ := c.ok("GET", c.url("/link-body", "limit=10&fault=foreign&foreign_origin=http://127.0.0.2:9"), "")
	if got := at(v, "next").(string); !strings.HasPrefix(got, "http://127.0.0.2:9/w/") {
		t.Errorf("next is %q", got)
	}
	u := c.url("/offset", "fault=redirect:loop*")
	for range 25 {
		a := c.do("GET", u, "")
		if a.status != 307 {
			t.Fatalf("status %d", a.status)
		}
		u = resolve(u, a.header.Get("Location"))
	}
}

func TestEncodings(t *testing.T) {
	s := start(t, demo.Options{Records: 95})
	c, _ := world(t, s, demo.Settings{})
	plain := c.do("GET", c.url("/all"), "")
	for _, enc := range []string{"gzip", "deflate", "deflate-raw", "zstd"} {
		a := c.do("GET", c.url("/all", "encoding="+enc), "", "Accept-Encoding", "any")
		if got := a.header.Get("Content-Encoding"); got != strings.TrimSuffix(enc, "-raw") {
			t.Errorf("%s: content-encoding %q", enc, got)
		}
		var r io.Reader
		var err error
		switch enc {
		case "gzip":
			r, err = gzip.NewReader(bytes.NewReader(a.body))
		case "deflate":
			r, err = zlib.NewReader(bytes.NewReader(a.body))
		case "deflate-raw":
			r = flate.NewReader(bytes.NewReader(a.body))
		default:
			var d *zstd.Decoder
			d, err = zstd.NewReader(bytes.NewReader(a.body), zstd.WithDecoderConcurrency(1))
			defer d.Close()
			r = d
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain.body) {
			t.Errorf("%s: %v, %d bytes", enc, err, len(got))
		}
	}
	a := c.do("GET", c.url("/all", "pretty=1"), "")
	var flat bytes.Buffer
	if err := json.Compact(&flat, a.body); err != nil || flat.String() != string(plain.body) || bytes.Count(a.body, []byte("\n")) < 95 {
		t.Errorf("pretty: %v", err)
	}
}

func TestWrongParametersAreRefused(t *testing.T) {
	s := start(t, demo.Options{Records: 10})
	c := &client{t: t, base: s.URL}
	for _, path := range []string{
		"/offset?fault=nonsense", "/offset?fault=429@x", "/offset?fault=429*0", "/offset?fault=429@5-3", "/offset?fault=lost@0",
		"/offset?fault=429:sometimes", "/offset?limit=0", "/offset?limit=x", "/offset?offset=-1", "/offset?sort=color", "/cursor?cursor=rubbish",
		"/cursor?cursor=5", "/cursor?ttl=soon", "/window?from=2026-01-01", "/window?from=a&to=b", "/window?from=2026-01-01&to=2027-01-01&max_span=120d",
		"/range?offset=x", "/since?since=yesterday", "/offset?records=99999999", "/offset?seed=x", "/offset?auth=magic", "/taxii2/api/collections/x/objects/",
		"/projects/P-1/issues", "/projects/P-9999/issues", "/tenants/t9/projects", "/export/job-1/status", "/last-id?starting_after=1", "/delta?$skiptoken=x",
		"/alerts/queries/alerts/v2?filter=x", "/alerts/queries/alerts/v2?offset=10000", "/alerts/entities/alerts/v2", "/mediawiki/api.php?apcontinue=x", "/offset?a=%zz",
	} {
		a := c.do("GET", s.URL+path, "")
		if a.status/100 != 4 || !strings.Contains(a.header.Get("Content-Type"), "json") || !json.Valid(a.body) {
			t.Errorf("%s: status %d, %s: %s", path, a.status, a.header.Get("Content-Type"), a.body)
		}
	}
}
