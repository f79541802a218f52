// Package auth puts credentials on requests: one file for each kind of `http.auth`.
//
// A Scheme finishes a request last of all, again for each attempt. Credentials that expire are kept
// in a Tokens, which the whole process shares: they are renewed before their end and once on a
// refusal, by one of those who wait for all of them.
//
// It sends nothing by itself: token requests go through Env.Do, which has its own retries. It does
// not decide what a refusal is.
package auth
