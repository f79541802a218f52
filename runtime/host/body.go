package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Bounds of what a caller may send.
const (
	maxBody      = 1 << 20
	maxConnector = 4 << 20
)

// readBody reads a JSON body into v, whose fields are all there are.
func readBody(r *http.Request, limit int64, v any) error {
	b, err := wholeBody(r, limit)
	if err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "content_type", "want Content-Type: application/json")
	}
	return decode(b, v)
}

// wholeBody reads a body that is not longer than limit.
func wholeBody(r *http.Request, limit int64) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, problem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("the body is longer than %d bytes", limit))
	case err != nil:
		return nil, problem(http.StatusBadRequest, "body", "the body did not come whole")
	}
	return b, nil
}

// decode reads one JSON object.
func decode(b []byte, v any) error {
	bad := func(detail string) error { return problem(http.StatusBadRequest, "body", detail) }
	if !utf8.Valid(b) {
		return bad("the body is not UTF-8")
	}
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return bad("the body is not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return bad(fmt.Sprintf("%s: want %s, not %s", strings.TrimPrefix(kind.Field, "."), wanted(kind.Type.String()), kind.Value))
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF):
		return bad("the body is not JSON")
	case err != nil:
		return bad(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("something follows the JSON object")
	}
	return nil
}

// wanted names a Go type as JSON does.
func wanted(t string) string {
	switch {
	case t == "string":
		return "a string"
	case t == "bool":
		return "true or false"
	case strings.Contains(t, "int"):
		return "a whole number"
	case strings.HasPrefix(t, "[]"):
		return "an array"
	}
	return "an object"
}

// answer sends v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		problem(http.StatusInternalServerError, "internal", "the answer could not be written").write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
