package sink

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse takes a sink's URI apart and checks its options against the kind's.
func parse(uri string, kinds []Kind) (*Kind, string, Settings, error) {
	switch {
	case uri == "-":
		uri = "jsonl:-"
	case strings.HasPrefix(uri, "https://"), strings.HasPrefix(uri, "http://"):
		uri = "http:" + uri
	}
	name, rest, ok := strings.Cut(uri, ":")
	var names []string
	for i := range kinds {
		names = append(names, kinds[i].Name)
	}
	if !ok {
		hint := ""
		if ext := strings.TrimPrefix(filepath.Ext(uri), "."); slices.Contains(names, ext) {
			hint = fmt.Sprintf("; write %s:%s", ext, uri)
		}
		return nil, "", nil, fmt.Errorf("sink %q: the kind is missing (%s)%s", uri, strings.Join(names, ", "), hint)
	}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, "", nil, fmt.Errorf("sink %q: unknown kind %q%s", uri, name, suggest(name, names))
	}
	kind := &kinds[i]
	target, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(strings.ReplaceAll(query, ";", "%3B")) // no separator here
	if err != nil {
		return nil, "", nil, fmt.Errorf("sink %q: options: %w", uri, err)
	}
	set := Settings{}
	for option, v := range values {
		if !kind.takes(option) {
			return nil, "", nil, fmt.Errorf("sink %q: unknown option %q of %s%s", uri, option, name, suggest(option, kind.optionNames()))
		}
		if len(v) > 1 {
			return nil, "", nil, fmt.Errorf("sink %q: option %q is given twice", uri, option)
		}
		set[option] = v[0]
	}
	return kind, target, set, nil
}

func (k *Kind) takes(option string) bool {
	for _, o := range k.Options {
		prefix, below := strings.CutSuffix(o.Name, "*")
		if option == o.Name || below && strings.HasPrefix(option, prefix) && option != prefix {
			return true
		}
	}
	return false
}

func (k *Kind) optionNames() []string {
	var names []string
	for _, o := range k.Options {
		names = append(names, o.Name)
	}
	return names
}

// suggest names the nearest known name when one is near, else lists them.
func suggest(name string, known []string) string {
	best, at := 3, ""
	for _, k := range known {
		if d := distance(name, k); d < best {
			best, at = d, k
		}
	}
	switch {
	case at != "":
		return fmt.Sprintf("; did you mean %q?", at)
	case len(known) == 0:
		return "; it has none"
	}
	return "; known: " + strings.Join(known, ", ")
}

// distance counts the letters to insert, delete, replace or swap (Levenshtein, with transpositions of neighbours).
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// Settings are the options of a URI.
type Settings map[string]string

// word returns an option that is one of a few words; the first is the default.
func (s Settings) word(name string, words ...string) (string, error) {
	v, ok := s[name]
	if !ok {
		return words[0], nil
	}
	if !slices.Contains(words, v) {
		return "", fmt.Errorf("option %s=%s: it is one of %s", name, v, strings.Join(words, ", "))
	}
	return v, nil
}

func (s Settings) flag(name string) (bool, error) {
	if s[name] == "" {
		return has(s, name), nil
	}
	v, err := s.word(name, "false", "true")
	return v == "true", err
}

func has(s Settings, name string) bool {
	_, ok := s[name]
	return ok
}

func (s Settings) number(name string, unset int) (int, error) {
	v, ok := s[name]
	if !ok {
		return unset, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("option %s=%s: it is a whole number above 0", name, v)
	}
	return n, nil
}

func (s Settings) size(name string, unset int64) (int64, error) {
	v, ok := s[name]
	if !ok {
		return unset, nil
	}
	n, ok := size(v)
	if !ok {
		return 0, fmt.Errorf("option %s=%s: it is a size such as 64KB or 100MB", name, v)
	}
	return n, nil
}

func (s Settings) duration(name string, unset time.Duration) (time.Duration, error) {
	v, ok := s[name]
	if !ok {
		return unset, nil
	}
	d, ok := duration(v)
	if !ok {
		return 0, fmt.Errorf("option %s=%s: it is a duration such as 30s or 1h", name, v)
	}
	return d, nil
}

// option reads one option and collects what is wrong with it.
func option[T any](errs *[]error, read func(string, T) (T, error), name string, unset T) T {
	v, err := read(name, unset)
	if err != nil {
		*errs = append(*errs, err)
	}
	return v
}

// size reads 512, 64KB, 100MB, 2GB; a KB is 1,024 bytes.
func size(s string) (int64, bool) {
	digits := strings.TrimRight(s, "BKMGkmgb")
	n, err := strconv.ParseInt(digits, 10, 64)
	shift := map[string]int{"": 0, "B": 0, "KB": 10, "MB": 20, "GB": 30}
	by, ok := shift[strings.ToUpper(s[len(digits):])]
	if err != nil || n <= 0 || !ok || n > 1<<62>>by {
		return 0, false
	}
	return n << by, true
}

// duration reads what time.ParseDuration does, and days.
func duration(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// place is a target with {stream} replaced; a stream's name cannot leave the folder.
func place(target, stream string) string {
	if !strings.Contains(target, "{stream}") {
		return target
	}
	return strings.ReplaceAll(target, "{stream}", strings.NewReplacer("/", "_", "\\", "_", "\x00", "_").Replace(stream))
}
