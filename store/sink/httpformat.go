package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// newFormat reads ?format= and what belongs to it, and completes the URL's path where the service has
// a usual one.
func newFormat(u *url.URL, set Settings) (httpFormat, error) {
	name, err := set.word("format", "ndjson", "hec", "logscale", "bulk")
	if err != nil {
		return nil, err
	}
	belongs := map[string]string{"index": "hec logscale bulk", "source": "hec logscale", "sourcetype": "hec logscale", "host": "hec logscale",
		"time_field": "hec logscale", "op": "bulk", "on_reject": "bulk"}
	for option, formats := range belongs {
		if has(set, option) && !strings.Contains(formats, name) {
			return nil, fmt.Errorf("option %s does not belong to format=%s", option, name)
		}
	}
	bare := u.Path == "" || u.Path == "/"
	switch name {
	case "hec":
		if bare {
			u.Path = "/services/collector/event"
		}
		return newHEC(set), nil
	case "logscale":
		if bare {
			u.Path = "/api/v1/ingest/hec"
		}
		return newHEC(set), nil
	case "bulk":
		if !strings.HasSuffix(u.Path, "/_bulk") {
			u.Path = strings.TrimSuffix(u.Path, "/") + "/_bulk"
		}
		return newBulk(u, set)
	}
	return ndjson{}, nil
}

// ndjson is one record a line.
type ndjson struct{}

func (ndjson) encode(dst, record []byte, _, _ string) []byte { return append(line(dst, record), '\n') }

func (ndjson) contentType() string { return "application/x-ndjson" }

func (ndjson) answer([]byte, *batch) ([]int, []refusal, error) { return nil, nil, nil }

func (ndjson) rejects() bool { return true }

// hec is the HTTP event collector's format, which Splunk and LogScale take: one object an event.
type hec struct {
	before    []byte // of an event, up to and with `"event":`
	timeField string
}

func newHEC(set Settings) *hec {
	b := []byte("{")
	for _, name := range []string{"index", "source", "sourcetype", "host"} {
		if v := set[name]; v != "" {
			text, _ := json.Marshal(v)
			b = append(append(append(append(append(b, '"'), name...), `":`...), text...), ',')
		}
	}
	return &hec{before: b, timeField: set["time_field"]}
}

func (h *hec) encode(dst, record []byte, _, _ string) []byte {
	dst = append(dst, h.before...)
	if h.timeField != "" {
		members(record, func(name, value []byte) {
			if string(name) != h.timeField {
				return
			}
			if seconds, ok := epoch(value); ok {
				dst = append(append(append(dst, `"time":`...), seconds...), ',')
			}
		})
	}
	dst = append(dst, `"event":`...)
	return append(line(dst, record), "}\n"...)
}

// epoch gives a JSON value that is a time as seconds since 1970, with milliseconds.
func epoch(v []byte) (string, bool) {
	text := strings.Trim(string(v), `"`)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64), true
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) || math.IsInf(n, 1) {
		return "", false
	}
	if n > 1e11 { // milliseconds: as seconds it would be after the year 5000
		n /= 1000
	}
	return strconv.FormatFloat(n, 'f', 3, 64), true
}

func (*hec) contentType() string { return "application/json" }

// answer: Splunk says {"text":"Success","code":0}; other codes come with an error status as well.
func (*hec) answer(body []byte, _ *batch) ([]int, []refusal, error) {
	var a struct {
		Text string `json:"text"`
		Code int    `json:"code"`
	}
	if json.Unmarshal(body, &a) == nil && a.Code != 0 {
		return nil, nil, fmt.Errorf("it refused the events: %s (code %d)", a.Text, a.Code)
	}
	return nil, nil, nil
}

func (*hec) rejects() bool { return true }

// bulk is Elasticsearch's and OpenSearch's _bulk: an action line and a document line a record.
type bulk struct {
	action string
	index  string // with {stream}; "" when the URL names one
	skip   bool
}

func newBulk(u *url.URL, set Settings) (httpFormat, error) {
	op, err := set.word("op", "index", "create")
	if err != nil {
		return nil, err
	}
	reject, err := set.word("on_reject", "fail", "skip")
	if err != nil {
		return nil, err
	}
	if set["index"] == "" && u.Path == "/_bulk" {
		return nil, errors.New("format=bulk needs ?index= or an index in the path")
	}
	return &bulk{action: op, index: set["index"], skip: reject == "skip"}, nil
}

