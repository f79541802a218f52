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
	f := finding{decision: SaysEnd}
	for _, name := range e.Deciders {
		if says := e.Of(name); says != Silent {
			f.decision, f.decider = says, name
			break
		}
	}
	if f.decider == "" { // nobody spoke: an end that nobody saw is a doubt
		f.doubt, f.detail = CodeNextTokenMissing, "no witness says whether there is more"
		return f
	}
	if f.decision == SaysMore {
		for _, name := range [...]string{WitnessMore, WitnessDone} {
			if name != f.decider && e.Of(name) == SaysEnd {
				f.flags = append(f.flags, name)
			}
		}
		if e.Missing != "" {
			f.doubt, f.detail = e.Missing, e.Detail
		} else if e.Next == nil {
			f.doubt, f.detail = CodeNextTokenMissing, "there is no next token although "+f.decider+" says more"
		}
		return f
	}
	for _, w := range e.Witnesses {
		if w.Name == f.decider || w.Says != SaysMore {
			continue
		}
		switch w.Name {
		case WitnessTotal, WitnessRemaining, WitnessTotalPages:
			f.detail = w.Name + " says " + w.Detail
			f.doubt = CodeShortOfTotal
		case WitnessMore, WitnessDone:
			f.detail = w.Name + " is " + w.Detail
			f.doubt = CodeNextTokenMissing
		default: // a page with records, a token that is not the decider's to judge: no contradiction
			continue
		}
		if f.decider == WitnessToken || f.decider == WitnessHook {
			f.doubt = CodeNextTokenMissing
		}
		if f.doubt == CodeShortOfTotal {
			break
		}
	}
	return f
}

// attest says how well a clean end is attested. Witnesses that restate one another count once: an
// end signal by status and the absence of a page are one.
func attest(r *Rules, s State, e Evidence) Attestation {
	if r.HasTotal && s.Total != nil && !s.TotalFell && (r.TotalKind == Exact || r.TotalKind == "") {
		if distinct := s.Received - s.Duplicates; s.Count() == *s.Total && s.Duplicates == s.Overlap || distinct == *s.Total {
			return Proved
		}
	}
	ends := 0
	for _, w := range e.Witnesses {
		if w.Says == SaysEnd && !(w.Name == WitnessPage && e.Of(WitnessStatus) == SaysEnd) {
			ends++
		}
	}
	if ends >= 2 {
		return Confirmed
	}
	return Assumed
}
