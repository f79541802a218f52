package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
	"gopkg.in/yaml.v3"
)

// variableTypes lists the types of config variables, in the order of the format.
var variableTypes = []string{"string", "integer", "number", "boolean", "time", "duration", "url", "list"}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

var variableTable = table[Variable]{
	name: "variable",
	what: "a config variable",
	like: "{type: string, required: true}",
	keys: []key[Variable]{
		field("type", "what kind of value it holds", oneOf(variableTypes...), func(v *Variable) *string { return &v.Type }).or("string"),
		field("required", "the run does not start without a value", boolean, func(v *Variable) *bool { return &v.Required }),
		field("default", "the value when nobody sets one", plainValue, func(v *Variable) *json.RawMessage { return &v.Default }),
		field("secret", "the value is shown as *** wherever it would stand", boolean, func(v *Variable) *bool { return &v.Secret }),
		field("env", "environment variable that holds the value", textMatching("the name of an environment variable", `^[A-Za-z_][A-Za-z0-9_]*$`), func(v *Variable) *string { return &v.Env }),
		field("enum", "the values it may have", listFrom(plainValue, false, 1), func(v *Variable) *[]json.RawMessage { return &v.Enum }),
		field("pattern", "regular expression (RE2) that the text must match", regularExpression, func(v *Variable) *string { return &v.Pattern }),
		field("description", "what it is for", text, func(v *Variable) *string { return &v.Description }),
	},
	check: checkVariable,
}

func addVariable(r reader, e entry, list *[]*Variable, v Variable) {
	v.Pos, v.Name = r.src.pos(e.key), e.name
	if !variableName.MatchString(e.name) {
		r.fail(e.key, fmt.Sprintf("`%s` is not a name for a variable", shorten(e.name)), "letters, digits and _")
		return
	}
	*list = append(*list, &v)
}

func checkVariable(r reader, m *mapping, v *Variable) {
	if m.known("pattern") {
		switch v.Type {
		case "string", "url", "list":
		default:
			r.fail(m.at("pattern"), fmt.Sprintf("`pattern` says nothing about type %s", v.Type), "")
		}
	}
	bare := Variable{Name: v.Name, Type: v.Type}
	enumGood := m.known("enum")
	if enumGood && v.Type != "list" {
		for i, e := range v.Enum {
			if _, err := bare.FromJSON(e); err != nil {
				r.fail(itemAt(m.at("enum"), i), "`enum`: "+err.Error(), "")
				enumGood = false
			}
		}
	}
	if m.known("default") {
		check := *v
		if !enumGood {
			check.Enum = nil
		}
		if !m.known("pattern") {
			check.Pattern = ""
		}
		made, err := check.FromJSON(v.Default)
		if err != nil {
			r.fail(m.at("default"), "`default`: "+err.Error(), "")
			return
		}
		v.Default = made
	}
}

// plainValue is a JSON value without expressions.
var plainValue = shape[json.RawMessage]{
	schema: func(*definitions) schema { return schema{} },
	read: func(r reader, n *yaml.Node, v *json.RawMessage) given {
		if isNull(n) {
			return absent
		}
		made, ok := r.node(n)
		if !ok {
			return wrong
		}
		raw, ok := made.JSON()
		if !ok {
			r.fail(n, fmt.Sprintf("`%s` is a plain value: an expression cannot stand here", r.key), "a literal `${` is written `$${`")
			return wrong
		}
		*v = raw
		return set
	},
}

// JSON returns the value and true when it has no expressions.
func (n *Node) JSON() (json.RawMessage, bool) {
	var b bytes.Buffer
	ok := n.appendJSON(&b)
	return b.Bytes(), ok
}

func (n *Node) appendJSON(b *bytes.Buffer) bool {
	switch n.Kind {
	case KindNull:
		b.WriteString("null")
	case KindBool, KindNumber:
		b.WriteString(n.Raw)
	case KindString:
		s, ok := n.Text.Literal()
		quoteJSON(b, s)
		return ok
	case KindList:
		b.WriteByte('[')
		for i, e := range n.List {
			if i > 0 {
				b.WriteByte(',')
			}
			if !e.appendJSON(b) {
				return false
			}
		}
		b.WriteByte(']')
	case KindMap:
		b.WriteByte('{')
		for i, f := range n.Fields {
			if i > 0 {
				b.WriteByte(',')
			}
			quoteJSON(b, f.Name)
			b.WriteByte(':')
			if !f.Value.appendJSON(b) {
				return false
			}
		}
		b.WriteByte('}')
	}
	return true
}

// quoteJSON writes a JSON string.
func quoteJSON(b *bytes.Buffer, s string) { b.Write(rawjson.AppendString(b.AvailableBuffer(), s)) }

