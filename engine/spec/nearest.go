package spec

import "strings"

// nearest returns the known word that word was likely meant to be: the one at the least edit
// distance (insert, delete, replace, swap of neighbours), when that is at most a third of its
// letters; else "".
func nearest(word string, known []string) string {
	best, least := "", 1<<30
	for _, k := range known {
		if k == word {
			continue
		}
		d := distance(fold(word), fold(k))
		if d < least {
			best, least = k, d
		}
	}
	if best == "" || least > max(1, min(len(best), len(word)+1)/3) || len(word) < 2 {
		return ""
	}
	return best
}

// fold makes spellings that differ in case, dashes, underscores and plural the same.
func fold(s string) string {
	s = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
	if one, ok := strings.CutSuffix(s, "ies"); ok {
		return one + "y"
	}
	if len(s) > 3 {
		return strings.TrimSuffix(s, "s")
	}
	return s
}

// distance is the optimal string alignment distance of two words, in bytes.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	var rows [3][66]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Nearest returns the known word that word was likely meant to be, or "".
func Nearest(word string, known []string) string { return nearest(word, known) }