// maxID is the longest _id that Elasticsearch takes, in bytes.
const maxID = 512

func (f *bulk) encode(dst, record []byte, stream, key string) []byte {
	dst = append(append(append(dst, `{"`...), f.action...), `":{`...)
	if f.index != "" {
		dst = appendText(append(dst, `"_index":`...), place(f.index, stream))
	}
	if key != "" {
		if f.action == "create" { // what is there stays: a record that has changed is another document
			key += "@" + strconv.FormatUint(xxhash.Sum64(record), 16)
		}
		if len(key) > maxID {
			sum := sha256.Sum256([]byte(key))
			key = hex.EncodeToString(sum[:])
		}
		if f.index != "" {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `"_id":`...), key)
	}
	dst = append(dst, "}}\n"...)
	return append(line(dst, record), '\n')
}

// partition is what stands before a key that is told apart within a chain's partition, in a JSON list:
// the values of the partition, without the window. nil without.
func partition(chain string) []byte {
	var part []byte
	members([]byte(chain), func(name, value []byte) {
		if string(name) != "window" {
			part = append(append(part, value...), ',')
		}
	})
	return part
}

// within is a key that is unique among all partitions.
func within(part []byte, key string) string {
	if len(part) == 0 || key == "" {
		return key
	}
	b := append(make([]byte, 0, len(part)+len(key)+4), '[')
	return string(append(appendText(append(b, part...), key), ']'))
}

// appendText appends s as a JSON string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ := json.Marshal(s)
			return append(dst, b...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func (*bulk) contentType() string { return "application/x-ndjson" }

func (f *bulk) rejects() bool { return !f.skip }

// answer goes through the items: each has a status of its own.
func (f *bulk) answer(body []byte, b *batch) (again []int, refused []refusal, err error) {
	var a struct {
		Errors bool `json:"errors"`
		Items  []map[string]struct {
			Status int             `json:"status"`
			Error  json.RawMessage `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, nil, fmt.Errorf("its answer is not that of _bulk: %s", excerpt(body, 200))
	}
	if !a.Errors && a.Items == nil {
		return nil, nil, fmt.Errorf("its answer is not that of _bulk: %s", excerpt(body, 200))
	}
	if n := len(b.ends); len(a.Items) != n {
		return nil, nil, fmt.Errorf("its answer speaks of %d records of %d", len(a.Items), n)
	}
	if !a.Errors {
		return nil, nil, nil
	}
	for i, item := range a.Items {
		if len(item) != 1 {
			return nil, nil, fmt.Errorf("its answer does not say what became of record %d of %d", i+1, len(a.Items))
		}
		for _, r := range item {
			switch {
			case r.Status >= 200 && r.Status <= 299:
			case r.Status == 409 && f.action == "create": // it is there since the try before
			case transient(r.Status):
				again = append(again, i)
			default:
				refused = append(refused, refusal{i, fmt.Sprintf("%d %s", r.Status, reason(r.Error))})
			}
		}
	}
	if len(again) > 0 && f.action == "index" { // with create each version is a document of its own
		again, refused = withNewer(b, again, refused)
	}
	return again, refused, nil
}

// withNewer adds the later items of the documents that are sent again: the newest is to come last.
func withNewer(b *batch, again []int, refused []refusal) ([]int, []refusal) {
	late := map[string]bool{}
	for i, at := 0, again; i < len(b.ends); i++ {
		action, _, _ := bytes.Cut(b.item(i), []byte{'\n'})
		repeated := len(at) > 0 && at[0] == i
		if repeated {
			at = at[1:]
			late[string(action)] = bytes.Contains(action, []byte(`"_id":`))
		} else if late[string(action)] {
			again = append(again, i)
			refused = slices.DeleteFunc(refused, func(r refusal) bool { return r.item == i })
		}
	}
	return again, refused
}

// reason shortens an error object to its type and reason.
func reason(raw json.RawMessage) string {
	var e struct{ Type, Reason string }
	if json.Unmarshal(raw, &e) == nil && e.Type != "" {
		return e.Type + ": " + e.Reason
	}
	return string(bytes.TrimSpace(raw))
}
