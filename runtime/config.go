package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// Config is the values of a connector's variables for one run.
type Config struct {
	values map[string]json.RawMessage
	given  map[string]json.RawMessage // as they were given: "-30d"; those without a value are not there
	object json.RawMessage            // all of them as one JSON object
}

// ConfigSource is where values come from, strongest first: Set (--set), File (--config), the
// variable's environment variable, its default.
type ConfigSource struct {
	Set     map[string]string
	File    map[string]json.RawMessage
	Env     func(string) (string, bool) // nil: no environment
	Now     time.Time                   // what "-30d" and "now" count from
	Secrets func(string)                // is told every secret value; may be nil
}

// ConfigError says what is wrong with one value. The value of a secret is not in it.
type ConfigError struct {
	Name string
	Msg  string
}

func (e *ConfigError) Error() string { return "config." + e.Name + ": " + e.Msg }

// ResolveConfig gives every variable its value; all problems are reported at once.
func ResolveConfig(vars []*spec.Variable, src ConfigSource) (*Config, error) {
	c := &Config{values: make(map[string]json.RawMessage, len(vars)), given: make(map[string]json.RawMessage, len(vars))}
	var errs []error
	known := map[string]*spec.Variable{}
	for _, v := range vars {
		known[v.Name] = v
	}
	unknown := func(name, where string) {
		msg := "is not a variable of this connector"
		if near := nearest(name, names(vars)); near != "" {
			msg += "; did you mean `" + near + "`?"
		} else if len(vars) > 0 {
			msg += "; it has " + strings.Join(names(vars), ", ")
		}
		errs = append(errs, &ConfigError{name, msg + " (" + where + ")"})
	}
	for _, name := range sortedKeys(src.Set) {
		if known[name] == nil {
			unknown(name, "--set")
		}
	}
	for _, name := range sortedKeys(src.File) {
		if known[name] == nil {
			unknown(name, "--config")
		}
	}
	for _, v := range vars {
		raw, given, err := value(v, src)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if raw == nil {
			raw = json.RawMessage("null")
		}
		src.hide(v, raw)
		c.values[v.Name] = raw
		if given != nil {
			c.given[v.Name] = given
		}
	}
	c.object = c.marshal()
	return c, errors.Join(errs...)
}

// hide tells the texts of a secret: its own, those of a list's elements, the password in a URL.
func (src *ConfigSource) hide(v *spec.Variable, raw json.RawMessage) {
	if !v.Secret || src.Secrets == nil || string(raw) == "null" {
		return
	}
	for _, s := range texts(raw) {
		src.Secrets(s)
		if u, err := url.Parse(s); err == nil && v.Type == "url" && u.User != nil {
			if password, ok := u.User.Password(); ok {
				src.Secrets(password)
			}
		}
	}
}

// texts is the text of each scalar in a value, however deep.
func texts(raw json.RawMessage) []string {
	var out []string
	switch rawjson.Kind(raw) {
	case '[':
		for e := range rawjson.Elements(raw) {
			out = append(out, texts(e)...)
		}
	case '{':
		for _, e := range rawjson.Members(raw) {
			out = append(out, texts(e)...)
		}
	default:
		out = []string{text(raw)}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func names(vars []*spec.Variable) []string {
	out := make([]string, len(vars))
	for i, v := range vars {
		out[i] = v.Name
	}
	return out
}

// relative are the values of those variables among names that were given relative to now.
func (c *Config) relative(vars []*spec.Variable, names []string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	for _, v := range vars {
		given := c.given[v.Name]
		if v.Type != "time" || v.Secret || given == nil || bytes.Equal(given, c.values[v.Name]) || !slices.Contains(names, v.Name) {
			continue
		}
		if out == nil {
			out = map[string]json.RawMessage{}
		}
		out[v.Name] = c.values[v.Name]
	}
	return out
}

// at is c with its relative times counted from now.
func (c *Config) at(vars []*spec.Variable, now time.Time) *Config {
	moved := map[string]json.RawMessage{}
	for _, v := range vars {
		if v.Type != "time" || c.given[v.Name] == nil || bytes.Equal(c.given[v.Name], c.values[v.Name]) {
			continue
		}
		if raw, err := check(v, c.given[v.Name], now); err == nil {
			moved[v.Name] = raw
		}
	}
	return c.with(moved)
}

// with is c with other values.
func (c *Config) with(values map[string]json.RawMessage) *Config {
	if len(values) == 0 {
		return c
	}
	out := &Config{values: maps.Clone(c.values), given: c.given}
	maps.Copy(out.values, values)
	out.object = out.marshal()
	return out
}

// Value returns the JSON of a variable's value: null without one.
func (c *Config) Value(name string) json.RawMessage { return c.values[name] }

func (c *Config) marshal() json.RawMessage {
	b := []byte{'{'}
	for i, k := range sortedKeys(c.values) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(strconv.AppendQuote(b, k), ':'), c.values[k]...)
	}
	return append(b, '}')
}

