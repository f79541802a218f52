package spec

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// scalarOf makes the shape of a single value. what names it in messages; parse returns an error
// whose text is the message.
func scalarOf[V any](what string, sch schema, parse func(n *yaml.Node, bound bool) (V, error)) shape[V] {
	return shape[V]{
		schema: func(*definitions) schema { return sch },
		read: func(r reader, n *yaml.Node, v *V) given {
			n, got := r.resolve(n)
			if got != set {
				return got
			}
			if n.Kind != yaml.ScalarNode {
				r.wants(n, what, "")
				return wrong
			}
			parsed, err := parse(n, r.bound[n])
			if err == errKind {
				r.wants(n, what, "")
				return wrong
			}
			if err != nil {
				r.fail(n, fmt.Sprintf("`%s`: %v", r.key, err), "")
				return wrong
			}
			*v = parsed
			return set
		},
	}
}

// errKind says that a value is of another kind than its key wants.
var errKind = fmt.Errorf("wrong kind")

// text is a plain text; numbers and the like are taken as written.
var text = scalarOf("a text", schema{"type": []string{"string", "number", "boolean"}}, func(n *yaml.Node, _ bool) (string, error) {
	return n.Value, nil
})

// textMatching is a text of a given form.
func textMatching(what, pattern string) shape[string] {
	re := regexp.MustCompile(pattern)
	return scalarOf(what, orExpression(schema{"type": []string{"string", "number", "boolean"}, "pattern": pattern}), func(n *yaml.Node, _ bool) (string, error) {
		if !re.MatchString(n.Value) {
			return "", fmt.Errorf("`%s` is not %s", shorten(n.Value), what)
		}
		return n.Value, nil
	})
}

// boolean is true or false.
var boolean = scalarOf("true or false", orExpression(schema{"type": "boolean"}), func(n *yaml.Node, bound bool) (bool, error) {
	if n.Tag == "!!bool" || bound && n.Tag == "!!str" {
		if b, err := strconv.ParseBool(strings.ToLower(n.Value)); err == nil && len(n.Value) > 1 {
			return b, nil
		}
	}
	return false, errKind
})

// integerFrom is a whole number that is at least least.
func integerFrom[V int | int64](least V) shape[V] {
	what := "a whole number"
	return scalarOf(what, orExpression(schema{"type": "integer", "minimum": least}), func(n *yaml.Node, bound bool) (V, error) {
		if n.Tag != "!!int" && !(bound && n.Tag == "!!str") {
			return 0, errKind
		}
		i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64)
		if bound && n.Tag == "!!str" {
			i, err = strconv.ParseInt(n.Value, 10, 64)
		}
		switch {
		case err != nil && bound && n.Tag == "!!str":
			return 0, errKind
		case err != nil:
			return 0, fmt.Errorf("`%s` is too large", n.Value)
		case i < int64(least):
			return 0, fmt.Errorf("%d is less than %d", i, least)
		case int64(V(i)) != i:
			return 0, fmt.Errorf("`%s` is too large", n.Value)
		}
		return V(i), nil
	})
}

// number is a number that is at least least.
func number(least float64) shape[float64] {
	return scalarOf("a number", orExpression(schema{"type": "number", "minimum": least}), func(n *yaml.Node, bound bool) (float64, error) {
		if n.Tag != "!!int" && n.Tag != "!!float" && !(bound && n.Tag == "!!str") {
			return 0, errKind
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
		switch {
		case err != nil || math.IsInf(f, 0) || math.IsNaN(f):
			return 0, errKind
		case f < least:
			return 0, fmt.Errorf("%s is less than %v", n.Value, least)
		}
		return f, nil
	})
}

const durationPattern = `^([0-9.]+(ms|s|m|h|d|w))+$`

// durationFrom is a length of time that is at least least.
func durationFrom(least time.Duration) shape[time.Duration] {
	return scalarOf("a duration such as 30s", orExpression(schema{"anyOf": []schema{{"const": 0}, {"const": "0"}, {"type": "string", "pattern": durationPattern}}}),
		func(n *yaml.Node, _ bool) (time.Duration, error) {
			if n.Tag == "!!bool" {
				return 0, errKind
			}
			d, err := ParseDuration(n.Value)
			if err == nil && d < least {
				err = fmt.Errorf("`%s` is less than %s", n.Value, Duration(least))
			}
			return d, err
		})
}

// Duration writes a duration as connector files do, such as `90s`, `5m` or `30d`.
func Duration(d time.Duration) string {
	for i := len(durationUnits) - 2; i >= 0; i-- { // weeks are not written
		if u := durationUnits[i]; d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	if d == 0 {
		return "0"
	}
	return d.String()
}

// byteSize is a size in bytes.
var byteSize = scalarOf("a size such as 64MB", orExpression(schema{"anyOf": []schema{{"type": "integer", "minimum": 1}, {"type": "string", "pattern": `(?i)^[0-9.]+ ?(b|[kmg]i?b)?$`}}}),
	func(n *yaml.Node, _ bool) (int64, error) {
		if n.Tag == "!!bool" {
			return 0, errKind
		}
		size, err := ParseSize(n.Value)
		if err == nil && size < 1 {
			err = fmt.Errorf("`%s` leaves room for nothing", n.Value)
		}
		return size, err
	})

// oneOf is one of a few words.
func oneOf[V ~string](words ...V) shape[V] {
	return oneOfAlso(func(*Options) []V { return nil }, words...)
}

// oneOfAlso is oneOf with words that whoever reads the file adds to.
func oneOfAlso[V ~string](more func(*Options) []V, words ...V) shape[V] {
	known := make([]string, len(words))
	for i, w := range words {
		known[i] = string(w)
	}
	return shape[V]{
		schema: func(*definitions) schema { return orExpression(schema{"enum": known}) },
		read: func(r reader, n *yaml.Node, v *V) given {
			n, got := r.resolve(n)
			if got != set {
				return got
			}
			if n.Kind != yaml.ScalarNode {
				r.wants(n, quoted(known), "")
				return wrong
			}
			if !slices.Contains(known, n.Value) && !slices.Contains(more(&r.opt), V(n.Value)) {
				known := slices.Clone(known)
				for _, w := range more(&r.opt) {
					known = append(known, string(w))
				}
				r.fail(n, fmt.Sprintf("`%s` is %s, not `%s`", r.key, quoted(known), shorten(n.Value)), meant(n.Value, known))
				return wrong
			}
			*v = V(n.Value)
			return set
		},
	}
}

// either is one of two words: false for the first, true for the second.
func either(no, yes string) shape[bool] {
	words := oneOf(no, yes)
	return shape[bool]{
		schema: words.schema,
		read: func(r reader, n *yaml.Node, v *bool) given {
			var word string
			got := words.read(r, n, &word)
			*v = word == yes
			return got
		},
	}
}

// regularExpression is a pattern of RE2.
var regularExpression = scalarOf("a regular expression", schema{"type": []string{"string", "number", "boolean"}}, func(n *yaml.Node, _ bool) (string, error) {
	if _, err := regexp.Compile(n.Value); err != nil {
		return "", fmt.Errorf("`%s` is not a regular expression: %s", shorten(n.Value), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return n.Value, nil
})

const identifierPattern = `^[A-Za-z_$][A-Za-z0-9_$]*$`

// orExpression lets an expression stand where the schema describes a plain value.
func orExpression(s schema) schema {
	return schema{"anyOf": []schema{s, {"$ref": "#/$defs/expression"}}}
}
