package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// fill makes the collection indicators, readable by everyone, with n records, and returns their ids.
// A collection that is there already (the same -dir) is left as it is.
func fill(ctx context.Context, app core.App, seed uint64, n int) ([]string, error) {
	if c, err := app.FindCollectionByNameOrId("indicators"); err == nil {
		return listed(app, c)
	}
	c := core.NewBaseCollection("indicators")
	c.ListRule = types.Pointer("")
	c.ViewRule = types.Pointer("")
	c.Fields.Add(
		&core.TextField{Name: "value", Required: true},
		&core.SelectField{Name: "kind", Values: []string{"ipv4", "domain", "url", "sha256"}},
		&core.NumberField{Name: "confidence"},
		&core.JSONField{Name: "source"},
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	c.AddIndex("indicators_updated", false, "updated", "")
	if err := app.Save(c); err != nil {
		return nil, err
	}
	ids := make([]string, 0, n)
	r := rand.New(rand.NewPCG(seed, 0))
	const batch = 500
	for from := 0; from < n; from += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := app.RunInTransaction(func(tx core.App) error {
			for i := from; i < min(from+batch, n); i++ {
				rec := indicator(c, r, i)
				if err := tx.SaveNoValidate(rec); err != nil {
					return fmt.Errorf("record %d: %w", i, err)
				}
				ids = append(ids, rec.Id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func indicator(c *core.Collection, r *rand.Rand, i int) *core.Record {
	rec := core.NewRecord(c)
	rec.Id = fmt.Sprintf("%015x", uint64(i)*0x9e3779b97f4a7c15>>4&0xfffffffffffffff)
	rec.Set("value", fmt.Sprintf("host-%05d.bücher.example", i))
	rec.Set("kind", []string{"ipv4", "domain", "url", "sha256"}[r.IntN(4)])
	rec.Set("confidence", r.IntN(101))
	rec.Set("source", map[string]any{"feed": fmt.Sprintf("feed-%d", r.IntN(12)), "tags": []string{"demo", "c2"}})
	return rec
}

func listed(app core.App, c *core.Collection) ([]string, error) {
	recs, err := app.FindAllRecords(c)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(recs))
	for i, rec := range recs {
		ids[i] = rec.Id
	}
	return ids, nil
}
