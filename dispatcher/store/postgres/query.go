package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// row reads one row outside of a transaction, with pgx.ErrNoRows.
func (s *Store) row(ctx context.Context, query string, args ...any) pgx.Row {
	return s.pool.QueryRow(ctx, s.sql(query), args...)
}

// rows reads all rows of one query, which is one snapshot, outside of a transaction.
func (s *Store) rows(ctx context.Context, query string, scan func(pgx.CollectableRow) error, args ...any) error {
	rows, err := s.pool.Query(ctx, s.sql(query), args...)
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
