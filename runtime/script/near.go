package script

// near returns the name that a misspelt one most likely means, "" when none is close: at most a third
// of its letters may be wrong, missing, too many or swapped.
func near(name string, names []string) string {
	if len(name) < 3 {
		return ""
	}
	best, found := len(name)/3+1, ""
	for _, n := range names {
		if d := distance(name, n, best); d < best {
			best, found = d, n
		}
	}
	return found
}

// distance is the number of edits (insert, delete, replace, swap of neighbours) that turn a into b;
// most when it is not below most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return min(prev[len(b)], most)
}
