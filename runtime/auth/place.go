package auth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// setQuery puts name=value into u's query in place of parameters of that name. The others keep
// their bytes.
func setQuery(u *url.URL, name, value string) {
	var kept []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(part, "=")
		if k, err := url.QueryUnescape(key); part == "" || err == nil && k == name {
			continue
		}
		kept = append(kept, part)
	}
	kept = append(kept, url.QueryEscape(name)+"="+url.QueryEscape(value))
	u.RawQuery = strings.Join(kept, "&")
}

// place puts value where target says and returns the body.
func place(r *http.Request, body []byte, target *spec.Target, value json.RawMessage) ([]byte, error) {
	switch target.Kind {
	case spec.TargetQuery:
		setQuery(r.URL, target.Name, plain(value))
	case spec.TargetHeader:
		if strings.EqualFold(target.Name, "Cookie") && r.Header.Get("Cookie") != "" {
			r.Header.Set("Cookie", r.Header.Get("Cookie")+"; "+plain(value))
			break
		}
		r.Header.Set(target.Name, plain(value))
	case spec.TargetBody:
		changed, err := setPath(body, target.Path, value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", target.Source, err)
		}
		return changed, nil
	default:
		return nil, fmt.Errorf("%s: credentials go to query.<name>, header.<Name> or body.<path>", target.Source)
	}
	return body, nil
}

// plain is a JSON value as text: strings without their quotes.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

// setPath sets the value at a path of fields in a JSON object; missing objects are created.
func setPath(body []byte, path engine.Path, value json.RawMessage) ([]byte, error) {
	if len(path) == 0 {
		return value, nil
	}
	if path[0].Kind != engine.StepField {
		return nil, fmt.Errorf("only field names may stand in the path")
	}
	object := map[string]json.RawMessage{}
	if len(body) > 0 && string(body) != "null" {
		if err := json.Unmarshal(body, &object); err != nil {
			return nil, fmt.Errorf("the request body is not a JSON object")
		}
	}
	inner, err := setPath(object[path[0].Field], path[1:], value)
	if err != nil {
		return nil, err
	}
	object[path[0].Field] = inner
	return json.Marshal(object)
}
