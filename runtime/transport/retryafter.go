package transport

import "time"

// RetryAfter is how long the answer asks to be left alone (Retry-After in any of its forms, corrected
// by the skew of the server's clock), 0 when it does not ask.
func (a *Answer) RetryAfter() time.Duration {
	d, _ := retryAfter(a.Header, moment{a.Received, a.Skew})
	return d
}
