package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// tokenAnswer is Request.Accept of a token endpoint: JSON (RFC 6749, section 5.1), or a form, as some
// servers send it.
func tokenAnswer(_ context.Context, a *Answer) error {
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" || kind == "text/plain" {
		if form, err := url.ParseQuery(string(a.Body)); err == nil && (form.Has("access_token") || form.Has("error")) {
			return nil
		}
	}
	return unreadable(a.Body)
}

// unreadable says why a body that should be JSON cannot be read, nil when it can. It shows nothing of what
// may be a part of a token.
func unreadable(body []byte) error {
	err := rawjson.Valid(body)
	if err == nil {
		return nil
	}
	var syntax *rawjson.SyntaxError
	text := bytes.TrimSpace(body)
	switch {
	case len(text) == 0:
		return errors.New("the body is empty where JSON with a token is expected")
	case text[0] == '<':
		return errors.New("the body is HTML where JSON with a token is expected: a login, proxy or error page?")
	case errors.As(err, &syntax) && syntax.Cut:
		return fmt.Errorf("the body, JSON with a token, is cut at byte %d", syntax.Offset)
	case syntax != nil:
		return fmt.Errorf("the body is not JSON with a token: byte %d cannot stand there", syntax.Offset)
	}
	return errors.New("the body is not JSON with a token")
}
