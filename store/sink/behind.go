package sink

// behind is how many bytes are gathered before the disk is set to work on them. The last few of such
// lots stay in the page cache, what is older leaves it: so the next sync is short, a long run takes no
// more of the system's memory than a short one, and the kernel has warm memory for what comes next. Lots
// of 8 MB are 4 % slower, those of 512 KB no faster.
const (
	behind      = 1 << 20
	behindKept  = 3
	behindTried = 16 // lots that are told to leave once more: a slow disk may not have had them
)

// hurry writes behind: it promises nothing, and waits for nothing.
func (f *file) hurry() {
	if f.opt.sync == "never" || f.length-f.started < behind {
		return
	}
	startSync(f.f, f.started, f.length-f.started)
	f.started = f.length
	if until := f.started - behindKept*behind; until > f.dropped {
		dropCache(f.f, f.dropped, until-f.dropped)
		f.dropped = max(f.dropped, until-behindTried*behind)
	}
}
