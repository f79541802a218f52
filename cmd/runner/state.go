package main

import "github.com/spf13/cobra"

func newState() *cobra.Command { return &cobra.Command{Use: "state"} }
func newWhy() *cobra.Command   { return &cobra.Command{Use: "why"} }
