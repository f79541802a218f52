package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the file to the newest schema in one transaction. It refuses a file whose schema
// is newer than the migrations that are built in, before it changes anything.
func migrate(ctx context.Context, conn *sql.Conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	latest := len(names)
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // after COMMIT there is nothing to undo
	version, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if version > latest {
		return errNewer{version, latest}
	}
	if version == latest {
		return nil
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS runner_schema (version INTEGER NOT NULL)"); err != nil {
		return err
	}
	for i := version; i < latest; i++ {
		script, err := fs.ReadFile(migrations, names[i])
		if err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, string(script)); err != nil {
			return fmt.Errorf("migration %s: %w", names[i], err)
		}
	}
	if _, err := conn.ExecContext(ctx, "DELETE FROM runner_schema"); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "INSERT INTO runner_schema (version) VALUES (?)", latest); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// schemaVersion is 0 for a file without our tables.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int, error) {
	var n int
	err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'runner_schema'").Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	var version int
	err = conn.QueryRowContext(ctx, "SELECT version FROM runner_schema").Scan(&version)
	return version, err
}

// errNewer says that the file's schema is beyond what this program knows.
type errNewer struct{ have, known int }

func (e errNewer) Error() string {
	return fmt.Sprintf("it was written by a newer runner (schema %d; this one knows up to %d)", e.have, e.known)
}
