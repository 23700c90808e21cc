package postgres

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations only add: the version before must be able to work beside them.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate makes the schema and brings it up to date; of several processes one does it.
func migrate(ctx context.Context, pool *pgxpool.Pool, schema string, log *slog.Logger) (err error) {
	if err := makeSchema(ctx, pool, schema); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresTableLocker(lock.WithTableName(schema+".goose_lock"),
		lock.WithTableLockTimeout(500*time.Millisecond, 600), lock.WithTableLogger(log))
	if err != nil {
		return fmt.Errorf("preparing the migrations' lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, inSchema{files, schema}, goose.WithDisableGlobalRegistry(true), goose.WithSlog(log),
		goose.WithTableName(schema+".goose_db_version"), goose.WithLocker(locker))
	if err != nil {
		return fmt.Errorf("reading the store's migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrating the store: %w", err)
	}
	for _, m := range done {
		log.Info("store migrated", "version", m.Source.Version, "duration", m.Duration)
	}
	return nil
}

// makeSchema asks first, because a role may use a schema that it may not make.
func makeSchema(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	var exists bool
	if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`, schema).Scan(&exists); err != nil || exists {
		return err
	}
	_, err := pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+schema)
	if c := code(err); c == "23505" || c == "42P06" { // another process made it at the same moment
		return nil
	}
	return err
}

// inSchema are the migrations with the schema in the place of each "@.".
type inSchema struct {
	fs.FS
	schema string
}

// Open implements fs.FS.
func (f inSchema) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return placed{File: file, text: bytes.NewReader(bytes.ReplaceAll(text, []byte("@."), []byte(f.schema+".")))}, nil
}

// placed is a file with other text.
type placed struct {
	fs.File
	text *bytes.Reader
}

// Read implements fs.File.
func (p placed) Read(b []byte) (int, error) { return p.text.Read(b) }
