package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statementTimeout bounds a statement outside of a transaction, also when the database's
// host vanishes without a word: its connection must not be kept from others.
const statementTimeout = 5 * time.Second

// row reads one row outside of a transaction, with pgx.ErrNoRows.
func (s *Store) row(ctx context.Context, query string, args ...any) pgx.Row {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	return boundedRow{s.pool.QueryRow(ctx, s.sql(query), args...), cancel}
}

// boundedRow ends its context when it is scanned.
type boundedRow struct {
	pgx.Row
	cancel context.CancelFunc
}

// Scan implements pgx.Row.
func (r boundedRow) Scan(dest ...any) error {
	defer r.cancel()
	return r.Row.Scan(dest...)
}

// exec runs a statement that is a transaction of its own, and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, pool *pgxpool.Pool, query string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	tag, err := pool.Exec(ctx, s.sql(query), args...)
	return tag.RowsAffected(), explain(err)
}

// rows reads all rows of one query, which is one snapshot, outside of a transaction.
func (s *Store) rows(ctx context.Context, query string, scan func(pgx.CollectableRow) error, args ...any) error {
	return s.rowsOf(ctx, s.pool, query, scan, args...)
}

func (s *Store) rowsOf(
	ctx context.Context, pool *pgxpool.Pool, query string, scan func(pgx.CollectableRow) error, args ...any,
) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := pool.Query(ctx, s.sql(query), args...)
	if err != nil {
		return explain(err)
	}
	return explain(each(rows, scan))
}

// row reads one row, with pgx.ErrNoRows.
func (t *tx) row(ctx context.Context, query string, args ...any) pgx.Row {
	return t.QueryRow(ctx, t.store.sql(query), args...)
}

// rows reads all rows.
func (t *tx) rows(ctx context.Context, query string, scan func(pgx.CollectableRow) error, args ...any) error {
	rows, err := t.Query(ctx, t.store.sql(query), args...)
	if err != nil {
		return err
	}
	return each(rows, scan)
}

// exec runs a statement that changes rows and returns their number.
func (t *tx) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.Exec(ctx, t.store.sql(query), args...)
	return tag.RowsAffected(), err
}

func each(rows pgx.Rows, scan func(pgx.CollectableRow) error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
