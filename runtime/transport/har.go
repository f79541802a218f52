package transport

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// maxTraced is how much of a body a trace keeps, in bytes.
const maxTraced = 1 << 20

// HAR writes exchanges as an HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/),
// which every browser's network panel opens. Secrets are removed. The file is whole after each
// exchange, so it can be read while the run goes on and after a crash.
type HAR struct {
	mu     sync.Mutex
	w      io.WriterAt
	redact *Redactor
	at     int64 // where the next entry goes
	first  bool
	err    error
}

const harEnd = "\n]}}\n"

// NewHAR begins an archive in w, which is empty. version is the program's.
func NewHAR(w io.WriterAt, version string, redact *Redactor) (*HAR, error) {
	h := &HAR{w: w, redact: redact, first: true}
	v, err := json.Marshal(version)
	if err != nil {
		return nil, err
	}
	head := `{"log":{"version":"1.2","creator":{"name":"lastpage","version":` + string(v) + `},"pages":[],"entries":[`
	if _, err := w.WriteAt([]byte(head+harEnd), 0); err != nil {
		return nil, err
	}
	h.at = int64(len(head))
	return h, nil
}

// Observe is a Config.Observe.
func (h *HAR) Observe(e *Exchange) {
	entry, err := json.Marshal(h.entry(e))
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = errors.Join(h.err, err); h.err != nil {
		return
	}
	text := "\n"
	if !h.first {
		text = ",\n"
	}
	text += string(entry)
	if _, h.err = h.w.WriteAt([]byte(text+harEnd), h.at); h.err == nil {
		h.at, h.first = h.at+int64(len(text)), false
	}
}

// Err returns the first error of writing.
func (h *HAR) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harPost struct {
	MimeType string    `json:"mimeType"`
	Params   []harPair `json:"params"`
	Text     string    `json:"text"`
	Comment  string    `json:"comment,omitempty"`
}

type harRequest struct {
	Method      string    `json:"method"`
	URL         string    `json:"url"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []harPair `json:"cookies"`
	Headers     []harPair `json:"headers"`
	QueryString []harPair `json:"queryString"`
	PostData    *harPost  `json:"postData,omitempty"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int       `json:"bodySize"`
}

type harContent struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harPair  `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int64      `json:"bodySize"`
	Error       string     `json:"_error,omitempty"`
}

type harTimings struct {
	Blocked float64 `json:"blocked"`
	DNS     float64 `json:"dns"`
	Connect float64 `json:"connect"`
	SSL     float64 `json:"ssl"`
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

type harEntry struct {
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Server   string      `json:"serverIPAddress,omitempty"`
	Attempt  int         `json:"_attempt"`
	Class    string      `json:"_class,omitempty"`
	Reason   string      `json:"_reason,omitempty"`
	Waited   float64     `json:"_waitsMs,omitempty"` // before the next attempt
}

func (h *HAR) entry(e *Exchange) harEntry {
	u := *e.URL
	u.User = nil
	r := harRequest{
		Method: e.Method, URL: h.redact.String(u.String()), HTTPVersion: e.Proto, Cookies: []harPair{}, Headers: h.headers(e.RequestHeader),
		QueryString: []harPair{}, HeadersSize: -1, BodySize: len(e.RequestBody),
	}
	_, query, _ := strings.Cut(r.URL, "?")
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); part != "" {
			r.QueryString = append(r.QueryString, harPair{h.redact.String(name), h.redact.String(value)})
		}
	}
	if len(e.RequestBody) > 0 {
		text, encoding, comment := h.body(e.RequestBody)
		if encoding != "" {
			text, comment = "", "not text"
		}
		r.PostData = &harPost{MimeType: e.RequestHeader.Get("Content-Type"), Params: []harPair{}, Text: text, Comment: comment}
	}
	s := harResponse{
		Status: e.Status, StatusText: http.StatusText(e.Status), HTTPVersion: e.Proto, Cookies: []harPair{}, Headers: h.headers(e.ResponseHeader),
		Content:     harContent{Size: len(e.Body), MimeType: e.ResponseHeader.Get("Content-Type")},
		RedirectURL: h.redact.String(e.ResponseHeader.Get("Location")), HeadersSize: -1, BodySize: e.Wire, Error: h.redact.String(e.Detail),
	}
	if e.Private {
		s.Content.Comment = "left out: it carries credentials"
	} else {
		s.Content.Text, s.Content.Encoding, s.Content.Comment = h.body(e.Body)
	}
	t := e.Timing
	host, _, _ := strings.Cut(e.Remote, "%")
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = strings.Trim(host[:i], "[]")
	}
	return harEntry{
		Started: e.At.Format(time.RFC3339Nano), Time: ms(e.Duration), Request: r, Response: s, Server: host,
		Timings: harTimings{ms(t.Blocked), ms(t.DNS), ms(t.Connect), ms(t.TLS), ms(max(t.Send, 0)), ms(max(t.Wait, 0)), ms(max(t.Receive, 0))},
		Attempt: e.Number, Class: string(e.Class), Reason: e.Reason, Waited: max(ms(e.Wait), 0),
	}
}

// secretHeaders carry credentials whatever their value is.
var secretHeaders = map[string]bool{
	"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true,
	"X-Api-Key": true, "X-Auth-Token": true, "X-Amz-Security-Token": true,
}

func (h *HAR) headers(header http.Header) []harPair {
	out := []harPair{}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, v := range header[name] {
			switch scheme, _, two := strings.Cut(v, " "); {
			case !secretHeaders[name]:
				v = h.redact.String(v)
			case two && strings.HasSuffix(name, "Authorization"):
				v = scheme + " " + Mask
			default:
				v = Mask
			}
			out = append(out, harPair{name, v})
		}
	}
	return out
}

// body is a body as a trace shows it.
func (h *HAR) body(b []byte) (text, encoding, comment string) {
	b = h.redact.Bytes(b)
	valid := utf8.Valid(b)
	if len(b) > maxTraced {
		cut := maxTraced
		for valid && !utf8.RuneStart(b[cut]) {
			cut--
		}
		b, comment = b[:cut], "cut"
	}
	if valid {
		return string(b), "", comment
	}
	return base64.StdEncoding.EncodeToString(b), "base64", comment
}

// ms is a duration in milliseconds, -1 for what did not happen.
func ms(d time.Duration) float64 {
	if d < 0 {
		return -1
	}
	return float64(d) / float64(time.Millisecond)
}