// value finds and checks one variable's value, and says how it was given; nil means it has none.
func value(v *spec.Variable, src ConfigSource) (out, given json.RawMessage, err error) {
	where := ""
	if s, ok := src.Set[v.Name]; ok {
		given, where = fromText(v.Type, s), "--set"
	} else if f, ok := src.File[v.Name]; ok && string(f) != "null" {
		given, where = fromFile(v.Type, f), "--config"
	} else if v.Env != "" && src.Env != nil {
		if s, ok := src.Env(v.Env); ok && s != "" {
			given, where = fromText(v.Type, s), "environment variable "+v.Env
		}
	}
	if given == nil {
		given, where = v.Default, "default"
	}
	if given == nil || string(given) == "null" {
		if !v.Required {
			return nil, nil, nil
		}
		msg := "is required; give it with --set " + v.Name + "=…"
		if v.Env != "" {
			msg += " or in the environment variable " + v.Env
		}
		return nil, nil, &ConfigError{v.Name, msg}
	}
	src.hide(v, given)
	if out, err = check(v, given, src.Now); err != nil {
		shown := " " + string(given)
		if v.Secret {
			shown = ""
		}
		return nil, nil, &ConfigError{v.Name, fmt.Sprintf("%s%s: %v", where, shown, err)}
	}
	return out, given, nil
}

// fromText makes JSON of a value that came as text (flag, environment).
func fromText(typ, s string) json.RawMessage {
	t := strings.TrimSpace(s)
	switch typ {
	case "integer", "number", "boolean":
		if json.Valid([]byte(t)) {
			return json.RawMessage(t)
		}
	case "list":
		if strings.HasPrefix(t, "[") && json.Valid([]byte(t)) {
			return json.RawMessage(t)
		}
		parts := []string{}
		for p := range strings.SplitSeq(s, ",") {
			if p = strings.TrimSpace(p); p != "" {
				parts = append(parts, p)
			}
		}
		return quoteAll(parts)
	}
	return quote(s)
}

// fromFile makes a number or a truth of a text that YAML reads as one and JSON writes otherwise.
func fromFile(typ string, raw json.RawMessage) json.RawMessage {
	if rawjson.Kind(raw) != '"' {
		return raw
	}
	s := text(raw)
	switch typ {
	case "integer", "number":
		if n, err := spec.PlainNumber(s); err == nil && n != s {
			return json.RawMessage(n)
		}
	case "boolean":
		if b := strings.ToLower(s); b != s && (b == "true" || b == "false") {
			return json.RawMessage(b)
		}
	}
	return raw
}

func quote(s string) json.RawMessage { return rawjson.AppendString(make([]byte, 0, len(s)+2), s) }

// quoteAll writes texts as a JSON list.
func quoteAll(list []string) json.RawMessage {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendString(b, s)
	}
	return append(b, ']')
}

var integerText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// check holds the value to the variable's type, enum and pattern; times become RFC 3339.
func check(v *spec.Variable, raw json.RawMessage, now time.Time) (json.RawMessage, error) {
	s := text(raw)
	isString := len(raw) > 0 && raw[0] == '"'
	switch v.Type {
	case "integer":
		if !integerText.MatchString(string(raw)) {
			return nil, errors.New("want a whole number")
		}
	case "number":
		if _, err := strconv.ParseFloat(string(raw), 64); err != nil {
			return nil, errors.New("want a number")
		}
	case "boolean":
		if string(raw) != "true" && string(raw) != "false" {
			return nil, errors.New("want true or false")
		}
	case "list":
		if raw[0] != '[' {
			return nil, errors.New("want a list: a,b,c")
		}
	case "url":
		u, err := url.Parse(s)
		if !isString || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("want an absolute http or https URL")
		}
	case "time":
		t, err := spec.ParseTime(s, now)
		if err != nil && v.Secret { // the error quotes the value
			return nil, errors.New("want a time: RFC 3339 (2026-01-31T00:00:00Z), -30d or now")
		}
		if err != nil {
			return nil, err
		}
		if s == "now" || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
			raw = quote(t.UTC().Truncate(time.Second).Format(time.RFC3339))
		}
	case "duration":
		if _, err := spec.ParseDuration(s); err != nil && v.Secret {
			return nil, errors.New("want a duration such as 250ms, 30s, 5m, 2h or 30d")
		} else if err != nil {
			return nil, err
		}
	default:
		if !isString {
			raw = quote(s)
		}
	}
	return raw, allowed(v, raw)
}

// allowed holds the value to enum and pattern; of a list, each element.
func allowed(v *spec.Variable, raw json.RawMessage) error {
	given := []string{text(raw)}
	which := ""
	if v.Type == "list" {
		given = given[:0]
		for e := range rawjson.Elements(raw) {
			given = append(given, text(e))
		}
		which = " for each element"
	}
	var re *regexp.Regexp
	if v.Pattern != "" {
		var err error
		if re, err = regexp.Compile(v.Pattern); err != nil {
			return err
		}
	}
	words := make([]string, len(v.Enum))
	for i, e := range v.Enum {
		words[i] = text(e)
	}
	for _, one := range given {
		if len(words) > 0 && !slices.Contains(words, one) {
			return fmt.Errorf("want one of %s%s", strings.Join(words, ", "), which)
		}
		if re != nil && !re.MatchString(one) {
			return fmt.Errorf("want text that matches %s%s", v.Pattern, which)
		}
	}
	return nil
}

// text is the text of a JSON value: a string's content, else its JSON.
func text(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	}
	return string(raw)
}

// nearest returns the candidate that differs from s by at most a third of its letters, or "".
func nearest(s string, candidates []string) string { return spec.Nearest(s, candidates) }
