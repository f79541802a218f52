package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the tests run this very program as `runner`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"runner": main})
}
