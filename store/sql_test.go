package store_test

import (
	"database/sql"
	"path/filepath"
	"syscall"
	"testing"
)

// execSQL changes a ledger's file behind its back.
func execSQL(t testing.TB, path, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	check(t, err)
	defer db.Close()
	_, err = db.Exec(query, args...)
	check(t, err)
}

func querySQL[T any](t testing.TB, path, query string, args ...any) (list []T) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	check(t, err)
	defer db.Close()
	rows, err := db.Query(query, args...)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var v T
		check(t, rows.Scan(&v))
		list = append(list, v)
	}
	check(t, rows.Err())
	return list
}

// smallDisk mounts a disk of the given size; ok is false where that is not allowed.
func smallDisk(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "disk")
	check(t, syscall.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Logf("no small disk here: %v", err)
		return "", false
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, true
}