// FromText reads a value from text, as --set and environment variables give it. A list is a JSON
// array, or texts between commas.
func (v *Variable) FromText(s string) (json.RawMessage, error) {
	raw := json.RawMessage(s)
	switch v.Type {
	case "integer", "number":
		if s = strings.TrimSpace(s); !jsonNumberForm.MatchString(s) {
			return nil, v.wrong(s)
		}
		raw = json.RawMessage(s)
	case "boolean":
		raw = json.RawMessage(strings.ToLower(strings.TrimSpace(s)))
	case "list":
		if !strings.HasPrefix(strings.TrimSpace(s), "[") {
			list := []string{}
			for part := range strings.SplitSeq(s, ",") {
				if part = strings.TrimSpace(part); part != "" {
					list = append(list, part)
				}
			}
			raw, _ = json.Marshal(list)
		}
	default:
		var b bytes.Buffer
		quoteJSON(&b, s)
		raw = b.Bytes()
	}
	return v.FromJSON(raw)
}

// FromJSON checks a value against the variable's type, enum and pattern and returns it. Times,
// durations and URLs stay texts. The error never holds the value of a secret.
func (v *Variable) FromJSON(raw json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil || dec.More() {
		return nil, v.wrong(string(raw))
	}
	s, isText := value.(string)
	number, isNumber := value.(json.Number)
	var err error
	good := true
	switch v.Type {
	case "integer":
		_, bad := strconv.ParseInt(number.String(), 10, 64)
		good = isNumber && bad == nil
	case "number":
		good = isNumber
	case "boolean":
		_, good = value.(bool)
	case "list":
		_, good = value.([]any)
	case "time":
		if good = isText; good {
			_, err = ParseTime(s, time.Time{})
		}
	case "duration":
		if isNumber && number == "0" {
			s, isText, raw = "0", true, json.RawMessage(`"0"`)
		}
		if good = isText; good {
			_, err = ParseDuration(s)
		}
	case "url":
		if good = isText; good {
			err = absoluteURL(s)
		}
	default:
		if isNumber {
			s, isText = number.String(), true
			raw, _ = json.Marshal(s)
		}
		good = isText
	}
	if !good {
		return nil, v.wrong(string(raw))
	}
	if err != nil {
		if v.Secret {
			return nil, v.wrong("")
		}
		return nil, err
	}
	return raw, v.allowed(raw, s)
}

// allowed checks enum and pattern.
func (v *Variable) allowed(raw json.RawMessage, s string) error {
	elements := []json.RawMessage{raw}
	if v.Type == "list" {
		elements = nil
		if err := json.Unmarshal(raw, &elements); err != nil {
			return err
		}
	}
	for _, one := range elements {
		if err := v.listed(one); err != nil {
			return err
		}
	}
	if v.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(v.Pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	texts := []string{s}
	if v.Type == "list" {
		if err := json.Unmarshal(raw, &texts); err != nil {
			return fmt.Errorf("`pattern` wants a list of texts: %w", err)
		}
	}
	for _, one := range texts {
		if !re.MatchString(one) {
			return fmt.Errorf("%s does not match the pattern `%s`", v.show(one), v.Pattern)
		}
	}
	return nil
}

// listed checks one value, or one element of a list, against enum.
func (v *Variable) listed(raw json.RawMessage) error {
	if len(v.Enum) == 0 {
		return nil
	}
	words := make([]string, len(v.Enum))
	for i, e := range v.Enum {
		if v.Type != "list" {
			if one, err := (&Variable{Type: v.Type}).FromJSON(e); err == nil {
				e = one
			}
		}
		if bytes.Equal(e, raw) {
			return nil
		}
		words[i] = strings.Trim(string(e), `"`)
	}
	return fmt.Errorf("%s is not one of %s", v.show(string(raw)), quoted(words))
}

// show is a value as messages print it.
func (v *Variable) show(s string) string {
	if v.Secret {
		return "the value"
	}
	return "`" + shorten(strings.Trim(s, `"`)) + "`"
}

// wrong says that a value is not of the variable's type.
func (v *Variable) wrong(s string) error {
	what := map[string]string{"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "list": "a list",
		"time": "a time: write RFC 3339 (`2026-01-31T00:00:00Z`), `-30d` or `now`", "duration": "a duration such as `30s`", "url": "an absolute URL"}[v.Type]
	return fmt.Errorf("%s is not %s", v.show(s), what)
}

// absoluteURL says what is wrong with an http or https URL.
func absoluteURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("`%s` is not a URL", shorten(s))
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("`%s` is not an absolute URL: it begins with https:// or http://", shorten(s))
	case u.Hostname() == "":
		return fmt.Errorf("`%s` names no host", shorten(s))
	}
	return nil
}
