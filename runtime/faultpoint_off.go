//go:build !faultpoints

package runtime

// faultPoint does nothing in an ordinary build; see faultpoint_on.go.
func faultPoint(string) {}
