package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// classifiedBody is how much of a body `body_matches` sees, in bytes.
const classifiedBody = 64 << 10

// ErrUnreadable is what an Evaluator answers when an expression needs a body that is not what the
// connector reads (HTML where JSON is expected): on a 2xx answer the attempt is a `body` failure,
// on any other the rule does not match.
var ErrUnreadable = errors.New("the body is not what the connector reads")

// Evaluator evaluates what response rules say in expressions and references.
type Evaluator interface {
	When(ctx context.Context, r *spec.Rule, a *Answer) (bool, error)
	Message(ctx context.Context, r *spec.Rule, a *Answer) (string, error)
	// Wait returns the value of the rule's reference, nil when it is absent.
	Wait(ctx context.Context, r *spec.Rule, a *Answer) (json.RawMessage, error)
}

// Outcome is what an answer was found to be.
type Outcome struct {
	Class   spec.Class
	Message string        // of the rule, "" without
	Rule    *spec.Rule    // that matched, nil for the defaults
	Hooked  bool          // the hook gave the class
	Wait    time.Duration // the rule's, when HasWait
	HasWait bool
}

// Classifier finds the class of an answer: the rules in order, then the defaults of the format.
type Classifier struct {
	rules []compiledRule
	retry spec.Retry
	eval  Evaluator
}

type compiledRule struct {
	*spec.Rule
	header []*regexp.Regexp // one per Rule.Header
	body   *regexp.Regexp   // nil without
}

// NewClassifier compiles the rules. eval may be nil when no rule has an expression or reference.
func NewClassifier(rules []*spec.Rule, retry spec.Retry, eval Evaluator) (*Classifier, error) {
	c := &Classifier{retry: retry, eval: eval}
	for _, r := range rules {
		cr := compiledRule{Rule: r}
		for _, h := range r.Header {
			re, err := regexp.Compile(h.Regex)
			if err != nil {
				return nil, fmt.Errorf("%s: header %s: %w", r.Pos, h.Name, err)
			}
			cr.header = append(cr.header, re)
		}
		if r.BodyMatches != "" {
			re, err := regexp.Compile(r.BodyMatches)
			if err != nil {
				return nil, fmt.Errorf("%s: body_matches: %w", r.Pos, err)
			}
			cr.body = re
		}
		c.rules = append(c.rules, cr)
	}
	return c, nil
}

// Classify is a Config.Classify.
func (c *Classifier) Classify(ctx context.Context, a *Answer) (Outcome, error) {
	for _, r := range c.rules {
		ok, err := c.matches(ctx, r, a)
		if err != nil {
			return Outcome{}, err
		}
		if ok {
			return c.outcome(ctx, r.Rule, a)
		}
	}
	return Outcome{Class: defaultClass(a.Status, c.retry)}, nil
}

// defaultClass is the class of a status that no rule speaks of.
func defaultClass(status int, retry spec.Retry) spec.Class {
	switch {
	case Success(status):
		return spec.ClassOK
	case status == 429:
		return spec.ClassRateLimited
	case slices.Contains(retry.Status, status):
		return spec.ClassRetry
	case status == 401:
		return spec.ClassUnauthorized
	}
	return spec.ClassFailed
}

func (c *Classifier) matches(ctx context.Context, r compiledRule, a *Answer) (bool, error) {
	if len(r.Status) > 0 && !slices.ContainsFunc(r.Status, func(s spec.StatusRange) bool { return s.From <= a.Status && a.Status <= s.To }) {
		return false, nil
	}
	for i, h := range r.Rule.Header {
		if !slices.ContainsFunc(a.Header.Values(h.Name), r.header[i].MatchString) {
			return false, nil
		}
	}
	if r.body != nil && !r.body.Match(a.Body[:min(len(a.Body), classifiedBody)]) {
		return false, nil
	}
	if r.When == nil {
		return true, nil
	}
	ok, err := c.eval.When(ctx, r.Rule, a)
	if errors.Is(err, ErrUnreadable) && (a.Status < 200 || a.Status > 299) {
		return false, nil
	}
	return ok, err
}

func (c *Classifier) outcome(ctx context.Context, r *spec.Rule, a *Answer) (Outcome, error) {
	o := Outcome{Class: r.Is, Rule: r, Wait: r.WaitFor, HasWait: r.WaitFor > 0}
	if r.Message != nil {
		m, err := c.eval.Message(ctx, r, a)
		if err != nil && !errors.Is(err, ErrUnreadable) {
			return o, err
		}
		o.Message = m
	}
	if r.Wait != nil {
		v, err := c.eval.Wait(ctx, r, a)
		if err != nil && !errors.Is(err, ErrUnreadable) {
			return o, err
		}
		if d, ok := waitValue(v, moment{a.Received, a.Skew}); ok {
			o.Wait, o.HasWait = d, true
		}
	}
	return o, nil
}
