package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// exchange is a request that must be made and its answer.
type exchange struct {
	number   int
	request  *request // nil: whatever is asked next
	response *response
	answered bool // there is a response, be it one that cannot be read
	private  bool // recorded: of a login or token endpoint
}

func (x *exchange) name(suffix string) string { return strconv.Itoa(x.number) + suffix }

// request is what the file `N.request` says, or what the engine sent.
type request struct {
	method string
	target *url.URL // without a host: of any
	header http.Header
	body   []byte
	text   []byte // of the file
}

func parseRequest(b []byte) (*request, error) {
	line, header, body, err := split(b)
	if err != nil {
		return nil, err
	}
	method, target, ok := strings.Cut(line, " ")
	if !ok || method == "" || strings.ToUpper(method) != method {
		return nil, fmt.Errorf("begins with %q; want a line such as GET /items?page=1", line)
	}
	u, err := url.Parse(strings.TrimSpace(target))
	if err != nil {
		return nil, fmt.Errorf("the address %q cannot be read", target)
	}
	if !strings.HasPrefix(u.Path, "/") && u.Host == "" {
		return nil, fmt.Errorf("the address %q begins neither with / nor with https://", target)
	}
	return &request{method: method, target: u, header: header, body: body, text: b}, nil
}

// Ways in which a response breaks off (`ERROR reset`).
const (
	breakReset   = "reset"
	breakTimeout = "timeout"
	breakClosed  = "closed"
)

// response is what the file `N.response` says.
type response struct {
	status int
	broken string        // breakReset …: no answer at all
	after  time.Duration // how long it takes on the simulated clock
	header http.Header
	body   []byte
	file   string
}

const responseForm = "want a line such as HTTP 200, HTTP 200 after 90s, or ERROR reset"

func parseResponse(b []byte) (*response, error) {
	line, header, body, err := split(b)
	if err != nil {
		return nil, err
	}
	r := &response{header: header, body: body, file: header.Get("File")}
	header.Del("File")
	words := strings.Fields(line)
	if n := len(words); n > 2 && words[n-2] == "after" {
		if r.after, err = spec.ParseDuration(words[n-1]); err != nil {
			return nil, err
		}
		words = words[:n-2]
	}
	if len(words) < 2 {
		return nil, fmt.Errorf("begins with %q; %s", line, responseForm)
	}
	switch {
	case words[0] == "ERROR" && (words[1] == breakReset || words[1] == breakTimeout || words[1] == breakClosed):
		r.broken = words[1]
	case words[0] == "HTTP", strings.HasPrefix(words[0], "HTTP/"):
		if r.status, err = strconv.Atoi(words[1]); err != nil || r.status < 100 || r.status > 599 {
			return nil, fmt.Errorf("%q is no HTTP status; %s", words[1], responseForm)
		}
	default:
		return nil, fmt.Errorf("begins with %q; %s", line, responseForm)
	}
	if r.file != "" && len(body) > 0 {
		return nil, errors.New("has a file and a body: one of the two")
	}
	return r, nil
}

// load reads the file that the response names.
func (r *response) load(c *Case) error {
	if r.file == "" {
		if r.header.Get("Content-Type") == "" && json.Valid(r.body) {
			r.header.Set("Content-Type", "application/json")
		}
		return nil
	}
	var err error
	r.body, err = c.beside(r.file)
	return err
}

// split cuts a file into its first line, headers, and the body behind the first empty line without
// its last line end.
func split(b []byte) (line string, header http.Header, body []byte, err error) {
	head, rest, found := bytes.Cut(b, []byte("\n\n"))
	if !found {
		head = bytes.TrimRight(b, "\n")
	}
	first, fields, _ := strings.Cut(string(head), "\n")
	header = http.Header{}
	for f := range strings.Lines(fields) {
		name, value, ok := strings.Cut(strings.TrimRight(f, "\n"), ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t{\"") {
			return "", nil, nil, fmt.Errorf("%q is no header; an empty line stands before the body", strings.TrimRight(f, "\n"))
		}
		header[textproto.CanonicalMIMEHeaderKey(name)] = append(header[textproto.CanonicalMIMEHeaderKey(name)], strings.TrimSpace(value))
	}
	return strings.TrimSpace(first), header, bytes.TrimSuffix(rest, []byte("\n")), nil
}

// sent reads what the engine sends.
func sent(r *http.Request) (*request, error) {
	s := &request{method: r.Method, target: r.URL, header: r.Header}
	if r.Body == nil {
		return s, nil
	}
	defer r.Body.Close()
	var err error
	s.body, err = io.ReadAll(r.Body)
	return s, err
}

// answer is the response as net/http would give it.
func (r *response) answer(to *http.Request) *http.Response {
	h := r.header.Clone()
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body)), Request: to,
	}
}
