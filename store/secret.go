package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	saltSize  = 16
	nonceSize = 12
)

// ErrSealed says that a secret was stored with a key that this ledger was not opened with.
var ErrSealed = errors.New("it was sealed with another key, or the key is not given")

// Secret returns what PutSecret stored under the name, "" when nothing was.
func (db *DB) Secret(ctx context.Context, name string) (string, error) {
	var sealed bool
	var value []byte
	ok, err := db.read(ctx, "SELECT sealed, value FROM runner_secret WHERE name = ?", []any{name}, &sealed, &value)
	if err != nil || !ok {
		return "", err
	}
	if !sealed {
		return string(value), nil
	}
	open, err := unseal(db.opt.SecretKey, name, value)
	if err != nil {
		return "", fmt.Errorf("state file %s: secret %s: %w", db.name, name, err)
	}
	return string(open), nil
}

// PutSecret stores a secret durably: sealed with Options.SecretKey when there is one. The value ""
// removes it.
func (db *DB) PutSecret(ctx context.Context, name, value string) error {
	stored, sealed := []byte(value), false
	if db.opt.SecretKey != "" {
		var err error
		if stored, err = seal(db.opt.SecretKey, name, value); err != nil {
			return err
		}
		sealed = true
	}
	err := db.write(ctx, func(t *tx) error {
		if value == "" {
			_, err := t.exec("DELETE FROM runner_secret WHERE name = ?", name)
			return err
		}
		_, err := t.exec(`INSERT INTO runner_secret (name, sealed, value, updated) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, value = excluded.value, updated = excluded.updated`,
			name, sealed, stored, nanos(db.opt.Now()))
		return err
	})
	if err != nil {
		return err
	}
	// A rotated token that is lost locks its owner out, so it has to survive a power cut as well.
	return db.checkpoint(ctx)
}

// checkpoint moves the log's commits into the file and both to the disk, as far as readers allow.
func (db *DB) checkpoint(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case db.turn <- struct{}{}:
	}
	defer func() { <-db.turn }()
	if db.closed {
		return errClosed
	}
	_, err := db.conn.ExecContext(background, "PRAGMA wal_checkpoint(FULL)")
	return db.explain(err)
}

// seal gives salt, nonce and AES-256-GCM text. The key is derived for each value by HKDF-SHA-256
// (RFC 5869) with the salt; the name is authenticated with it.
func seal(key, name, value string) ([]byte, error) {
	out := make([]byte, saltSize+nonceSize, saltSize+nonceSize+len(value)+16)
	rand.Read(out)
	gcm, err := sealer(key, out[:saltSize])
	if err != nil {
		return nil, err
	}
	return gcm.Seal(out, out[saltSize:], []byte(value), []byte(name)), nil
}

func unseal(key, name string, b []byte) ([]byte, error) {
	if key == "" || len(b) < saltSize+nonceSize {
		return nil, ErrSealed
	}
	gcm, err := sealer(key, b[:saltSize])
	if err != nil {
		return nil, err
	}
	open, err := gcm.Open(nil, b[saltSize:saltSize+nonceSize], b[saltSize+nonceSize:], []byte(name))
	if err != nil {
		return nil, ErrSealed
	}
	return open, nil
}

func sealer(key string, salt []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, []byte(key), salt, "lastpage secret", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
