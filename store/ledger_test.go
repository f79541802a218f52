package store_test

import (
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

var _ runtime.Ledger = (*store.DB)(nil)
