package store

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// Self describes this process as an owner of leases; its ID is random.
func Self(now time.Time) engine.Owner {
	host, _ := os.Hostname()
	return engine.Owner{ID: rand.Text(), Host: host, PID: os.Getpid(), Boot: bootID(), Since: now}
}

// lease is a row of runner_lease.
type lease struct {
	epoch              int64
	owner              engine.Owner
	namespace, started string
	until              int64
}

const selectLease = "SELECT epoch, owner, host, pid, boot, namespace, started, since, until FROM runner_lease WHERE stream = ?"

func (r *lease) fields() []any {
	return []any{&r.epoch, &r.owner.ID, &r.owner.Host, &r.owner.PID, &r.owner.Boot, &r.namespace, &r.started, timeField{&r.owner.Since}, &r.until}
}

// live says whether the lease keeps o out: it has not been given back, has not expired, and its
// owner is not known to be gone.
func (r *lease) live(now time.Time, o engine.Owner) bool {
	return r.until > nanos(now) && !r.gone(o)
}

// gone says whether the lease's process has ended for certain, as seen by o on the same host.
func (r *lease) gone(o engine.Owner) bool {
	if r.owner.Host != o.Host {
		return false
	}
	if r.owner.Boot != o.Boot {
		return r.owner.Boot != "" && o.Boot != ""
	}
	if r.namespace != pidNamespace() {
		return false // numbers of another container's processes say nothing here
	}
	start, known := processStart(r.owner.PID)
	return known && (start == "" || r.started != "" && start != r.started)
}

// Acquire takes the stream for o. It answers *engine.HeldError while another lease lives: one that
// was not given back, has not run out, and whose process, if it ran on o's host, still exists.
func (db *DB) Acquire(ctx context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	got := engine.Lease{Stream: s, Owner: o}
	err := db.write(ctx, func(t *tx) error {
		id, err := t.id(s)
		if err != nil {
			return err
		}
		now := db.opt.Now()
		var old lease
		ok, err := t.get(selectLease, []any{id}, old.fields()...)
		if err != nil {
			return err
		}
		if ok && old.live(now, o) {
			return &engine.HeldError{Stream: s, Owner: old.owner, Until: moment(old.until)}
		}
		got.Epoch = old.epoch + 1
		started, _ := processStart(o.PID)
		_, err = t.exec(`INSERT INTO runner_lease (stream, epoch, owner, host, pid, boot, namespace, started, since, until)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (stream) DO UPDATE SET epoch = excluded.epoch, owner = excluded.owner, host = excluded.host, pid = excluded.pid,
				boot = excluded.boot, namespace = excluded.namespace, started = excluded.started, since = excluded.since, until = excluded.until`,
			id, got.Epoch, o.ID, o.Host, o.PID, o.Boot, pidNamespace(), started, nanos(o.Since), nanos(now.Add(db.opt.TTL)))
		return err
	})
	if err != nil {
		return engine.Lease{}, err
	}
	return got, nil
}

// TTL is how long a lease lasts unless it is renewed; renew about three times as often.
func (db *DB) TTL() time.Duration { return db.opt.TTL }

// Renew prolongs the lease by TTL from now. A lease that is lost is left alone, with an error that
// is engine.ErrFenced; one that has run out but that nobody has taken since lives again.
func (db *DB) Renew(ctx context.Context, l engine.Lease) error {
	return db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE runner_lease SET until = ? WHERE stream = ? AND epoch = ?", nanos(db.opt.Now().Add(db.opt.TTL)), id, l.Epoch)
		return err
	})
}

// Release gives the lease back. A lease that is lost is left alone.
func (db *DB) Release(ctx context.Context, l engine.Lease) error {
	return db.write(ctx, func(t *tx) error {
		id, err := t.id(l.Stream)
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE runner_lease SET until = 0 WHERE stream = ? AND epoch = ?", id, l.Epoch)
		return err
	})
}

// Holder returns who is running the stream now, nil when nobody is.
func (db *DB) Holder(ctx context.Context, s engine.StreamKey) (*engine.HeldError, error) {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return nil, err
	}
	var r lease
	ok, err := db.read(ctx, selectLease, []any{id}, r.fields()...)
	if err != nil || !ok {
		return nil, err
	}
	if !r.live(db.opt.Now(), Self(time.Time{})) {
		return nil, nil
	}
	return &engine.HeldError{Stream: s, Owner: r.owner, Until: moment(r.until)}, nil
}
