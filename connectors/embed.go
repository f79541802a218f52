// Package connectors holds the connectors that ship, as data: a folder each.
package connectors

import "embed"

// FS has one folder per connector: connector.yaml, hook.js where it is needed, cases.
//
//go:embed */*.yaml */*.js */cases/*.txtar
var FS embed.FS
