package script

func newChildren(argv []string, limits Limits, slots *Slots, hook *HookSource, exprs []Source, c *code) isolation {
	return nil
}
