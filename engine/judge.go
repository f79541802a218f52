package engine

// finding is what judge makes of evidence.
type finding struct {
	decision Says   // of the decider
	decider  string // its name
	doubt    string // code, "" for none
	detail   string
	flags    []string // flags that say "end" and are not obeyed
}

// judge applies the two rules of section 6: going on follows the decider, and an end is clean only
// when no witness contradicts it. It is the only place where evidence becomes a decision.
func judge(e Evidence) finding {
	f := finding{}
	f.decider, f.decision = e.decider()
	switch f.decision {
	case Silent: // nobody spoke: an end that nobody saw is a doubt
		f.decision, f.doubt, f.detail = SaysEnd, CodeNextTokenMissing, "no witness says whether there is more"
		if e.Missing != "" {
			f.doubt, f.detail = e.Missing, e.Detail
		}
	case SaysMore:
		f.goingOn(e)
	default:
		f.ending(e)
	}
	return f
}

func (f *finding) goingOn(e Evidence) {
	for _, name := range [...]string{WitnessMore, WitnessDone} {
		if name != f.decider && e.Of(name) == SaysEnd {
			f.flags = append(f.flags, name)
		}
	}
	if e.Missing != "" {
		f.doubt, f.detail = e.Missing, e.Detail
	} else if e.Next == nil {
		f.doubt, f.detail = CodeNextTokenMissing, "there is no next token although "+e.sentence(f.decider)
	}
}

// ending looks for a witness that contradicts the end, a count before a flag. A page with records
// is no contradiction, and neither is a token that is not asked to decide.
func (f *finding) ending(e Evidence) {
	for _, w := range e.Witnesses {
		if w.Name == f.decider || w.Says != SaysMore {
			continue
		}
		switch w.Name {
		case WitnessTotal, WitnessRemaining, WitnessTotalPages:
			f.detail = e.sentence(w.Name)
			f.doubt = CodeShortOfTotal
		case WitnessMore, WitnessDone:
			if f.doubt == "" {
				f.detail = e.sentence(w.Name)
				f.doubt = CodeNextTokenMissing
			}
		}
		if f.doubt == CodeShortOfTotal {
			break
		}
	}
	if f.doubt != "" && (f.decider == WitnessToken || f.decider == WitnessHook) {
		f.doubt = CodeNextTokenMissing // what the pattern needs is not there
	}
}

// attest says how well a clean end is attested. Witnesses that restate one another count once: an
// end signal by status and the absence of a page are one.
func attest(r *Rules, s State, e Evidence) Attestation {
	if r.HasTotal && s.Total != nil && !s.TotalFell && (r.TotalKind == Exact || r.TotalKind == "") {
		if s.Received-s.Duplicates == *s.Total {
			return Proved
		}
	}
	ends := 0
	for _, w := range e.Witnesses {
		if w.Says == SaysEnd && (w.Name != WitnessPage || e.Of(WitnessStatus) != SaysEnd) {
			ends++
		}
	}
	if ends >= 2 {
		return Confirmed
	}
	return Assumed
}
