package engine

// advance is how many pages of the list p, which was asked for at s, is: what total_pages is compared
// with. A page that is asked for again counts once, and one that is refused not at all. A fallback's page
// counts when it brings new records, as many pages as they would have filled.
func (s *State) advance(p Page, drop bool) int64 {
	switch {
	case s.Again || drop:
		return 0
	case s.Rung == 0:
		return 1
	case p.New == 0:
		return 0
	case s.Largest == 0:
		return 1
	}
	return (int64(p.New) + int64(s.Largest) - 1) / int64(s.Largest)
}

// pagesBehind is how many pages of the list lie behind the walk once p is counted in; full leaves out the
// empty ones at the end. numbered is whether the page's own number tells.
func (r *Rules) pagesBehind(s, after State, p Page) (read, full int64, numbered bool) {
	read = after.Pages - after.Reread
	if r.Type == PageNumber && s.Rung == 0 {
		if number, err := integer(s.Position, (pageNumber{r}).start()); err == nil {
			read, numbered = number-r.base()+1, true
			if refused := p.Records > 0 && after.Received == s.Received; refused && !s.Again {
				read--
			}
		}
	}
	full = read
	if p.Records == 0 {
		full -= int64(s.Empty) + 1
	}
	return read, full, numbered
}

// totalPagesSays compares the pages behind the walk with total_pages, as totalSays does with records.
// After a fallback the pages of a token pattern are not those of one walk through the list, unless it
// was a restart: fewer than the total is still too few, enough proves nothing.
func totalPagesSays(r *Rules, s, after State, p Page) (Says, string) {
	read, full, numbered := r.pagesBehind(s, after, p)
	detail := outOf(read, *after.TotalPages)
	switch {
	case !numbered && len(s.Origin) > 0:
		return Silent, detail + ", of a walk that began in the middle"
	case read < *after.TotalPages:
		return SaysMore, detail
	case full > *after.TotalPages:
		return Silent, outOf(full, *after.TotalPages) + ", more than it says"
	case !numbered && r.mixes(s):
		return Silent, detail + ", some of them read again"
	case after.PagesFell:
		return Silent, detail + ", a number that fell during the walk"
	}
	return SaysEnd, detail
}

// mixes reports whether fallbacks have led the walk over pages that are not the pattern's own.
func (r *Rules) mixes(s State) bool {
	if s.Recovered == 0 {
		return false
	}
	for _, kind := range r.Fallback {
		if kind != FallbackRestart {
			return true
		}
	}
	return false
}

// totalPages notes what the page says of total_pages, in the way of totals.
func (w *Walk) totalPages(s State, after *State, p Page, rest bool, v *Verdict) error {
	n, known, err := count("total_pages", p.TotalPages)
	if err != nil {
		return err
	}
	_, full, numbered := w.Rules.pagesBehind(s, *after, p)
	if known && p.Records == 0 && s.TotalPages != nil && *s.TotalPages > full && n < full {
		v.note(EventTotalChanged, "total_pages from %d to %d on an empty page, after %d pages: not believed", *s.TotalPages, n, full)
		known = false
	}
	if known && (!rest || s.TotalPages == nil) {
		after.TotalPages = &n
		after.PagesFell = s.PagesFell || s.TotalPages != nil && n < *s.TotalPages
	}
	whole := numbered || len(s.Origin) == 0 && !w.Rules.mixes(s)
	if t := after.TotalPages; t != nil && whole && !s.Again && p.Records > 0 && full > *t && (s.TotalPages == nil || full-1 <= *s.TotalPages) {
		v.note(EventTotalExceeded, "page %d, total_pages says %d", full, *t)
	}
	return nil
}
